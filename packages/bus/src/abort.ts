/** Waiting that an AbortSignal can end: for a time, for a promise, for the next value of an iterable. */
import { SegueError } from '@segue/core';

/** What a caller gets whose signal fired. */
export function cancelled(what: string): SegueError {
  return new SegueError('CANCELLED', `${what} was cancelled`);
}

/** Resolves after `ms`, or at once when the signal fires; never throws. */
export function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    const done = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal?.addEventListener('abort', done, { once: true });
  });
}

/** The values of `source` until the signal fires; what the source does afterwards is not waited for. */
export async function* untilAborted<T>(source: AsyncIterable<T>, signal: AbortSignal): AsyncGenerator<T, void, void> {
  const iterator = source[Symbol.asyncIterator]();
  let stop = () => {};
  const aborted = new Promise<'aborted'>((resolve) => {
    stop = () => resolve('aborted');
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
  });
  try {
    for (;;) {
      const next = iterator.next();
      // When the signal wins, nobody else hears of what `next` comes to.
      next.catch(() => {});
      const result = await Promise.race([next, aborted]);
      if (result === 'aborted' || signal.aborted || result.done) return;
      yield result.value;
    }
  } finally {
    signal.removeEventListener('abort', stop);
    void iterator.return?.().catch(() => {});
  }
}
