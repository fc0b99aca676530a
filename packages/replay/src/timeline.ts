/**
 * What a picture of a run shows of its trajectories: state, reward, and of each segment how long it is and how it ended. Read by key and in one pass, since runs have tens of thousands.
 */
import { parseTrajectoryId, SegueError, type TimelineRow } from '@segue/core';
import type { TrajectoryRow } from './rows.js';
import { requireRun } from './runs.js';
import { type Tables, trajectoryKey } from './tables.js';

/** Rows of one message: some tens of kilobytes. */
const rowsAtOnce = 256;

/** First the rows of `also`, then those of groups from `fromGroup` on, in order of planning. */
export function* timelineOf(
  tables: Tables,
  runId: string,
  fromGroup: number,
  also: readonly string[],
): Generator<{ rows: readonly TimelineRow[] }> {
  requireRun(tables, runId);
  let rows: TimelineRow[] = [];
  for (const trajectory of trajectoriesOf(tables, runId, fromGroup, also)) {
    rows.push(rowOf(tables, trajectory));
    if (rows.length < rowsAtOnce) continue;
    yield { rows };
    rows = [];
  }
  if (rows.length > 0) yield { rows };
}

function* trajectoriesOf(
  tables: Tables,
  runId: string,
  fromGroup: number,
  also: readonly string[],
): Generator<TrajectoryRow> {
  for (const id of also) {
    if (parseTrajectoryId(id).runId !== runId) {
      throw new SegueError('INVALID_INPUT', `trajectory ${id} is not of run ${runId}`);
    }
    const trajectory = tables.trajectories.get(trajectoryKey(id));
    if (trajectory !== undefined) yield trajectory;
  }
  yield* tables.trajectories.rows([runId], rowsAtOnce, [runId, fromGroup]);
}

function rowOf(tables: Tables, { id, state, score, segmentCount }: TrajectoryRow): TimelineRow {
  const segments = Array.from({ length: segmentCount }, (_, i) => tables.segments.get(trajectoryKey(id, i)));
  return {
    trajectoryId: id,
    state,
    reward: score?.reward ?? null,
    segments: segments.flatMap((row) => {
      if (row === undefined) return [];
      const { iteration, tokenCount, endReason, policyVersion } = row;
      return [{ iteration, tokens: tokenCount, endReason, policyVersion }];
    }),
  };
}
