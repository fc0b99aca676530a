/**
 * The rest of the cluster as the controller sees it: clients of its peers, the part of the bus that it uses, and how long it is patient. Every
 * verb of the run loop takes these, so that a test can put a dozen lines in their place.
 */
import type { Bus, Client } from '@segue/bus';
import {
  type ActorApi,
  type ReplayApi,
  type RewardApi,
  type ScorerListApi,
  SegueError,
  type TrainerApi,
} from '@segue/core';
import type { PinnedVersions } from '@segue/service';
import type { EvaluationBound } from './evaluation-bound.js';

/** The part of the bus that the controller uses. */
export type ControllerBus = Pick<
  Bus,
  | 'publishRolloutTasks'
  | 'purgeRolloutTasks'
  | 'emptyRolloutQueue'
  | 'deliveredTasks'
  | 'markLostTries'
  | 'lostTries'
  | 'forgetLostTries'
  | 'republish'
  | 'watchProgress'
  | 'putActivePolicy'
  | 'getActivePolicy'
  | 'putIterationSignal'
  | 'getIterationSignal'
  | 'registrations'
  | 'queueDepths'
>;

export interface ControllerLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export interface Cluster {
  /** Clients are asked for at every use: a peer that was restarted elsewhere is found again. */
  replay(): Promise<Client<ReplayApi>>;
  trainer(): Promise<Client<TrainerApi>>;
  reward(): Promise<Client<RewardApi>>;
  scorerList(): Promise<Client<ScorerListApi>>;
  actor(address: string): Client<ActorApi>;
  readonly bus: ControllerBus;
  readonly pinned: Pick<PinnedVersions, 'pin'>;
  readonly evaluations: EvaluationBound;
  readonly log: ControllerLog;
  readonly timings: Timings;
}

/** How long the controller is patient, all in ms. */
export interface Timings {
  /** Between two looks at an open iteration; a nudge from the store makes it earlier. */
  readonly pollMs: number;
  /** Between two looks at an actor that flushes or loads. */
  readonly actorPollMs: number;
  /** Between two searches for what was lost: tasks that nobody holds, announcements. */
  readonly reconcileMs: number;
  /** For verdicts: with the phase open, once every task has ended, and with its batch unfrozen, since the last of them came. */
  readonly scoreWaitMs: number;
  /** For a registered actor to flush a closed iteration. */
  readonly flushTimeoutMs: number;
  /** For the store to take in the segments that were flushed. */
  readonly drainTimeoutMs: number;
  /** The same, before the tasks of an iteration that was begun already are looked for: one too many is harmless. */
  readonly beginDrainTimeoutMs: number;
  /** For an actor to make a version ready before it is activated. */
  readonly prepareTimeoutMs: number;
  /** For a second actor to load a version that a first one serves already. */
  readonly activateGraceMs: number;
  /** For any actor to load a version. */
  readonly activateTimeoutMs: number;
  /** For the trainer to say something. */
  readonly trainerSilenceMs: number;
  /** For one call of Generate. */
  readonly generateTimeoutMs: number;
  /** Between two progress events. */
  readonly progressEventMs: number;
  /** First pause after a failed phase; doubled up to `retryMaxMs`. */
  readonly retryMs: number;
  readonly retryMaxMs: number;
  /** An open iteration that was watched so long without a failure has left earlier ones behind. */
  readonly steadyMs: number;
  /** What is owed, and no actor has taken for so long though it could, is issued anew. */
  readonly untakenMs: number;
  /** Between two plans, while all there is to begin with waits for a verdict. */
  readonly replanMs: number;
  /** A wait that lasts longer is told to watchers; then again at twice the time. */
  readonly waitingNoticeMs: number;
}

export const defaultTimings: Timings = {
  pollMs: 250,
  actorPollMs: 40,
  reconcileMs: 2_000,
  scoreWaitMs: 20_000,
  flushTimeoutMs: 60_000,
  drainTimeoutMs: 60_000,
  beginDrainTimeoutMs: 10_000,
  prepareTimeoutMs: 20_000,
  activateGraceMs: 2_000,
  activateTimeoutMs: 120_000,
  trainerSilenceMs: 600_000,
  generateTimeoutMs: 900_000,
  progressEventMs: 500,
  retryMs: 500,
  retryMaxMs: 10_000,
  steadyMs: 60_000,
  untakenMs: 30_000,
  replanMs: 5_000,
  waitingNoticeMs: 15_000,
};

/** Resolves after `ms`; rejects with CANCELLED when the signal fires first. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(cancelled());
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', stop);
      resolve();
    }, ms);
    const stop = () => {
      clearTimeout(timer);
      reject(cancelled());
    };
    signal.addEventListener('abort', stop, { once: true });
  });
}

export function cancelled(): SegueError {
  return new SegueError('CANCELLED', 'the work was called off: the run comes to rest or the controller stops');
}

export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const item of items) list.push(item);
  return list;
}

/** The answer of a read, or null when there is none yet. */
export async function orNull<T>(answer: Promise<T>): Promise<T | null> {
  try {
    return await answer;
  } catch (error) {
    if (SegueError.from(error).code === 'NOT_FOUND') return null;
    throw error;
  }
}
