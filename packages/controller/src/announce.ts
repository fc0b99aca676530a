/**
 * What the actors go by, said on the bus: which version they serve, and which iteration is open. The bus may lose both with its data; who missed
 * nothing goes on, but an actor that starts then finds neither. So what is lost is said again while an iteration is open.
 */
import type { IterationRecord, PolicyVersionInfo } from '@segue/core';
import type { ActiveRun } from './active-run.js';

export async function announcePolicy({ cluster }: ActiveRun, { ref, folder }: PolicyVersionInfo): Promise<void> {
  const trainer = await cluster.trainer();
  await cluster.bus.putActivePolicy({ ...ref, folder, trainerAddress: trainer.address });
}

export function announceIteration({ cluster }: ActiveRun, record: IterationRecord, open: boolean): Promise<void> {
  const { runId, iteration, policyVersion } = record;
  return cluster.bus.putIterationSignal({ runId, iteration, policyVersion, open });
}

/** Looks at what the bus has of an open iteration, and says again what it has not. */
export async function announceLost(run: ActiveRun, record: IterationRecord): Promise<void> {
  const { bus, log } = run.cluster;
  const { policy } = run.progress;
  const [active, signal] = await Promise.all([bus.getActivePolicy(run.id), bus.getIterationSignal(run.id)]);
  const { iteration } = record;
  if (
    policy !== null &&
    (active?.version !== policy.ref.version || active.manifestSha256 !== policy.ref.manifestSha256)
  ) {
    log.warn(
      { run: run.id, version: policy.ref.version },
      'the bus has lost the active version: it is announced again',
    );
    await announcePolicy(run, policy);
  }
  if (signal?.iteration !== iteration || !signal.open) {
    log.warn({ run: run.id, iteration }, 'the bus has lost the signal of the open iteration: it is given again');
    await announceIteration(run, record, true);
  }
}
