/** Who waits in front of an engine's slots, and in which order they are given. Knows nothing of engines. */

/** Adds one behind those that wait; one that passes goes before those that do not. */
export function joinWaiting<T>(waiting: T[], one: T, passes: (item: T) => boolean): void {
  const firstPassed = passes(one) ? waiting.findIndex((item) => !passes(item)) : -1;
  if (firstPassed === -1) waiting.push(one);
  else waiting.splice(firstPassed, 0, one);
}
