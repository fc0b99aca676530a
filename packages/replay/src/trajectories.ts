/**
 * Writes and reads of trajectories, segments, scores and their groups. Writes run inside a transaction. The rules are in append.ts and score.ts.
 */
import {
  type AppendResult,
  type CompleteGroup,
  isTerminal,
  type Score,
  type ScoreResult,
  type Segment,
  SegueError,
  type Trajectory,
  type TrajectoryRecord,
  type TrajectorySummary,
} from '@segue/core';
import {
  errorsOf,
  isSpanning,
  joinSegment,
  judgeAppend,
  requireSegment,
  splitSegment,
  summaryOf,
  withFailedTry,
  withSegment,
} from './append.js';
import { givenUpScore, givenUpTrajectory, writeLetter } from './dead-letters.js';
import { moveGroups, unfinishedKey, type WriteContext } from './iterations.js';
import { isRetired, requireRecords } from './retired.js';
import { type Counters, type GroupRow, moveCount, type TrajectoryRow, untriedProblem } from './rows.js';
import { countersOf, requireProblem, requireRun } from './runs.js';
import {
  canRecordScore,
  isGroupComplete,
  isJudged,
  requireScore,
  withMembersOver,
  withScore,
  withVerdict,
} from './score.js';
import { type Key, type Tables, trajectoryKey } from './tables.js';

/** @throws SegueError NOT_FOUND */
export function requireTrajectory(tables: Tables, id: string): TrajectoryRow {
  const trajectory = tables.trajectories.get(trajectoryKey(id));
  if (trajectory === undefined) throw new SegueError('NOT_FOUND', `trajectory ${id} was never planned`);
  return trajectory;
}

/** Commits a segment by compare-and-append. */
export function appendSegment(context: WriteContext, runId: string, segment: Segment): AppendResult {
  const { tables, note } = context;
  requireSegment(segment);
  requireOfRun(runId, segment.trajectoryId);
  const before = requireTrajectory(tables, segment.trajectoryId);
  const iteration = tables.iterations.get([runId, segment.iteration]) ?? null;
  const { outcome, detail } = judgeAppend(segment, before, iteration);
  const counters = countAppend(tables, runId, outcome);
  if (outcome !== 'committed') {
    tables.counters.put([runId], counters);
    return { outcome, kept: readSegment(tables, segment.trajectoryId, segment.index), detail };
  }
  if (segment.endReason === 'error') {
    const after = withFailedTry(before, segment, iteration?.maxAttempts ?? 0);
    const segmentsByEndReason = moveCount(counters.segmentsByEndReason, null, 'error');
    putTrajectory(context, runId, before, after, { ...counters, segmentsByEndReason });
    if (after.state === 'failed') writeLetter(context, runId, givenUpTrajectory(after, segment));
    note({ kind: 'failed-try', runId, trajectory: after, iteration: segment.iteration });
    completeGroupOf(context, runId, after);
    return { outcome, kept: null, detail: `failed try ${errorsOf(after)} counted; the trajectory is ${after.state}` };
  }
  const after = withSegment(before, segment);
  const { row, tokens } = splitSegment(segment);
  const key = trajectoryKey(segment.trajectoryId, segment.index);
  tables.segments.put(key, row);
  tables.tokens.put(key, tokens);
  putTrajectory(context, runId, before, after, withCounts(counters, segment, after));
  note({ kind: 'segment', runId, trajectory: after, segment: row });
  return { outcome, kept: segment, detail };
}

function withCounts(counters: Counters, { endReason, tokens, meter }: Segment, after: TrajectoryRow): Counters {
  const isOver = isTerminal(endReason);
  return {
    ...counters,
    segmentsByEndReason: moveCount(counters.segmentsByEndReason, null, endReason),
    finished: counters.finished + (isOver ? 1 : 0),
    spanning: counters.spanning + (isOver && isSpanning(after) ? 1 : 0),
    generatedTokens: counters.generatedTokens + tokens.length,
    reprefilledTokens: counters.reprefilledTokens + meter.reprefillTokens,
    promptTokens: counters.promptTokens + meter.promptTokens,
  };
}

function countAppend(tables: Tables, runId: string, outcome: AppendResult['outcome']): Counters {
  const counters = countersOf(tables, runId);
  return { ...counters, appendsByOutcome: moveCount(counters.appendsByOutcome, null, outcome) };
}

function requireOfRun(runId: string, trajectoryId: string): void {
  if (trajectoryKey(trajectoryId)[0] === runId) return;
  throw new SegueError('INVALID_INPUT', `trajectory ${trajectoryId} does not belong to run ${runId}`);
}

/** Records a verdict. */
export function recordScore(context: WriteContext, runId: string, score: Score): ScoreResult {
  const { tables, note } = context;
  requireScore(score);
  requireOfRun(runId, score.trajectoryId);
  const before = requireTrajectory(tables, score.trajectoryId);
  if (!canRecordScore(score, before)) return { recorded: false, kept: before.score ?? score };
  const after = withScore(before, score);
  putTrajectory(context, runId, before, after);
  if (after.state === 'failed') writeLetter(context, runId, givenUpScore(after, score));
  if (isJudged(score)) {
    const key = [runId, before.problemId];
    tables.problemTallies.put(key, withVerdict(tables.problemTallies.get(key) ?? untriedProblem, score));
  }
  note({ kind: 'score', runId, trajectory: after });
  completeGroupOf(context, runId, after);
  return { recorded: true, kept: score };
}

/** Nothing could be generated for it, as against no verdict. */
function isGivenUp({ state, endReason }: TrajectoryRow): boolean {
  return state === 'failed' && endReason === 'error';
}

/**
 * Writes a trajectory with the indexes and counters that follow its state.
 * @param changed the counters, where they are to be written whatever its state
 */
export function putTrajectory(
  { tables }: WriteContext,
  runId: string,
  before: TrajectoryRow,
  after: TrajectoryRow,
  changed: Counters | null = null,
): void {
  const key = trajectoryKey(after.id);
  tables.trajectories.put(key, after);
  if (after.state !== before.state) {
    if (after.state === 'finished') tables.awaiting.put(key, 1);
    else if (before.state === 'finished') tables.awaiting.remove(key);
    if (isUnfinished(before) && !isUnfinished(after)) tables.unfinished.remove(unfinishedKey(after));
    if (isUnfinished(after) && !isUnfinished(before)) tables.unfinished.put(unfinishedKey(after), 1);
  } else if (changed === null) return;
  const counters = changed ?? countersOf(tables, runId);
  const trajectoriesByState = moveCount(counters.trajectoriesByState, before.state, after.state);
  tables.counters.put([runId], { ...counters, trajectoriesByState });
}

function isUnfinished({ state }: TrajectoryRow): boolean {
  return state === 'pending' || state === 'unfinished';
}

/** Completes the trajectory's group when this was the last member that was not over. */
function completeGroupOf({ tables, note }: WriteContext, runId: string, trajectory: TrajectoryRow): void {
  if (trajectory.state !== 'scored' && trajectory.state !== 'failed') return;
  const [, groupIndex] = trajectoryKey(trajectory.id);
  const group = tables.groups.get([runId, groupIndex ?? 0]);
  if (group === undefined || group.state !== 'open') return;
  const members = membersOf(tables, group);
  if (!isGroupComplete(members)) return;
  moveGroups(tables, note, [withMembersOver(group, members)]);
  const key = [runId, group.problemId];
  const tally = tables.problemTallies.get(key) ?? untriedProblem;
  // A prompt that no actor survives is not tried on further ones.
  const givenUp = members.every(isGivenUp);
  tables.problemTallies.put(key, { ...tally, openGroups: tally.openGroups - 1, ...(givenUp && { givenUp }) });
}

function membersOf(tables: Tables, group: GroupRow): TrajectoryRow[] {
  return [...tables.trajectories.rows([group.runId, group.index])];
}

function readSegment(tables: Tables, trajectoryId: string, index: number): Segment | null {
  const key = trajectoryKey(trajectoryId, index);
  const row = tables.segments.get(key);
  const tokens = tables.tokens.get(key);
  return row === undefined || tokens === undefined ? null : joinSegment(row, tokens);
}

/** One trajectory with all its segments. */
export function getTrajectory(tables: Tables, id: string): Trajectory {
  const { groupId, problemId, state, segmentCount, score } = requireTrajectory(tables, id);
  const { promptTokens, traceParent } = requireProblem(tables, String(trajectoryKey(id)[0]), problemId);
  const segments = Array.from({ length: segmentCount }, (_, index) => {
    const segment = readSegment(tables, id, index);
    if (segment === null)
      throw new SegueError('DATA_LOSS', `segment ${index} of trajectory ${id} is missing in the store`);
    return segment;
  });
  const trajectory = { id, groupId, problemId, promptTokens, state, segments, score };
  return traceParent === undefined ? trajectory : { ...trajectory, traceParent };
}

/** Where trajectories belong, by id: those that are traced alone. */
export function tracesOf(tables: Tables, ids: readonly string[]): Map<string, string> {
  const traces = new Map<string, string>();
  for (const id of ids) {
    const runId = String(trajectoryKey(id)[0]);
    // Its records go, or have gone: that must not keep the others from their scorers.
    if (isRetired(tables, runId)) continue;
    const { problemId } = requireTrajectory(tables, id);
    const { traceParent } = requireProblem(tables, runId, problemId);
    if (traceParent !== undefined) traces.set(id, traceParent);
  }
  return traces;
}

/** Trajectories that go on or were never begun, oldest first. */
export function* listUnfinished(tables: Tables, runId: string): Generator<TrajectorySummary> {
  requireRun(tables, runId);
  for (const key of tables.unfinished.keys([runId])) {
    const trajectory = tables.trajectories.get(withoutIteration(key));
    if (trajectory !== undefined) yield summaryOf(trajectory);
  }
}

function withoutIteration(key: Key): Key {
  return [...key.slice(0, 1), ...key.slice(2)];
}

/** All trajectories of a run, without tokens, in order of planning. */
export function* listTrajectories(tables: Tables, runId: string): Generator<TrajectoryRecord> {
  requireRun(tables, runId);
  for (const trajectory of tables.trajectories.rows([runId])) {
    const rows = [...tables.segments.rows(trajectoryKey(trajectory.id))];
    yield {
      summary: summaryOf(trajectory),
      segments: rows.map((row) => joinSegment(row, null)),
      tokenCounts: rows.map(({ tokenCount }) => tokenCount),
    };
  }
}

/** Groups with their members in full, one at a time. @throws SegueError FAILED_PRECONDITION when their run is let go of meanwhile */
export function* readGroups(tables: Tables, groups: readonly GroupRow[]): Generator<CompleteGroup> {
  for (const row of groups) {
    requireRecords(tables, row.runId);
    const { id, runId, index, problemId, size, iteration } = row;
    yield {
      group: { id, runId, index, problemId, size, iteration },
      trajectories: membersOf(tables, row).map((member) => getTrajectory(tables, member.id)),
    };
  }
}
