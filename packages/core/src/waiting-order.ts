/** Who waits in front of an engine's slots, and in which order they are given. Knows nothing of the slots. */
import type { SequenceRequest } from './engine.js';

/** Adds one behind those that wait; one that passes goes before those that do not. @param requestOf what was asked with an item */
export function joinWaiting<T>(
  waiting: T[],
  one: T,
  requestOf: (item: T) => Pick<SequenceRequest, 'passesWaiting'>,
): void {
  const passes = (item: T) => requestOf(item).passesWaiting ?? false;
  const firstPassed = passes(one) ? waiting.findIndex((item) => !passes(item)) : -1;
  if (firstPassed === -1) waiting.push(one);
  else waiting.splice(firstPassed, 0, one);
}
