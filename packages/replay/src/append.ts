/**
 * The compare-and-append rule: which segment a trajectory takes, and what it is afterwards. Pure.
 * The first fitting append for an index is taken; a later one is answered with what is there, so that a lost lease can never produce
 * a second continuation. It knows nothing of storage.
 */
import {
  type AppendOutcome,
  hashTokens,
  isTerminal,
  type Segment,
  SegueError,
  segmentId,
  type TrajectorySummary,
} from '@segue/core';
import type { IterationRow, SegmentRow, TokensRow, TrajectoryRow } from './rows.js';

export interface AppendVerdict {
  readonly outcome: AppendOutcome;
  /** Why, for people; empty for a plain commit. */
  readonly detail: string;
}

/** Refuses a segment that no actor may write, whatever the trajectory's state. */
export function requireSegment(segment: Segment): void {
  const { tokens, logProbs, origins, lossMask } = segment;
  const wrong = (what: string) => new SegueError('INVALID_INPUT', `segment ${segment.id}: ${what}`);
  if (segment.id !== segmentId(segment.trajectoryId, segment.index)) {
    throw wrong(`its id must be ${segmentId(segment.trajectoryId, segment.index)}`);
  }
  if (tokens.length === 0 && segment.endReason !== 'error')
    throw wrong('tokens may be empty for end reason error alone');
  for (const [name, array] of Object.entries({ logProbs, origins, lossMask })) {
    if (array !== null && array.length !== tokens.length) {
      throw wrong(`${name} has ${array.length} entries for ${tokens.length} tokens`);
    }
  }
  if (!isEvery(tokens, (token) => token >= 0)) throw wrong('a token id is negative');
  if (!isEvery(logProbs, Number.isFinite)) throw wrong('a log-probability is not a finite number');
}

/** As the arrays' own `every`, which takes seven times as long over thousands of numbers. */
function isEvery(numbers: Int32Array | Float32Array, holds: (value: number) => boolean): boolean {
  for (let i = 0; i < numbers.length; i++) if (!holds(numbers[i] ?? 0)) return false;
  return true;
}

/** Whether a trajectory takes a segment. @param iteration the one that the segment names; null when it was never opened */
export function judgeAppend(
  segment: Segment,
  trajectory: TrajectoryRow,
  iteration: IterationRow | null,
): AppendVerdict {
  const refuse = (outcome: AppendOutcome, detail: string): AppendVerdict => ({ outcome, detail });
  if (segment.index < trajectory.segmentCount) return refuse('kept-earlier', 'this index has its segment');
  if (segment.endReason === 'error' && wasCounted(segment, trajectory)) {
    return refuse('kept-earlier', 'this failed try is counted');
  }
  if (iteration === null) return refuse('stale', `iteration ${segment.iteration} was never opened`);
  if (iteration.state !== 'open') return refuse('closed', `iteration ${segment.iteration} is ${iteration.state}`);
  if (trajectory.state !== 'pending' && trajectory.state !== 'unfinished') {
    return refuse('stale', `the trajectory is ${trajectory.state}`);
  }
  if (segment.index > trajectory.segmentCount) {
    return refuse('stale', `the next index is ${trajectory.segmentCount}, not ${segment.index}`);
  }
  if (segment.iteration !== trajectory.plannedIteration) {
    return refuse('stale', `iteration ${segment.iteration} did not plan this trajectory`);
  }
  if (trajectory.segmentCount > 0 && trajectory.lastIteration === segment.iteration) {
    return refuse('stale', `the trajectory has its segment of iteration ${segment.iteration}`);
  }
  if (segment.policyVersion !== iteration.policyVersion) {
    return refuse(
      'stale',
      `the iteration samples with version ${iteration.policyVersion}, not ${segment.policyVersion}`,
    );
  }
  if (segment.prefixHash !== trajectory.prefixHash) {
    return refuse('stale', `the tokens before hash to ${trajectory.prefixHash}, not ${segment.prefixHash}`);
  }
  return { outcome: 'committed', detail: '' };
}

function wasCounted(segment: Segment, trajectory: TrajectoryRow): boolean {
  return trajectory.failedTries.some(
    ({ index, iteration, attempt }) =>
      index === segment.index && iteration === segment.iteration && attempt === segment.attempt,
  );
}

/** The trajectory with a segment that it takes. */
export function withSegment(trajectory: TrajectoryRow, segment: Segment): TrajectoryRow {
  return {
    ...trajectory,
    state: isTerminal(segment.endReason) ? 'finished' : 'unfinished',
    segmentCount: trajectory.segmentCount + 1,
    responseTokens: trajectory.responseTokens + segment.tokens.length,
    lastIteration: segment.iteration,
    endReason: segment.endReason,
    prefixHash: hashTokens(segment.tokens, trajectory.prefixHash),
  };
}

/** The trajectory with one more failed try; given up when that was the last one, or when it stands for tries that were lost with their actors. */
export function withFailedTry(trajectory: TrajectoryRow, segment: Segment, maxAttempts: number): TrajectoryRow {
  const failed = {
    index: segment.index,
    iteration: segment.iteration,
    attempt: segment.attempt,
    error: segment.error ?? '',
  };
  const next = { ...trajectory, failedTries: [...trajectory.failedTries, failed] };
  return errorsOf(next) >= maxAttempts || (segment.lostTries ?? 0) > 0
    ? { ...next, state: 'failed', endReason: 'error' }
    : next;
}

/** Failed tries of the next segment. */
export function errorsOf(trajectory: TrajectoryRow): number {
  return trajectory.failedTries.filter(({ index }) => index === trajectory.segmentCount).length;
}

/** Whether it has segments of two or more iterations. An iteration gives a trajectory at most one. */
export function isSpanning(trajectory: TrajectoryRow): boolean {
  return trajectory.segmentCount >= 2;
}

export function summaryOf(trajectory: TrajectoryRow): TrajectorySummary {
  const { id, groupId, problemId, state, segmentCount, responseTokens, firstIteration, lastIteration, endReason } =
    trajectory;
  return {
    id,
    groupId,
    problemId,
    state,
    segmentCount,
    responseTokens,
    firstIteration,
    lastIteration,
    endReason,
    errors: errorsOf(trajectory),
    reward: trajectory.score?.reward ?? null,
  };
}

/** With each field that may be absent as well, so that the compiler misses one that is new here; `lostTries` is looked at by itself. */
type Whole<T> = Omit<Required<T>, 'lostTries'>;

/** A segment as its two rows. */
export function splitSegment(segment: Segment): { readonly row: SegmentRow; readonly tokens: TokensRow } {
  const { tokens, logProbs, origins, lossMask, lostTries } = segment;
  // Field by field, here and below: V8 gives what is left of an object, and what is spread behind other fields, a shape of its own each time, which is slow to make and to read.
  const row: Whole<SegmentRow> = {
    id: segment.id,
    trajectoryId: segment.trajectoryId,
    index: segment.index,
    attempt: segment.attempt,
    iteration: segment.iteration,
    policyVersion: segment.policyVersion,
    actorId: segment.actorId,
    prefixHash: segment.prefixHash,
    endReason: segment.endReason,
    error: segment.error,
    meter: segment.meter,
    tokenCount: tokens.length,
  };
  const arrays = { tokens, logProbs, origins, lossMask };
  return { row: lostTries === undefined ? row : { ...row, lostTries }, tokens: arrays };
}

/** A segment from its two rows; without `tokens`, with empty arrays. */
export function joinSegment(row: SegmentRow, tokens: TokensRow | null): Segment {
  const { lostTries } = row;
  const { tokens: ids, logProbs, origins, lossMask } = tokens ?? withoutTokens;
  const segment: Whole<Segment> = {
    id: row.id,
    trajectoryId: row.trajectoryId,
    index: row.index,
    attempt: row.attempt,
    iteration: row.iteration,
    policyVersion: row.policyVersion,
    actorId: row.actorId,
    prefixHash: row.prefixHash,
    tokens: ids,
    logProbs,
    origins,
    lossMask,
    endReason: row.endReason,
    error: row.error,
    meter: row.meter,
  };
  return lostTries === undefined ? segment : { ...segment, lostTries };
}

const withoutTokens: TokensRow = {
  tokens: new Int32Array(0),
  logProbs: new Float32Array(0),
  origins: null,
  lossMask: null,
};
