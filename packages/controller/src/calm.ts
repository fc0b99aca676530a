/** Stops the actors of a run that does not go on: nobody waits any more for what they would still generate. It knows nothing of why. */
import type { IterationSignal } from '@segue/bus';
import { SegueError } from '@segue/core';
import type { ActiveRun } from './active-run.js';
import type { Cluster } from './cluster.js';

/**
 * Of a run that has failed. What the bus has of an iteration later than the run's own stays when another controller has gone on with the run. Where no store of this run has
 * come so far, an earlier state of it was put back, and that iteration's gate is closed like any other: actors would generate for nobody, and its tasks, which no other
 * run's actors take, would count as theirs. Closed is not gone: as long as the store is behind, the run fails again; a later state that is put back goes on from there.
 */
export async function calmActors(run: ActiveRun): Promise<void> {
  const { id: runId, cluster, phase, progress } = run;
  const { bus } = cluster;
  // It has not come to know its iteration, so whatever gate is up is closed.
  if (phase.phase === 'idle') return calmUnread(cluster, runId);
  const { iteration } = phase;
  const signal = await bus.getIterationSignal(runId);
  if (signal !== null && signal.iteration > iteration) {
    // The store is read after the bus, and an iteration is in the store before it is announced.
    const known = await run.latestIteration().then(
      (latest) => latest?.iteration ?? -1,
      (error: unknown) => {
        if (SegueError.from(error).code !== 'DATA_LOSS') throw error;
        // Of a record that cannot be read nobody knows whose the gate is: it stays, and the run fails all the same.
        return signal.iteration;
      },
    );
    return known < signal.iteration ? close(cluster, signal) : undefined;
  }
  await close(cluster, { runId, iteration, policyVersion: progress.policy?.ref.version ?? 0 });
}

/** Of a run that cannot be read: the actors go by what the bus says of it. */
export async function calmUnread({ bus }: Cluster, runId: string): Promise<void> {
  const signal = await bus.getIterationSignal(runId);
  if (signal?.open) await bus.putIterationSignal({ ...signal, open: false });
  await bus.purgeRolloutTasks(runId);
}

async function close({ bus }: Cluster, iteration: Omit<IterationSignal, 'open'>): Promise<void> {
  await bus.putIterationSignal({ ...iteration, open: false });
  await bus.purgeRolloutTasks(iteration.runId);
}
