/**
 * Whether an actor could take the tasks of an open iteration, by its own word, and why none of several ever would. It knows nothing of the queue, nor of whether
 * an actor is at work.
 */
import type { ActorStatus } from '../api.js';
import type { IterationRecord } from '../records.js';

type Word = Pick<
  ActorStatus,
  'runId' | 'policyRunId' | 'policyVersion' | 'flushedIteration' | 'draining' | 'running' | 'slots' | 'refusedRuns'
>;
type Wanted = Pick<IterationRecord, 'runId' | 'iteration' | 'policyVersion'>;

/** It follows the run, has left the iteration before, serves what this one samples with, has a slot, and its engine is not known to refuse the run. */
export function couldTake(actor: Word, { runId, iteration, policyVersion }: Wanted): boolean {
  const { flushedIteration } = actor;
  // Of the first iteration that was open, closed for a pause, and is open again, it has flushed something too.
  const isThere = iteration === 0 ? (flushedIteration ?? 0) === 0 : flushedIteration === iteration - 1;
  const serves = servesVersion(actor, runId, policyVersion);
  const refuses = actor.refusedRuns.some((refused) => refused.runId === runId && !refused.isTried);
  return actor.runId === runId && isThere && serves && !refuses && !actor.draining && actor.running < actor.slots;
}

/**
 * Whether it serves this version of this run. The same number of another run is another version: every run begins with 0, and a large one is loaded for minutes.
 * An actor of an earlier version does not name the run that it serves; then the number decides.
 */
export function servesVersion(
  { policyRunId, policyVersion }: Pick<ActorStatus, 'policyRunId' | 'policyVersion'>,
  runId: string,
  version: number,
): boolean {
  return policyVersion === version && (policyRunId === '' || policyRunId === runId);
}

/**
 * Why no actor generates for a run, by the word of the first one's engine; empty when one might, or is silent. One that tries again now and then still counts as
 * refusing: whether it can is known when it has.
 */
export function whyNobodyCan(
  actors: readonly (Pick<ActorStatus, 'actorId' | 'draining' | 'refusedRuns'> | null)[],
  runId: string,
): string {
  const words: string[] = [];
  for (const actor of actors) {
    if (actor === null) return '';
    if (actor.draining) continue;
    const refused = actor.refusedRuns.find((one) => one.runId === runId);
    if (refused === undefined) return '';
    words.push(`${actor.actorId}: ${refused.reason}`);
  }
  const [first] = words;
  if (first === undefined) return '';
  return `no engine can generate for run ${runId} (${first}${words.length > 1 ? `; so ${words.length} actors` : ''})`;
}
