/**
 * The messages of a client's stream, bounded: how many bytes they are together, how long the next one may take, and how long they may keep us waiting
 * altogether. Only the time counts in which somebody waits for them: what is not read yet, because others come first, is not held against the client.
 */
import { SegueError } from '@segue/core';

export interface IncomingLimits {
  /** All messages together; left out: no limit. */
  readonly maxBytes?: number | undefined;
  /** Longest wait for the next message. */
  readonly idleMs: number;
  /** All waits together: a client that sends a little now and then ends too. */
  readonly totalWaitMs: number;
}

/** @param what names the call in refusals @throws RESOURCE_EXHAUSTED, DEADLINE_EXCEEDED */
export async function* limited(
  messages: AsyncIterable<Buffer>,
  what: string,
  { maxBytes = Number.POSITIVE_INFINITY, idleMs, totalWaitMs }: IncomingLimits,
): AsyncGenerator<Buffer, void, void> {
  const iterator = messages[Symbol.asyncIterator]();
  let bytes = 0;
  let leftMs = totalWaitMs;
  try {
    for (;;) {
      const beganMs = performance.now();
      const next = await within(iterator.next(), Math.min(idleMs, leftMs));
      if (next === 'late') {
        const waited =
          idleMs <= leftMs
            ? `no message came for ${idleMs} ms`
            : `its messages were waited for ${totalWaitMs} ms altogether`;
        throw new SegueError(
          'DEADLINE_EXCEEDED',
          `${what}: ${waited}: have them ready, and send them again as a whole`,
        );
      }
      leftMs -= performance.now() - beganMs;
      if (next.done) return;
      bytes += next.value.length;
      if (bytes > maxBytes) {
        throw new SegueError('RESOURCE_EXHAUSTED', `${what}: a stream holds at most ${maxBytes} bytes: send several`);
      }
      yield next.value;
    }
  } finally {
    // Not waited for: it ends when the next message comes, which may be never.
    void iterator.return?.().catch(() => {});
  }
}

async function within<T>(next: Promise<T>, ms: number): Promise<T | 'late'> {
  // What comes too late, a failure too, is nobody's any more.
  next.catch(() => {});
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<'late'>((resolve) => {
    timer = setTimeout(resolve, Math.max(0, ms), 'late');
  });
  try {
    return await Promise.race([next, late]);
  } finally {
    clearTimeout(timer);
  }
}
