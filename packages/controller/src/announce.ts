/**
 * What the actors go by, said on the bus: which version they serve, and which iteration is open. The bus may lose both with its data; who missed
 * nothing goes on, but an actor that starts then finds neither. So what is lost is said again, while an iteration is open and while it is closed.
 * What the bus has and this process has not is not lost: another controller may have gone on with the run, and the store is asked which is true.
 */
import type { ActivePolicy } from '@segue/bus';
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

/**
 * Looks at what the bus has of an open iteration, and says again what it has not.
 * @returns false when the store knows better: the iteration is not the open one any more, or samples with another version
 */
export async function announceLost(run: ActiveRun, record: IterationRecord): Promise<boolean> {
  const { bus, log } = run.cluster;
  const { policy } = run.progress;
  const [active, signal] = await Promise.all([bus.getActivePolicy(run.id), bus.getIterationSignal(run.id)]);
  const { iteration } = record;
  const hasPolicy = policy === null || isSame(active, policy);
  const hasSignal = signal?.iteration === iteration && signal.open;
  if (hasPolicy && hasSignal) return true;
  const isBehind = (!hasPolicy && !isOlder(active, policy)) || (!hasSignal && !isEarlier(signal, iteration));
  if (isBehind && !(await isCurrent(run, record))) {
    log.warn({ run: run.id, iteration }, 'another controller has gone on with the run: its state is read anew');
    return false;
  }
  if (!hasPolicy) {
    log.warn(
      { run: run.id, version: policy.ref.version },
      'the bus has lost the active version: it is announced again',
    );
    await announcePolicy(run, policy);
  }
  if (!hasSignal) {
    log.warn({ run: run.id, iteration }, 'the bus has lost the signal of the open iteration: it is given again');
    await announceIteration(run, record, true);
  }
  return true;
}

/** The same for an iteration that is being closed. Closing goes before opening: a signal that says `open` is an earlier word. */
export async function announceLostClosing(run: ActiveRun, record: IterationRecord): Promise<void> {
  const { bus, log } = run.cluster;
  const { iteration } = record;
  const signal = await bus.getIterationSignal(run.id);
  if (!isEarlier(signal, iteration) && !(signal?.iteration === iteration && signal.open)) return;
  log.warn({ run: run.id, iteration }, 'the bus has lost the signal of the iteration that closes: it is given again');
  await announceIteration(run, record, false);
}

function isSame(active: ActivePolicy | null, { ref }: PolicyVersionInfo): boolean {
  return active?.version === ref.version && active.manifestSha256 === ref.manifestSha256;
}

function isOlder(active: ActivePolicy | null, { ref }: PolicyVersionInfo): boolean {
  return active === null || active.version < ref.version;
}

function isEarlier(signal: { readonly iteration: number } | null, iteration: number): boolean {
  return signal === null || signal.iteration < iteration;
}

/** Whether what this process knows of the run is what the store has; what it had read of it is read anew. */
async function isCurrent(run: ActiveRun, { iteration }: IterationRecord): Promise<boolean> {
  const known = run.progress.policy?.ref;
  await run.readAnew();
  const stored = run.progress.policy?.ref;
  const latest = await run.latestIteration();
  const isOpen = latest?.iteration === iteration && latest.state === 'open';
  return isOpen && stored?.version === known?.version && stored?.manifestSha256 === known?.manifestSha256;
}
