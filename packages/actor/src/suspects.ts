/**
 * Which task is to blame when an actor dies with many: pure rules. What was lost once may be anybody's fault and runs again among few; what was lost
 * twice runs alone, so that a third loss is its own. Only losses alone count against a task, and a prompt is given up with all that begin from it when
 * enough of these were lost alone. It knows nothing of queues and engines.
 */
import type { LostTries } from '@segue/bus';
import { groupOf, type RolloutTask } from '@segue/core';

/** Losses from which on a task runs alone. */
const aloneAfter = 2;

/** How many sequences may run in an engine with a task that was lost so often, itself included. */
export function companyOf(lostTries: number, slots: number): number {
  if (lostTries === 0) return slots;
  return lostTries < aloneAfter ? Math.max(1, Math.floor(slots / 4)) : 1;
}

function lostAlone(tries: number): number {
  return Math.max(0, tries - aloneAfter);
}

/** Lost tries of a task's own segment. @param known of its group */
export function triesOf({ trajectoryId, segmentIndex }: RolloutTask, known: readonly LostTries[]): number {
  const own = known.find((one) => one.trajectoryId === trajectoryId && one.segmentIndex === segmentIndex);
  return own?.tries ?? 0;
}

/**
 * Why a task is not tried again; null when it is.
 * @param known lost tries of its group
 * @param maxAttempts losses alone that one task may have; siblings that begin from the same prompt may have twice as many together
 */
export function whyGivenUp(task: RolloutTask, known: readonly LostTries[], maxAttempts: number): string | null {
  const tries = triesOf(task, known);
  if (lostAlone(tries) >= maxAttempts) {
    return `it kills its actors: lost ${tries} times with the actor that had it, the last ${lostAlone(tries)} times while it ran alone`;
  }
  if (task.segmentIndex > 0) return null;
  const siblings = known.filter((one) => one.segmentIndex === 0);
  const alone = siblings.reduce((sum, one) => sum + lostAlone(one.tries), 0);
  if (alone < 2 * maxAttempts) return null;
  return `its prompt kills actors: the responses of ${groupOf(task.trajectoryId)} that begin from it were lost ${alone} times while they ran alone`;
}
