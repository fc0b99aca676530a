/**
 * Ctrl-C, SIGTERM and a terminal that closes: the first asks for an orderly end, the second ends at once. The supervisor alone handles them; its children live in
 * process groups of their own.
 */
import { setMaxListeners } from 'node:events';
import { SegueError } from '@segue/core';

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
/** A signal this soon after the first is the same one. */
const sameSignalMs = 1_000;

export class Interrupt {
  readonly #controller = new AbortController();
  readonly #handler: (signal: NodeJS.Signals) => void;
  #count = 0;
  #firstAtMs = 0;

  /**
   * @param onFirst what to tell the person
   * @param onSecond what must be done before the process ends, which does not wait for anything
   */
  constructor(onFirst: () => void, onSecond: () => void) {
    this.#handler = (signal) => {
      // Without a terminal one Ctrl-C can arrive twice: from the process group and passed on by a parent.
      const sinceFirstMs = performance.now() - this.#firstAtMs;
      if (this.#count > 0 && sinceFirstMs < sameSignalMs) return;
      // A terminal that closes after a Ctrl-C is nobody's impatience.
      if (this.#count > 0 && signal === 'SIGHUP') return;
      this.#count += 1;
      if (this.#count > 1) {
        onSecond();
        process.exit(130);
      }
      this.#firstAtMs = performance.now();
      onFirst();
      this.#controller.abort(new SegueError('CANCELLED', 'interrupted'));
    };
    for (const signal of signals) process.on(signal, this.#handler);
    // One for each process that starts: no leak to warn of.
    setMaxListeners(0, this.#controller.signal);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  get requested(): boolean {
    return this.#count > 0;
  }

  /** What work comes to, or the interrupt as soon as there is one; what the work does then is not waited for. */
  async cut<T>(work: Promise<T>): Promise<T> {
    const { signal } = this.#controller;
    let stop = () => {};
    const interrupted = new Promise<never>((_, reject) => {
      stop = () => reject(SegueError.from(signal.reason));
      if (signal.aborted) stop();
      else signal.addEventListener('abort', stop, { once: true });
    });
    try {
      return await Promise.race([work, interrupted]);
    } finally {
      signal.removeEventListener('abort', stop);
    }
  }

  /** Ends the wait as a person would, because of a failure. */
  abort(reason: SegueError): void {
    this.#controller.abort(reason);
  }

  close(): void {
    for (const signal of signals) process.off(signal, this.#handler);
  }
}
