/**
 * What the store keeps on disk, row by row. Close to core's records, cut so that what changes often is small: a segment's arrays lie apart
 * from what is known of it, a plan apart from its iteration. Plain data; the rules over it are in append.ts, score.ts, group.ts and
 * iteration.ts, where each row lies is in tables.ts.
 */
import type {
  AppendOutcome,
  EndReason,
  Group,
  IterationProgress,
  IterationRecord,
  RunRecord,
  Score,
  Segment,
  TrajectoryState,
} from '@segue/core';

/** The numbers of problems are the store's own: see `Counters`. */
/** A run whose records were let go of; `isDone`: none of them is left. */
export interface RetiredRow {
  readonly atMs: number;
  readonly isDone: boolean;
}

export type RunRow = Omit<RunRecord, 'trainProblems' | 'evaluationProblems' | 'warmupProblems'>;

/** What is known of a problem's success. */
export interface ProblemTally {
  readonly attempts: number;
  readonly successes: number;
  readonly openGroups: number;
  readonly lastIteration: number | null;
  /** See ProblemRecord; absent in rows of before. */
  readonly givenUp?: boolean;
  readonly requeued?: boolean;
}

export const untriedProblem = {
  attempts: 0,
  successes: 0,
  openGroups: 0,
  lastIteration: null,
  givenUp: false,
  requeued: false,
} as const satisfies ProblemTally;

/** A batch of problems that was accepted. */
export interface BatchRow {
  /** sha256 of its problems, hex. */
  readonly contentHash: string;
  readonly accepted: number;
}

/** An iteration without its plan. `progress` is null until the commit; until then the memory knows it (progress.ts). */
export interface IterationRow extends Omit<IterationRecord, 'tasks' | 'progress'> {
  /** Failed tries of one segment after which its trajectory is given up. */
  readonly maxAttempts: number;
  readonly progress: IterationProgress | null;
}

/** A try of a segment that failed. */
export interface FailedTry {
  readonly index: number;
  readonly iteration: number;
  readonly attempt: number;
  readonly error: string;
}

export interface TrajectoryRow {
  readonly id: string;
  readonly groupId: string;
  readonly problemId: string;
  readonly state: TrajectoryState;
  readonly segmentCount: number;
  readonly responseTokens: number;
  readonly firstIteration: number;
  readonly lastIteration: number;
  readonly endReason: EndReason | null;
  /** Iteration whose plan holds it, the newest one. */
  readonly plannedIteration: number;
  /** Hash of the prompt and all committed response tokens: what the next segment goes on from. */
  readonly prefixHash: string;
  readonly failedTries: readonly FailedTry[];
  readonly score: Score | null;
  /** Verdicts that failed, since it was put back to work. */
  readonly scoreTries: number;
  /** Attempt of the scorers' next task. It never goes back, so that a late verdict counts for nothing anew. May be absent before the first that failed, and is in rows of before: `scoreTries`. */
  readonly nextScoreAttempt?: number;
}

/** A segment without its per-token arrays. */
export interface SegmentRow extends Omit<Segment, 'tokens' | 'logProbs' | 'origins' | 'lossMask'> {
  readonly tokenCount: number;
}

/** The per-token arrays of a segment. */
export type TokensRow = Pick<Segment, 'tokens' | 'logProbs' | 'origins' | 'lossMask'>;

/** open -> complete -> frozen -> consumed, or complete -> filtered. */
export const groupStates = ['open', 'complete', 'frozen', 'consumed', 'filtered'] as const;
export type GroupState = (typeof groupStates)[number];

export interface GroupRow extends Group {
  readonly state: GroupState;
  /** Members with a verdict; known when complete. */
  readonly usable: number;
  /** Whether the rewards of the usable members differ. */
  readonly unequal: boolean;
  /** The version that was trained on it; null unless consumed. */
  readonly consumedBy: number | null;
}

/** Counters of a run, kept current in the transaction that changes what they count. */
export interface Counters {
  readonly trainProblems: number;
  readonly evaluationProblems: number;
  readonly warmupProblems: number;
  readonly events: number;
  readonly trajectoriesByState: Readonly<Partial<Record<TrajectoryState, number>>>;
  readonly segmentsByEndReason: Readonly<Partial<Record<EndReason, number>>>;
  readonly appendsByOutcome: Readonly<Partial<Record<AppendOutcome, number>>>;
  readonly groupsByState: Readonly<Partial<Record<GroupState, number>>>;
  readonly finished: number;
  readonly spanning: number;
  readonly generatedTokens: number;
  readonly reprefilledTokens: number;
  readonly promptTokens: number;
}

export const noCounts: Counters = {
  trainProblems: 0,
  evaluationProblems: 0,
  warmupProblems: 0,
  events: 0,
  trajectoriesByState: {},
  segmentsByEndReason: {},
  appendsByOutcome: {},
  groupsByState: {},
  finished: 0,
  spanning: 0,
  generatedTokens: 0,
  reprefilledTokens: 0,
  promptTokens: 0,
};

/** Moves `count` items from one name to another; null stands for nowhere. */
export function moveCount<Name extends string>(
  counts: Readonly<Partial<Record<Name, number>>>,
  from: Name | null,
  to: Name | null,
  count = 1,
): Partial<Record<Name, number>> {
  const moved: Partial<Record<Name, number>> = { ...counts };
  if (from !== null) moved[from] = (moved[from] ?? 0) - count;
  if (to !== null) moved[to] = (moved[to] ?? 0) + count;
  return moved;
}
