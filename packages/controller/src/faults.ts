/** What went wrong and was dealt with, by name, as the store counts it: for `segue status`. The names are explained in docs/faults.md. */
import type { ClusterStatus } from '@segue/core';
import { type Cluster, orNull } from './cluster.js';

/** @param runId null: no run is executed, and there is nothing to count. Names with a count of 0 are left out */
export async function faultsOf(
  cluster: Cluster,
  runId: string | null,
): Promise<Pick<ClusterStatus, 'faults' | 'runsRetired'>> {
  const statistics = runId && (await orNull((await cluster.replay()).getStatistics({ runId })));
  if (!statistics) return { faults: {}, runsRetired: 0 };
  const { appendsByOutcome, trajectoriesByState, segmentsByEndReason, deadLettersByKind } = statistics;
  const counts = {
    // Late or doubled results, by why the store refused them.
    'fenced-closed': appendsByOutcome.closed,
    'fenced-stale': appendsByOutcome.stale,
    'fenced-kept-earlier': appendsByOutcome['kept-earlier'],
    'failed-tries': segmentsByEndReason.error,
    'failed-trajectories': trajectoriesByState.failed,
    'dead-letters-trajectory': deadLettersByKind.trajectory,
    'dead-letters-score': deadLettersByKind.score,
    'dead-letters-message': deadLettersByKind.message,
  };
  const faults = Object.fromEntries(Object.entries(counts).flatMap(([name, count]) => (count ? [[name, count]] : [])));
  return { faults, runsRetired: statistics.runsRetired };
}
