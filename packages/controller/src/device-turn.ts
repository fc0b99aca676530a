/**
 * Before the trainer's turn on a device that it shares with actors: these free their memory and give it back. An actor that does not answer is left
 * to its lease, which ends with it: the trainer waits for the device in any case.
 */
import { type DeviceReleased, SegueError } from '@segue/core';
import type { ActiveRun } from './active-run.js';
import { liveActors } from './actors.js';
import type { ReleasedDevices } from './turn-log.js';

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
