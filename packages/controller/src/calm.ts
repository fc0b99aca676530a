/** Stops the actors of a run that does not go on: nobody waits any more for what they would still generate. It knows nothing of why. */
import type { ActiveRun } from './active-run.js';
import type { Cluster } from './cluster.js';

/** Of a run that has failed. What the bus has of an iteration later than the run's own is another controller's, or newer than the store: it stays. */
export async function calmActors({ id: runId, cluster, phase, progress }: ActiveRun): Promise<void> {
  const { bus } = cluster;
  // It has not come to know its iteration, so whatever gate is up is closed.
  if (phase.phase === 'idle') return calmUnread(cluster, runId);
  const { iteration } = phase;
  const signal = await bus.getIterationSignal(runId);
  if (signal !== null && signal.iteration > iteration) return;
  const policyVersion = progress.policy?.ref.version ?? 0;
  await bus.putIterationSignal({ runId, iteration, policyVersion, open: false });
  await bus.purgeRolloutTasks(runId);
}

/** Of a run that cannot be read: the actors go by what the bus says of it. */
export async function calmUnread({ bus }: Cluster, runId: string): Promise<void> {
  const signal = await bus.getIterationSignal(runId);
  if (signal?.open) await bus.putIterationSignal({ ...signal, open: false });
  await bus.purgeRolloutTasks(runId);
}
