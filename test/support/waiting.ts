/** What tests wait for: a condition, or all that a stream brings. Neither ends by itself: a test has a time limit of its own. */
import { setTimeout as pause } from 'node:timers/promises';

const lookEveryMs = 20;

export async function until(isSo: () => Promise<boolean>): Promise<void> {
  while (!(await isSo())) await pause(lookEveryMs);
}

export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const item of items) list.push(item);
  return list;
}
