/**
 * How many submissions go on at once. A few run, some more wait unread, so that flow control holds their senders back; what is beyond is refused
 * with the time after which there should be room. It bounds what batches take of memory and of the run's own time. It knows nothing of problems.
 */
import { SegueError } from '@segue/core';

export interface AdmissionLimits {
  readonly maxConcurrentSubmissions: number;
  readonly maxWaitingSubmissions: number;
}

const shortestRetryMs = 50;
const longestRetryMs = 10_000;
/** Taken for a submission's duration until one has ended. */
const firstGuessMs = 200;
/** What the newest duration counts in the mean. */
const newestShare = 0.25;

export class Admission {
  readonly #limits: AdmissionLimits;
  readonly #now: () => number;
  readonly #waiting = new Set<() => void>();
  #running = 0;
  #meanMs = firstGuessMs;

  /** @param now a clock in ms that never goes back */
  constructor(limits: AdmissionLimits, now: () => number = () => performance.now()) {
    this.#limits = limits;
    this.#now = now;
  }

  get running(): number {
    return this.#running;
  }

  get waiting(): number {
    return this.#waiting.size;
  }

  /** Does the work when its turn comes, first come, first served. @throws RESOURCE_EXHAUSTED at once when too many wait */
  async during<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    await this.#turn(signal);
    const beganAtMs = this.#now();
    try {
      return await work();
    } finally {
      this.#meanMs += newestShare * (this.#now() - beganAtMs - this.#meanMs);
      this.#pass();
    }
  }

  async #turn(signal: AbortSignal): Promise<void> {
    const { maxConcurrentSubmissions, maxWaitingSubmissions } = this.#limits;
    if (this.#running < maxConcurrentSubmissions) {
      this.#running++;
      return;
    }
    if (this.#waiting.size >= maxWaitingSubmissions) throw this.#refusal();
    await new Promise<void>((resolve, reject) => {
      const leave = () => {
        this.#waiting.delete(enter);
        reject(new SegueError('CANCELLED', 'the submission was cancelled while it waited for its turn'));
      };
      const enter = () => {
        signal.removeEventListener('abort', leave);
        resolve();
      };
      if (signal.aborted) return leave();
      signal.addEventListener('abort', leave, { once: true });
      this.#waiting.add(enter);
    });
  }

  /** Gives the place to the one that waits longest. */
  #pass(): void {
    const [next] = this.#waiting;
    if (next === undefined) {
      this.#running--;
      return;
    }
    this.#waiting.delete(next);
    next();
  }

  #refusal(): SegueError {
    const rounds = (this.#waiting.size + 1) / this.#limits.maxConcurrentSubmissions;
    const retryMs = Math.ceil(Math.min(longestRetryMs, Math.max(shortestRetryMs, this.#meanMs * rounds)));
    const message = `${this.#running} submissions go on and ${this.#waiting.size} wait, as many as may: try again in ${retryMs} ms`;
    return new SegueError('RESOURCE_EXHAUSTED', message, undefined, retryMs);
  }
}
