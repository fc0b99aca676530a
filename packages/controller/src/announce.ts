/**
 * What the actors go by, said on the bus: which version they serve, and which iteration is open. The bus may lose both with its data; who missed
 * nothing goes on, but an actor that starts then finds neither. So what is lost is said again, while an iteration is open and while it is closed.
 * The store is asked before: another controller may have gone on with the run.
 */
import type { ActivePolicy, IterationSignal } from '@segue/bus';
import { type IterationRecord, type PolicyVersionInfo, SegueError } from '@segue/core';
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
 * Whether an open iteration may be announced. Who has heard of a later one listens to no earlier one any more.
 * @returns false when another controller has gone on with the run
 */
export async function isAnnouncable(run: ActiveRun, record: IterationRecord): Promise<boolean> {
  const signal = await run.cluster.bus.getIterationSignal(run.id);
  if (!isLater(signal, record)) return true;
  if (!(await run.isStill('open', record.iteration))) return false;
  throw storeIsBehind(signal, record);
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
  const fits = policy === null || policy.ref.version === record.policyVersion;
  if (hasPolicy && hasSignal && fits) return true;
  // The store is read after the bus, and an iteration is in the store before it is announced.
  if (!(await isCurrent(run, record, policy))) return false;
  if (!fits) throw neverTaken(record, policy);
  if (isLater(signal, record)) throw storeIsBehind(signal, record);
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

function isEarlier(signal: IterationSignal | null, iteration: number): boolean {
  return signal === null || signal.iteration < iteration;
}

function isLater(signal: IterationSignal | null, { iteration }: IterationRecord): signal is IterationSignal {
  return signal !== null && signal.iteration > iteration;
}

/** Whether what this process knows of the run is what the store has. If not, it is read anew. */
async function isCurrent(
  run: ActiveRun,
  { iteration }: IterationRecord,
  policy: PolicyVersionInfo | null,
): Promise<boolean> {
  if (!(await run.isStill('open', iteration))) return false;
  if (policy === null || (await run.isNewest(policy))) return true;
  await run.readAnew();
  return false;
}

function neverTaken({ runId, iteration, policyVersion }: IterationRecord, { ref }: PolicyVersionInfo): SegueError {
  return new SegueError(
    'DATA_LOSS',
    `iteration ${iteration} of ${runId} samples with policy version ${policyVersion}, and the newest one that the store ` +
      `names is ${ref.version}, so no actor takes its tasks: put a snapshot back (docs/durability.md)`,
  );
}

function storeIsBehind(signal: IterationSignal, { runId, iteration }: IterationRecord): SegueError {
  return new SegueError(
    'FAILED_PRECONDITION',
    `the message server has had iteration ${signal.iteration} of ${runId}, and the store has come to ${iteration}: an earlier ` +
      'state of the store was put back beside newer data of the message server. Put the later state back, or stop the cluster, ' +
      'remove that data and start again; then resume the run (docs/durability.md)',
  );
}
