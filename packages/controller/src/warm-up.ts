/** The supervised warm-up: version 0 becomes "after the warm-up". Done again from the start when it was interrupted, with the same result. */
import type { ActiveRun } from './active-run.js';
import { releaseDevices } from './device-turn.js';
import { followTrainer, parseMetrics } from './trainer-calls.js';

export async function warmUp(run: ActiveRun): Promise<void> {
  await run.enter('warmup', 0);
  // Actors may still serve another run.
  const [trainer] = await Promise.all([run.cluster.trainer(), releaseDevices(run, null)]);
  const { policy } = await followTrainer(
    run,
    // A pause need not wait for the whole of it: a cancelled warm-up writes nothing and begins anew with the same result.
    (signal) =>
      trainer.fineTune(
        { runId: run.id, fromVersion: 0, replace: true },
        { signal: AbortSignal.any([signal, run.halt]), deadlineMs: longestMs },
      ),
    async ({ step, steps, metricsJson }) => {
      const { loss } = parseMetrics(metricsJson);
      if (typeof loss === 'number') await run.tell('warmup', { step, steps, loss });
    },
  );
  await run.save({ policy, warmupDone: true });
}

/** Bound of the whole call; its silence is watched more closely. */
const longestMs = 24 * 3600 * 1000;
