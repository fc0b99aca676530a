/** What tests wait for: a condition, a promise that may never settle, or all that a stream brings. */
import { setTimeout as pause } from 'node:timers/promises';

const lookEveryMs = 20;
/** Many times as long as a process takes to start or a lease lasts: what is not so by then never will be. */
const defaultPatienceMs = 40_000;

/** @param patienceMs for what takes a phase or more: beyond what a loaded machine needs for it */
export async function until(
  isSo: () => Promise<boolean>,
  what = String(isSo),
  patienceMs = defaultPatienceMs,
): Promise<void> {
  // By the clock, since a look may last; the last one begins when the time is over.
  const deadline = performance.now() + patienceMs;
  for (;;) {
    const isLast = performance.now() >= deadline;
    if (await isSo()) return;
    if (isLast) throw new Error(`waited in vain: ${what}`);
    await pause(lookEveryMs);
  }
}

const patienceMs = 10_000;

/** What a promise gives; an error when it does not come, so that a test fails where it would hang. */
export async function inTime<T>(promise: Promise<T>, what: string): Promise<T> {
  const settled = new AbortController();
  const late = pause(patienceMs, undefined, { signal: settled.signal }).then(() => {
    throw new Error(`waited in vain: ${what}`);
  });
  late.catch(() => undefined);
  try {
    return await Promise.race([promise, late]);
  } finally {
    settled.abort();
  }
}

export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const item of items) list.push(item);
  return list;
}
