/**
 * Before the trainer's turn on a device that it shares with actors: these free their memory and give it back. An actor that does not answer is left
 * to its lease, which ends with it: the trainer waits for the device in any case.
 */
import { type DeviceReleased, type DeviceTurns, SegueError, type TrainMetrics } from '@segue/core';
import type { ActiveRun } from './active-run.js';
import { liveActors } from './actors.js';

/** What the actors gave back. */
export interface ReleasedDevices {
  readonly durationMs: number;
  readonly residentBytes: number;
  readonly leftBytes: number;
  /** When the first of them had its first token of the iteration; null when none told. */
  readonly firstTokenAtMs: number | null;
}

/** Freeing memory takes tens of ms; an actor that takes this long is as good as gone. */
const deadlineMs = 30_000;

/** null when no actor shares its device. @param iteration that has ended */
export async function releaseDevices(run: ActiveRun, iteration: number | null): Promise<ReleasedDevices | null> {
  const { cluster, signal, waits } = run;
  const sharing = (await liveActors(cluster)).filter(({ device }) => device !== undefined);
  if (sharing.length === 0) return null;
  const startedAtMs = performance.now();
  const wait = waits.begin('device', sharing.map(({ id }) => id).join(', '), sharing.length);
  try {
    const answers = await Promise.all(
      sharing.map(async ({ id, address }): Promise<DeviceReleased | null> => {
        try {
          return await cluster.actor(address).releaseDevice({}, { deadlineMs, signal });
        } catch (cause) {
          if (signal.aborted) throw cause;
          const { message } = SegueError.from(cause);
          cluster.log.warn({ actor: id, error: message }, 'an actor did not give its device back');
          return null;
        }
      }),
    );
    const released = answers.filter((one) => one !== null);
    const firstTokens = sharing.flatMap(({ firstTokenAtMs }) => firstTokenAtMs?.[`${run.id}/${iteration}`] ?? []);
    return {
      durationMs: performance.now() - startedAtMs,
      residentBytes: released.reduce((sum, one) => sum + one.residentBytes, 0),
      leftBytes: released.reduce((sum, one) => sum + one.leftBytes, 0),
      firstTokenAtMs: firstTokens.length === 0 ? null : Math.min(...firstTokens),
    };
  } finally {
    wait.end();
  }
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
