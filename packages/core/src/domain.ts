/**
 * The nouns of Segue, each by its role in the pipeline: problem -> group -> trajectory -> segment -> score -> iteration.
 * Plain data, no behaviour. Alignment law: every per-token array of a segment has the same length as `tokens`.
 */

/** Why a segment ended. The first of stop, repeat, length, budget, yield that applies is written. */
export const endReasons = ['stop', 'repeat', 'length', 'budget', 'yield', 'error'] as const;
export type EndReason = (typeof endReasons)[number];

/** The trajectory is over and goes to the scorer. */
export function isTerminal(reason: EndReason): boolean {
  return reason === 'stop' || reason === 'repeat' || reason === 'length';
}

/** The trajectory goes on in a later iteration. */
export function isResumable(reason: EndReason): boolean {
  return reason === 'budget' || reason === 'yield';
}

/** Who wrote a token: the policy, or something else whose tokens never enter the loss. */
export const tokenOrigins = ['policy', 'tool', 'template'] as const;
export type TokenOrigin = (typeof tokenOrigins)[number];

/** One piece of a message. `image` has no engine yet and is refused at submission. */
export type MessagePart =
  | { readonly type: 'text'; readonly text: string }
  | { readonly type: 'image'; readonly url: string };

export interface Message {
  readonly role: string;
  readonly parts: readonly MessagePart[];
}

/** What the problem is for: RL sampling, held-out evaluation, or worked examples for the supervised warm-up. */
export type ProblemPurpose = 'train' | 'evaluation' | 'warmup';

/** A prompt with its reference answer and the scorer that judges responses to it. */
export interface Problem {
  readonly id: string;
  readonly purpose: ProblemPurpose;
  /** Plain text, or chat messages that the policy's chat template renders. */
  readonly prompt: string | readonly Message[];
  /** The prompt as the policy reads it, made once at submission. */
  readonly promptTokens: Int32Array;
  readonly answer: string;
  readonly scorer: string;
  readonly tags: readonly string[];
  /** 0 is easiest; null when the author gave none. */
  readonly difficulty: number | null;
  /** JSON that the scorer may read (numbers of a countdown, test cases). */
  readonly metadata: Readonly<Record<string, unknown>>;
  /** A verified response, for `warmup` alone. */
  readonly response: string | null;
  /** W3C traceparent of its submission; left out where it is not traced. */
  readonly traceParent?: string;
}

/** How tokens are drawn. Log-probs are always those of the full vocabulary at `temperature`. */
export interface Sampling {
  /** 0 means greedy. */
  readonly temperature: number;
  /** 0 means no limit. */
  readonly topK: number;
  /** 1 means no limit. */
  readonly topP: number;
}

/** The k responses sampled for one problem. */
export interface Group {
  readonly id: string;
  readonly runId: string;
  readonly index: number;
  readonly problemId: string;
  readonly size: number;
  /** Iteration that planned it. */
  readonly iteration: number;
}

/** What one actor generated for one trajectory in one iteration under one policy version. */
export interface Segment {
  readonly id: string;
  readonly trajectoryId: string;
  /** Position in the trajectory, from 0. */
  readonly index: number;
  /** Which try of this index wrote it, from 0. */
  readonly attempt: number;
  readonly iteration: number;
  readonly policyVersion: number;
  readonly actorId: string;
  /** Hash of the prompt and all earlier response tokens: what the actor continued. */
  readonly prefixHash: string;
  readonly tokens: Int32Array;
  /** Behaviour log-probs (nats): log softmax at the sampling temperature over the whole vocabulary. */
  readonly logProbs: Float32Array;
  /** Index into `tokenOrigins` per token; null means all are the policy's. */
  readonly origins: Uint8Array | null;
  /** 1 where the token may enter the loss; null means everywhere. */
  readonly lossMask: Uint8Array | null;
  readonly endReason: EndReason;
  /** Why, when `endReason` is `error`; else null. */
  readonly error: string | null;
  /** With `error` alone: tries that were lost with their actors or engines and that it stands for. With any, it was the last try. */
  readonly lostTries?: number;
  readonly meter: SegmentMeter;
}

/** What a segment cost. Prompt and re-prefilled tokens count in neither budget nor cap. */
export interface SegmentMeter {
  /** Prompt tokens that this segment had to prefill itself (0 when a sibling's were shared). */
  readonly promptTokens: number;
  /** Earlier response tokens prefilled again to go on. */
  readonly reprefillTokens: number;
  /** Unix time when the first chunk began. */
  readonly startedAtMs: number;
  /** Unix time when the last chunk ended. */
  readonly endedAtMs: number;
}

export const trajectoryStates = ['pending', 'unfinished', 'finished', 'scored', 'failed'] as const;
export type TrajectoryState = (typeof trajectoryStates)[number];

/** One response in the making, in full. */
export interface Trajectory {
  readonly id: string;
  readonly groupId: string;
  readonly problemId: string;
  readonly promptTokens: Int32Array;
  readonly state: TrajectoryState;
  readonly segments: readonly Segment[];
  readonly score: Score | null;
  /** That of its problem. */
  readonly traceParent?: string;
}

/** A trajectory without its tokens: what planning and pictures need. */
export interface TrajectorySummary {
  readonly id: string;
  readonly groupId: string;
  readonly problemId: string;
  readonly state: TrajectoryState;
  readonly segmentCount: number;
  readonly responseTokens: number;
  /** Iteration of the first segment's plan. */
  readonly firstIteration: number;
  /** Iteration of the newest segment; equal to `firstIteration` while there is none. */
  readonly lastIteration: number;
  readonly endReason: EndReason | null;
  /** Failed tries of the next segment. */
  readonly errors: number;
  readonly reward: number | null;
}

export const scoreStatuses = ['ok', 'wrong', 'timeout', 'error'] as const;
export type ScoreStatus = (typeof scoreStatuses)[number];

/** A scorer's verdict. `timeout` and `error` mask the trajectory: their reward is null, never zero. */
export interface Score {
  readonly trajectoryId: string;
  readonly scorer: string;
  readonly status: ScoreStatus;
  readonly reward: number | null;
  readonly detail: string;
  readonly durationMs: number;
  /** That of the task which it answers; left out where no task of the queue asked for it. */
  readonly attempt?: number;
}

/** A group whose members are all over and judged, as the trainer reads it. */
export interface CompleteGroup {
  readonly group: Group;
  readonly trajectories: readonly Trajectory[];
}

/** One message of the rollout work queue. It carries ids, limits and the seed; the actor fetches the tokens. */
export interface RolloutTask {
  readonly runId: string;
  readonly iteration: number;
  readonly policyVersion: number;
  readonly groupId: string;
  readonly trajectoryId: string;
  readonly problemId: string;
  readonly segmentIndex: number;
  readonly attempt: number;
  /** Run seed. */
  readonly seed: number;
  readonly sampling: Sampling;
  /** New tokens allowed in this iteration. */
  readonly budgetTokens: number;
  /** Response tokens allowed over all segments. */
  readonly capTokens: number;
  /** Last allowed iteration: `length` is written where it would be `budget` or `yield`. */
  readonly lastSpan: boolean;
  /** Tries of this segment, under earlier tasks, that were lost with their actors. */
  readonly lostTries?: number;
}

/** One message of the reward work queue. */
export interface RewardTask {
  readonly runId: string;
  readonly trajectoryId: string;
  /** Its verdict carries it: of those that failed, one counts for each. */
  readonly attempt: number;
}
