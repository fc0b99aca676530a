/**
 * A stream that is not silent for long: while the next value is awaited the last one comes again, so that whoever listens can tell work
 * that takes its time from a peer that is gone. It does not judge the work: what hangs is for a deadline to find.
 */

/** @param everyMs of silence after which the last value is repeated; before the first value nothing is */
export async function* repeatLast<T>(values: AsyncIterable<T>, everyMs: number): AsyncGenerator<T> {
  const iterator = values[Symbol.asyncIterator]();
  let last: { readonly value: T } | null = null;
  try {
    for (;;) {
      const next = iterator.next();
      // When the listener goes during a repetition, nobody else hears of what `next` comes to.
      next.catch(() => undefined);
      let result = await orSilence(next, everyMs);
      while (result === null) {
        if (last !== null) yield last.value;
        result = await orSilence(next, everyMs);
      }
      if (result.done) return;
      last = { value: result.value };
      yield result.value;
    }
  } finally {
    // The work behind the stream is over when this one is.
    await iterator.return?.();
  }
}

/** What comes within the time; else null. */
async function orSilence<T>(work: Promise<T>, waitMs: number): Promise<T | null> {
  let timer: NodeJS.Timeout | undefined;
  const silence = new Promise<null>((resolve) => {
    timer = setTimeout(() => resolve(null), waitMs);
  });
  try {
    return await Promise.race([work, silence]);
  } finally {
    clearTimeout(timer);
  }
}
