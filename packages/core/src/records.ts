/**
 * The records that the replay store keeps and the other services read: run, problem, iteration, statistics. The field names are those of
 * protos/segue/v1/replay.proto and statistics.proto, where each is explained; `null` stands for an absent optional field.
 */
import type { EndReason, Group, Problem, Score, Segment, TrajectoryState, TrajectorySummary } from './domain.js';

export const runStates = ['created', 'running', 'paused', 'stopped', 'finished', 'failed'] as const;
export type RunState = (typeof runStates)[number];

/** A run as it is kept. `configJson` is the effective RunConfig; `progressJson` is the controller's own. */
export interface RunRecord {
  readonly id: string;
  readonly configJson: string;
  readonly state: RunState;
  readonly createdAtMs: number;
  /** Grows by one with every write. */
  readonly revision: number;
  readonly error: string;
  readonly progressJson: string;
  readonly trainProblems: number;
  readonly evaluationProblems: number;
  readonly warmupProblems: number;
}

/** A problem with what is known of its success. */
export interface ProblemRecord {
  readonly problem: Problem;
  /** Responses judged so far. */
  readonly attempts: number;
  readonly successes: number;
  /** Groups that are not yet complete. */
  readonly openGroups: number;
  readonly lastIteration: number | null;
  /** Every member of a group of it was given up: not drawn until one of its dead letters is requeued. */
  readonly givenUp: boolean;
  /** Somebody requeued it: the next plan begins a group with it. */
  readonly requeued: boolean;
}

/** A trajectory's next segment, as planned. */
export interface PlannedTask {
  readonly trajectoryId: string;
  readonly groupId: string;
  readonly problemId: string;
  readonly segmentIndex: number;
  readonly lastSpan: boolean;
}

/** A finite plan: what an iteration may generate, in the order in which it is issued. */
export interface IterationPlan {
  readonly newGroups: readonly Group[];
  readonly tasks: readonly PlannedTask[];
}

export const iterationStates = ['open', 'closed', 'frozen', 'committed'] as const;
export type IterationState = (typeof iterationStates)[number];

/** What an iteration's tasks have come to so far. */
export interface IterationProgress {
  readonly committedTasks: number;
  readonly openTrajectoryIds: readonly string[];
  readonly completeGroups: number;
  readonly usefulGroups: number;
  /** Those of them that come before every group that still owes a segment of this iteration or a verdict, by index. */
  readonly usefulGroupsInOrder: number;
  /** Finished trajectories without a verdict. */
  readonly awaitingScore: number;
  /** Groups that wait for verdicts alone: no member of them is still to be generated. Left out by earlier versions. */
  readonly groupsAwaitingScore?: number;
  readonly generatedTokens: number;
  readonly reprefilledTokens: number;
  readonly promptTokens: number;
  readonly segmentsByEndReason: Readonly<Partial<Record<EndReason, number>>>;
  readonly segmentsByActor: Readonly<Record<string, number>>;
  readonly finishedTrajectories: number;
  readonly spanningTrajectories: number;
  readonly rewardSum: number;
  readonly judged: number;
  /** Response lengths of what finished in this iteration. */
  readonly responseTokens: Uint32Array;
}

export interface IterationRecord {
  readonly runId: string;
  readonly iteration: number;
  readonly state: IterationState;
  readonly policyVersion: number;
  readonly policyVersionOut: number;
  readonly tasks: readonly PlannedTask[];
  readonly progress: IterationProgress;
  readonly batchGroupIds: readonly string[];
  readonly filteredEqual: number;
  readonly filteredUnusable: number;
  readonly metricsJson: string;
  readonly openedAtMs: number;
  readonly closedAtMs: number;
  readonly committedAtMs: number;
}

/** What became of an append. */
export const appendOutcomes = ['committed', 'kept-earlier', 'closed', 'stale'] as const;
export type AppendOutcome = (typeof appendOutcomes)[number];

export interface AppendResult {
  readonly outcome: AppendOutcome;
  /** What the store holds for this index, when it holds one. */
  readonly kept: Segment | null;
  readonly detail: string;
}

export interface ScoreResult {
  readonly recorded: boolean;
  readonly kept: Score;
}

/** A trajectory for pictures: its segments have empty per-token arrays; `tokenCounts` has their lengths. */
export interface TrajectoryRecord {
  readonly summary: TrajectorySummary;
  readonly segments: readonly Segment[];
  readonly tokenCounts: readonly number[];
}

/** Trajectories that one question for a timeline may name. */
export const maxTimelineNames = 10_000;

/** What a picture shows of a trajectory. */
export interface TimelineRow {
  readonly trajectoryId: string;
  readonly state: TrajectoryState;
  readonly reward: number | null;
  readonly segments: readonly TimelineSegment[];
}

export interface TimelineSegment {
  readonly iteration: number;
  readonly tokens: number;
  readonly endReason: EndReason;
  readonly policyVersion: number;
}

export const selectors = ['uniform', 'fifo', 'lifo', 'prioritized'] as const;
export type Selector = (typeof selectors)[number];

export interface StoredEvent {
  readonly sequence: number;
  readonly kind: string;
  readonly bodyJson: string;
  readonly atMs: number;
}

export interface ReplayStatistics {
  readonly trajectoriesByState: Readonly<Partial<Record<TrajectoryState, number>>>;
  readonly segmentsByEndReason: Readonly<Partial<Record<EndReason, number>>>;
  readonly appendsByOutcome: Readonly<Partial<Record<AppendOutcome, number>>>;
  readonly groupsOpen: number;
  readonly groupsComplete: number;
  readonly groupsConsumed: number;
  readonly groupsFiltered: number;
  readonly finished: number;
  readonly spanning: number;
  readonly generatedTokens: number;
  readonly reprefilledTokens: number;
  readonly promptTokens: number;
  readonly bytesOnDisk: number;
  /** Of all runs. */
  readonly deadLettersByKind: Readonly<Partial<Record<DeadLetterKind, number>>>;
  /** Runs that are over whose records were removed. */
  readonly runsRetired: number;
  /** Snapshots that are being taken may name versions that sample in this iteration or later ones, or come out of them; null: none does. */
  readonly heldFromIteration: number | null;
  /** The last of these iterations; null: not known before their copies are made, so all. */
  readonly heldToIteration: number | null;
}

/** What becomes of damaged rows: the segment is generated again, the verdict given again, the row made anew from others, or nothing can be done. */
export const mendings = ['generate-again', 'score-again', 'rebuilt', 'none'] as const;
export type Mending = (typeof mendings)[number];

/** A record of the store that is not what was written. */
export interface StoreDamage {
  readonly runId: string;
  /** What is damaged: a trajectory, a group, or a table of the run. */
  readonly what: string;
  /** What is wrong with it, and what to do when nothing can be done here. */
  readonly detail: string;
  readonly mending: Mending;
}

/** A step of looking through the store. */
export interface StoreCheck {
  /** Records looked at so far. */
  readonly records: number;
  /** null: only how far it has come. */
  readonly damage: StoreDamage | null;
}

/** A run as a snapshot of the store holds it. */
export interface SnapshotRun {
  readonly id: string;
  readonly state: RunState;
  /** Its newest iteration; null before the first. */
  readonly iteration: number | null;
  readonly iterationState: IterationState | null;
  /** Version that the run goes on from. */
  readonly policyVersion: number;
}

/** A part of a snapshot's file. Size, checksum, runs and retired runs are those of the whole, in each part. */
export interface SnapshotChunk {
  readonly offset: number;
  readonly fileBytes: number;
  /** Of the whole file, hex. */
  readonly sha256: string;
  readonly runs: readonly SnapshotRun[];
  /** Ids of those whose records were let go of, which are not among the others; null: a store of an earlier version does not say. */
  readonly retiredRuns: readonly string[] | null;
  readonly data: Uint8Array;
}

export const deadLetterKinds = ['trajectory', 'score', 'message'] as const;
export type DeadLetterKind = (typeof deadLetterKinds)[number];

/** What was given up, with the reason; kept until somebody requeues or drops it. */
export interface DeadLetterRecord {
  readonly id: string;
  readonly kind: DeadLetterKind;
  /** Empty for a message that names no run. */
  readonly runId: string;
  /** The trajectory's id; for a message, its subject on the bus. */
  readonly subject: string;
  readonly reason: string;
  /** Tries after which it was given up; 0 for messages. */
  readonly tries: number;
  readonly atMs: number;
  /** For messages: the body as it came, as far as it is kept; empty in lists. */
  readonly body: Uint8Array;
  /** For messages: length of the whole body. */
  readonly bodyBytes: number;
  /** For messages: the checksum that came with it, empty when none did. */
  readonly checksum: string;
}

/** What became of a requeued dead letter. */
export const requeueOutcomes = ['generated-again', 'judged-again', 'problem-drawn-again', 'published-again'] as const;
export type RequeueOutcome = (typeof requeueOutcomes)[number];
