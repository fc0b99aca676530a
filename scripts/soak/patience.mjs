/**
 * Patience with a machine that is busy with other things: an answer that came too late is no failure as long as iterations end, which the soak watches
 * over. It knows nothing of what is asked.
 */

/** @param {{ code?: string }} error */
export function isLate({ code }) {
  return code === 'DEADLINE_EXCEEDED' || code === 'UNAVAILABLE';
}

/**
 * Makes a call that may be made again, again when it was answered too late, until the signal fires; then nothing of it is thrown.
 * @param {AbortSignal} signal
 * @param {() => Promise<unknown>} call
 */
export async function patiently(signal, call) {
  while (!signal.aborted) {
    try {
      await call();
      return;
    } catch (error) {
      if (!signal.aborted && !isLate(error)) throw error;
    }
  }
}
