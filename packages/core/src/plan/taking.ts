/** Whether an actor could take the tasks of an open iteration, by its own word. It knows nothing of the queue, nor of whether the actor is at work. */
import type { ActorStatus } from '../api.js';
import type { IterationRecord } from '../records.js';

type Word = Pick<
  ActorStatus,
  'runId' | 'policyRunId' | 'policyVersion' | 'flushedIteration' | 'draining' | 'running' | 'slots'
>;
type Wanted = Pick<IterationRecord, 'runId' | 'iteration' | 'policyVersion'>;

/**
 * It follows the run, has left the iteration before, serves what this one samples with, and has a slot. The same number of another run is another version: every run
 * begins with 0, and a large one is loaded for minutes. An actor of an earlier version does not name the run that it serves; then the number decides.
 */
export function couldTake(actor: Word, { runId, iteration, policyVersion }: Wanted): boolean {
  const { flushedIteration, policyRunId } = actor;
  // Of the first iteration that was open, closed for a pause, and is open again, it has flushed something too.
  const isThere = iteration === 0 ? (flushedIteration ?? 0) === 0 : flushedIteration === iteration - 1;
  const serves = actor.policyVersion === policyVersion && (policyRunId === '' || policyRunId === runId);
  return actor.runId === runId && isThere && serves && !actor.draining && actor.running < actor.slots;
}
