/** The changes of hands of a device that is shared, as they are told at the end of each iteration. Pure: who asks for the device is device-turn.ts. */
import type { DeviceTurns, TrainMetrics } from '@segue/core';

/** What the actors gave back. */
export interface ReleasedDevices {
  readonly durationMs: number;
  readonly residentBytes: number;
  readonly leftBytes: number;
  /** When the first of them had its first token of the iteration; null when none told. */
  readonly firstTokenAtMs: number | null;
}

/** How an iteration's training went, as far as a device changed hands for it. */
export interface TurnOfTraining {
  readonly released: ReleasedDevices;
  /** Unix time in ms of the end of the rollout phase. */
  readonly closedAtMs: number;
  /** Unix time in ms at which the trainer had the weights in its engine; null when it answered a version that was there. */
  readonly openedAtMs: number | null;
  readonly train: TrainMetrics | null;
  readonly activateMs: number;
}

/** The changes of hands of a run, iteration by iteration: the way to a rollout begins in the iteration before it. */
export class TurnLog {
  #before: TurnOfTraining | null = null;

  /** Both changes of hands of the iteration that ends with this training. What an earlier process of the controller saw is not known. */
  next(turn: TurnOfTraining): DeviceTurns {
    const { released, closedAtMs, openedAtMs, train } = turn;
    const before = this.#before;
    this.#before = turn;
    const updatedAtMs = before?.train?.updatedAtMs;
    const known = updatedAtMs !== undefined && released.firstTokenAtMs !== null;
    return {
      toRolloutMs: known ? released.firstTokenAtMs - updatedAtMs : null,
      writeMs: before?.train?.writeMs ?? null,
      trainerReleaseMs: before?.train?.releaseMs ?? null,
      loadMs: before?.activateMs ?? null,
      toTrainingMs: openedAtMs === null ? null : openedAtMs - closedAtMs,
      actorReleaseMs: released.durationMs,
      openMs: train?.openMs ?? null,
      actorResidentBytes: released.residentBytes,
      actorLeftBytes: released.leftBytes,
      trainerResidentBytes: before?.train?.residentBytes ?? null,
    };
  }
}
