/**
 * Which versions of a run somebody still needs: those that wrote unfinished trajectories, the one of the newest iteration, those that
 * an evaluation has pinned, and those that a snapshot which is being taken may name. It reads and decides nothing else.
 */
import type { Client } from '@segue/bus';
import type { ReplayApi } from '@segue/core';

export type ReadsRun = Pick<Client<ReplayApi>, 'getIteration' | 'getStatistics' | 'listIterations' | 'listUnfinished'>;

export interface VersionsInUse {
  readonly versions: ReadonlySet<number>;
  /** By an evaluation or a snapshot, of which nobody tells when it ends. */
  readonly isHeld: boolean;
}

export async function versionsInUse(
  runId: string,
  replay: ReadsRun,
  pinned: ReadonlySet<number>,
): Promise<VersionsInUse> {
  const versions = new Set(pinned);
  let from = (await replay.getIteration({ runId, iteration: null })).iteration;
  // Asked after it: a snapshot that is begun later names the version of this iteration at the earliest.
  const { heldFromIteration, heldToIteration } = await replay.getStatistics({ runId });
  const [heldFrom, heldTo] = [heldFromIteration ?? Infinity, heldToIteration ?? Infinity];
  // A segment's version is that of its iteration; a trajectory may have one in each from its first iteration on.
  for await (const { firstIteration } of replay.listUnfinished({ runId })) from = Math.min(from, firstIteration);
  const iterations = replay.listIterations({ runId, fromIteration: Math.min(from, heldFrom) });
  for await (const { iteration, policyVersion, policyVersionOut } of iterations) {
    const isHeld = iteration >= heldFrom && iteration <= heldTo;
    if (isHeld || iteration >= from) versions.add(policyVersion);
    // A run whose newest iteration is committed goes on from what came out of it.
    if (isHeld) versions.add(policyVersionOut);
  }
  return { versions, isHeld: pinned.size > 0 || heldFromIteration !== null };
}
