/**
 * What a run tells its watchers: the bodies of `RunEvent`, by kind. Plain JSON; new kinds and fields may come, so readers ignore what
 * they do not know. Lengths are in tokens, times in ms.
 */
import type { EndReason } from './domain.js';
import type { EngineTimes } from './engine-times.js';

export const phases = ['idle', 'warmup', 'evaluate', 'plan', 'rollout', 'close', 'train', 'activate'] as const;
export type Phase = (typeof phases)[number];

/** The run entered a phase. */
export interface PhaseEvent {
  readonly phase: Phase;
  readonly iteration: number;
}

/** A step of the supervised warm-up. */
export interface WarmupEvent {
  readonly step: number;
  readonly steps: number;
  readonly loss: number;
}

/** A held-out evaluation has ended. */
export interface EvaluationEvent {
  /** `before` the first iteration, `between`, or `after` the last. */
  readonly when: 'before' | 'between' | 'after';
  readonly policyVersion: number;
  /** Iterations completed. */
  readonly iteration: number;
  readonly temperature: number;
  readonly problems: number;
  readonly samples: number;
  readonly accuracy: number;
  readonly failed: number;
  readonly responseTokensMean: number;
  readonly responseTokensP95: number;
}

/** Inside a rollout phase, a few times a second at most. */
export interface ProgressEvent {
  readonly iteration: number;
  readonly plannedTasks: number;
  readonly committedTasks: number;
  readonly usefulGroups: number;
  readonly completeGroups: number;
  readonly generatedTokens: number;
  readonly tokensPerSecond: number;
}

/** Inside a training phase. */
export interface TrainEvent {
  readonly iteration: number;
  readonly stage: string;
  readonly step: number;
  readonly steps: number;
}

/** What the trainer measured in one iteration. */
export interface TrainMetrics {
  readonly loss: number;
  /** Global gradient norm before clipping, mean and largest over the updates. */
  readonly gradientNorm: number;
  readonly gradientNormMax: number;
  readonly groups: number;
  readonly trajectories: number;
  readonly trainedTokens: number;
  /** Trained tokens over response tokens of the batch. */
  readonly trainedTokenShare: number;
  /** Trained tokens that an older version wrote, over trained tokens. */
  readonly offPolicyTokenShare: number;
  /** Versions between the one that wrote a trained token and policy i; left out by trainers that do not measure it. */
  readonly trainedTokenAgeMean?: number;
  readonly trainedTokenAgeMax?: number;
  /** Largest |actor's log-prob - trainer's log-prob| over trained tokens that policy i wrote; null when there were none. */
  readonly logProbDiffMax: number | null;
  readonly logProbDiffMean: number | null;
  readonly importanceClippedShare: number;
  readonly updates: number;
  readonly rewardMean: number;
  readonly responseTokensMean: number;
  /** Mean over the batch of log pi_(i+1) - log pi_i of a response, after the updates when measured, else before the last. */
  readonly logRatioMean: number;
  readonly referenceMs: number;
  readonly trainMs: number;
  readonly saveMs: number;
  /** Until the engine had the weights: its opening, where it was not kept open, and the wait for a shared device. */
  readonly openMs?: number;
  /** On a shared device: Unix time of the last update's end, how long the weights took to be written, */
  readonly updatedAtMs?: number;
  readonly writeMs?: number;
  /** and the memory to be given back, and how much it was. */
  readonly releaseMs?: number;
  readonly residentBytes?: number;
}

/** An iteration has ended. */
export interface IterationEvent {
  readonly iteration: number;
  readonly policyVersionIn: number;
  readonly policyVersionOut: number;
  /** Mean reward of what finished in this iteration; null when nothing was judged. */
  readonly rewardMean: number | null;
  readonly finishedTrajectories: number;
  readonly spanningTrajectories: number;
  readonly responseTokensMean: number;
  readonly responseTokensP95: number;
  readonly plannedTasks: number;
  readonly resumedTasks: number;
  readonly committedTasks: number;
  readonly segmentsByEndReason: Partial<Record<EndReason, number>>;
  readonly generatedTokens: number;
  readonly reprefilledTokens: number;
  readonly promptTokens: number;
  readonly groupsTrained: number;
  readonly groupsFilteredEqual: number;
  readonly groupsFilteredUnusable: number;
  /** Unfinished trajectories after the close. */
  readonly carriedTrajectories: number;
  /** Why the rollout phase ended: `enough-groups`, `all-ended`, `scores-late`, or `halted`; empty when that is not known. Left out by earlier versions. */
  readonly closedBy?: string;
  /** Finished trajectories, of any iteration, that had no verdict when the iteration ended. Left out by earlier versions. */
  readonly awaitingScore?: number;
  readonly rolloutMs: number;
  readonly closeMs: number;
  readonly trainMs: number;
  readonly activateMs: number;
  readonly wallMs: number;
  /** Share of slot time in the rollout phase in which actors generated nothing. */
  readonly actorIdleShare: number;
  /** Of the rollout phase, over all actors that reported. */
  readonly engineTimes: EngineTimes;
  readonly train: TrainMetrics | null;
  /** How long a device that rollout and training share was on its way; null where it is not shared. Left out by earlier versions. */
  readonly turns?: DeviceTurns | null;
}

/** The two changes of hands of one iteration, in ms; what was not seen to its end is null. */
export interface DeviceTurns {
  /** From the last update of the training before to the first token of this iteration, and of that: */
  readonly toRolloutMs: number | null;
  /** weights written by the trainer, */
  readonly writeMs: number | null;
  /** its memory given back, */
  readonly trainerReleaseMs: number | null;
  /** the version loaded by the actors. */
  readonly loadMs: number | null;
  /** From the closed rollout phase of this iteration to a training engine with the weights, and of that: */
  readonly toTrainingMs: number | null;
  /** the actors' memory given back, */
  readonly actorReleaseMs: number | null;
  /** the device taken and the weights read by the trainer. */
  readonly openMs: number | null;
  /** Resident memory of the engines before they ended, and what was left of them. */
  readonly actorResidentBytes: number | null;
  readonly actorLeftBytes: number | null;
  readonly trainerResidentBytes: number | null;
}

/** The cluster waits for something longer than usual. */
export interface WaitingEvent {
  readonly what: string;
  readonly from: string;
  readonly sinceMs: number;
  readonly count: number;
}

/** The run changed its state. */
export interface StateEvent {
  readonly state: string;
  readonly error: string | null;
}

/** Not an event of the run: where a watch of it begins, told to a watcher that asks for it. */
export const positionKind = 'position';

/** Bodies by kind. */
export interface RunEvents {
  phase: PhaseEvent;
  warmup: WarmupEvent;
  evaluation: EvaluationEvent;
  progress: ProgressEvent;
  train: TrainEvent;
  iteration: IterationEvent;
  waiting: WaitingEvent;
  state: StateEvent;
}
export type RunEventKind = keyof RunEvents;

/** An event as it is kept and watched. */
export type RunEventOf<K extends RunEventKind = RunEventKind> = {
  [P in K]: { readonly sequence: number; readonly atMs: number; readonly kind: P; readonly body: RunEvents[P] };
}[K];
