/**
 * Puts what a dead letter stands for back to work. A trajectory whose group was not trained on goes on (its group is open again); a group that a version
 * has consumed stays as it is, and its problem is drawn again instead. Runs inside a transaction.
 */
import { type RequeueOutcome, SegueError } from '@segue/core';
import { dropLetter, requireLetter } from './dead-letters.js';
import { moveGroups, type WriteContext } from './iterations.js';
import { type GroupRow, type TrajectoryRow, untriedProblem } from './rows.js';
import { unjudged } from './score.js';
import { type Tables, trajectoryKey } from './tables.js';
import { putTrajectory, requireTrajectory } from './trajectories.js';

export function requeueLetter(context: WriteContext, id: string): RequeueOutcome {
  const { tables, note } = context;
  const { kind, subject, runId } = requireLetter(tables, id);
  if (kind === 'message') {
    throw new SegueError(
      'FAILED_PRECONDITION',
      `dead letter ${id} is a bus message: the controller publishes it again`,
    );
  }
  dropLetter(context, id);
  const before = requireTrajectory(tables, subject);
  const group = tables.groups.get([runId, trajectoryKey(subject)[1] ?? 0]);
  if (before.state !== 'failed' || group === undefined || isTaken(group)) {
    changeTally(tables, runId, before.problemId, { requeued: true });
    return 'problem-drawn-again';
  }
  const after = kind === 'score' ? judgedAnew(before) : generatedAnew(tables, before);
  putTrajectory(context, runId, before, after);
  if (group.state !== 'open') {
    moveGroups(tables, note, [{ ...group, state: 'open', usable: 0, unequal: false }]);
    changeTally(tables, runId, before.problemId, {}, 1);
  }
  // The scorers are asked by whoever hears of a score.
  note({ kind: kind === 'score' ? 'score' : 'requeued', runId, trajectory: after });
  return kind === 'score' ? 'judged-again' : 'generated-again';
}

/** Whether a batch holds the group or held it: a group is consumed by one version, as it was. */
function isTaken({ state }: GroupRow): boolean {
  return state === 'frozen' || state === 'consumed';
}

function judgedAnew(trajectory: TrajectoryRow): TrajectoryRow {
  return { ...unjudged(trajectory), state: 'finished' };
}

function generatedAnew(tables: Tables, trajectory: TrajectoryRow): TrajectoryRow {
  const { id, segmentCount, failedTries } = trajectory;
  const newest = tables.segments.get(trajectoryKey(id, segmentCount - 1));
  return {
    ...trajectory,
    state: segmentCount === 0 ? 'pending' : 'unfinished',
    endReason: newest?.endReason ?? null,
    failedTries: failedTries.filter(({ index }) => index !== segmentCount),
  };
}

function changeTally(
  tables: Tables,
  runId: string,
  problemId: string,
  changes: { readonly requeued?: boolean },
  openGroups = 0,
): void {
  const tally = tables.problemTallies.get([runId, problemId]) ?? untriedProblem;
  const next = { ...tally, ...changes, givenUp: false, openGroups: tally.openGroups + openGroups };
  tables.problemTallies.put([runId, problemId], next);
}
