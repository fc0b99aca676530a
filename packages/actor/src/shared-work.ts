/**
 * One piece of work for all who want its result: it is called off only when nobody waits for it any more. It knows nothing of what is done.
 */
import { SegueError } from '@segue/core';

export class SharedWork<T> {
  /** Settles when nothing of the work goes on any more, called off or not. */
  readonly settled: Promise<unknown>;
  readonly #result: Promise<T>;
  readonly #end = new AbortController();
  #waiting = 0;

  constructor(begin: (signal: AbortSignal) => Promise<T>) {
    this.#result = begin(this.#end.signal);
    this.settled = this.#result.catch(() => undefined);
  }

  /** Nobody waited any more: its result is nothing to wait for. */
  get isCalledOff(): boolean {
    return this.#end.signal.aborted;
  }

  /** The result. @param signal ends this wait, and the work when it was the last one */
  async wait(signal: AbortSignal | undefined): Promise<T> {
    this.#waiting++;
    try {
      return await orAborted(this.#result, signal);
    } finally {
      this.#waiting--;
      if (this.#waiting === 0) this.#end.abort();
    }
  }
}

/** Stops waiting when the signal fires. */
export function orAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return work;
  return new Promise((resolve, reject) => {
    const stop = () => reject(notWanted());
    if (signal.aborted) stop();
    signal.addEventListener('abort', stop, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop));
  });
}

export function notWanted(): SegueError {
  return new SegueError('CANCELLED', 'the policy version is not wanted here any more');
}
