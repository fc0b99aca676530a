/** Work of several parts that are of use together alone. It knows nothing of what the parts do. */
import { firstOf } from '@segue/bus';

/**
 * What all parts answer, or the first failure: the others are called off then, and have ended before anybody is told, so that nothing goes on beside
 * another try.
 * @param parts each heeds the signal that it is given
 */
export async function together<T>(
  signal: AbortSignal,
  parts: readonly ((signal: AbortSignal) => Promise<T>)[],
): Promise<T[]> {
  const over = new AbortController();
  const either = firstOf(signal, over.signal);
  const begun = parts.map((part) => part(either.signal));
  try {
    return await Promise.all(begun);
  } catch (error) {
    over.abort();
    await Promise.allSettled(begun);
    throw error;
  } finally {
    either.release();
  }
}
