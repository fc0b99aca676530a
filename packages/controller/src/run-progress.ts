/**
 * What the controller keeps of a run between its phases, as JSON in the run's record, and the one way to change that record. Iterations are
 * not here: the store has them.
 */
import { type EngineTimes, type PolicyVersionInfo, type RunRecord, SegueError } from '@segue/core';
import type { Cluster } from './cluster.js';

export interface RunProgress {
  /** Newest version that is whole: what actors are to serve. */
  readonly policy: PolicyVersionInfo | null;
  readonly warmupDone: boolean;
  /** Evaluations that have ended, as `<when>-<iterations completed>`. */
  readonly evaluations: readonly string[];
  /** Rounds in which tasks of an iteration were issued: each round's tasks are tries of their own. */
  readonly issue: { readonly iteration: number; readonly round: number } | null;
  /** How the newest rollout phase went. */
  readonly rollout: RolloutOutcome | null;
}

export interface RolloutOutcome {
  readonly iteration: number;
  readonly closedBy: string;
  readonly rolloutMs: number;
  readonly closeMs: number;
  /** See actor-reports.ts. */
  readonly actorIdleShare: number;
  readonly engineTimes: EngineTimes;
}

const nothingYet: RunProgress = { policy: null, warmupDone: false, evaluations: [], issue: null, rollout: null };

export function parseProgress(record: RunRecord): RunProgress {
  if (record.progressJson === '') return nothingYet;
  try {
    return { ...nothingYet, ...JSON.parse(record.progressJson) };
  } catch (error) {
    throw new SegueError('DATA_LOSS', `the progress of run ${record.id} in the store is not JSON`, error);
  }
}

const maxWrites = 8;

/**
 * Changes a run's record by compare-and-set: reads, changes, writes, and begins again when another write came first. A change that answers
 * null leaves the record as it is.
 */
export async function updateRun(
  cluster: Cluster,
  runId: string,
  change: (record: RunRecord) => Partial<RunRecord> | null,
): Promise<RunRecord> {
  const replay = await cluster.replay();
  for (let write = 1; ; write++) {
    const record = await replay.getRun({ runId });
    const changes = change(record);
    if (changes === null) return record;
    try {
      return await replay.putRun({ run: { ...record, ...changes }, expectedRevision: record.revision });
    } catch (error) {
      if (SegueError.from(error).code !== 'FAILED_PRECONDITION' || write === maxWrites) throw error;
    }
  }
}

/** Changes the progress of a run, as far as they go beyond what is kept, and answers it as it is now. */
export async function saveProgress(
  cluster: Cluster,
  runId: string,
  changes: Partial<RunProgress>,
): Promise<RunProgress> {
  const record = await updateRun(cluster, runId, (current) => ({
    progressJson: JSON.stringify(advanced(parseProgress(current), changes)),
  }));
  return parseProgress(record);
}

/** Gives a run the policy that it begins with, unless it has one: another controller may have gone on with it. */
export async function saveFirstPolicy(cluster: Cluster, runId: string, policy: PolicyVersionInfo): Promise<void> {
  await updateRun(cluster, runId, (current) => {
    const kept = parseProgress(current);
    return kept.policy === null ? { progressJson: JSON.stringify({ ...kept, policy }) } : null;
  });
}

/** A run goes forward alone: who stood still while another controller went on with it would else take it back to what it had read before. */
export function advanced(kept: RunProgress, changes: Partial<RunProgress>): RunProgress {
  const next = { ...kept, ...changes };
  const isOlder = kept.policy !== null && (next.policy?.ref.version ?? -1) < kept.policy.ref.version;
  return {
    ...next,
    policy: isOlder ? kept.policy : next.policy,
    warmupDone: kept.warmupDone || next.warmupDone,
    evaluations: [...new Set([...kept.evaluations, ...next.evaluations])],
    issue: newest(kept.issue, next.issue),
    rollout: newest(kept.rollout, next.rollout),
  };
}

function newest<T extends { readonly iteration: number; readonly round?: number }>(kept: T | null, next: T | null) {
  if (kept === null || next === null) return next ?? kept;
  const ahead = kept.iteration - next.iteration || (kept.round ?? 0) - (next.round ?? 0);
  return ahead > 0 ? kept : next;
}
