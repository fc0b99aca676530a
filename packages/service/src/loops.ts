/**
 * Work that lasts as long as the service: periodic loops and tasks that are begun again. Failures are logged and counted, and the work goes on.
 */
import { pause } from '@segue/bus';
import { SegueError } from '@segue/core';
import type { Logger } from 'pino';
import type { Counter } from 'prom-client';

/** Pause before a failed task begins again, in ms; doubles up to the longest. */
const shortestPauseMs = 200;
const longestPauseMs = 5_000;

export class Loops {
  readonly #signal: AbortSignal;
  readonly #log: Logger;
  readonly #failures: Counter;
  readonly #starters: (() => Promise<void>)[] = [];
  #running: Promise<void>[] = [];

  constructor(signal: AbortSignal, log: Logger, failures: Counter) {
    this.#signal = signal;
    this.#log = log;
    this.#failures = failures;
  }

  every(name: string, intervalMs: number, work: (signal: AbortSignal) => Promise<void>): void {
    this.#failures.inc({ loop: name }, 0);
    this.#starters.push(async () => {
      while (!this.#signal.aborted) {
        await this.#attempt(name, work);
        await pause(intervalMs, this.#signal);
      }
    });
  }

  keep(name: string, work: (signal: AbortSignal) => Promise<void>): void {
    this.#failures.inc({ loop: name }, 0);
    this.#starters.push(async () => {
      let pauseMs = shortestPauseMs;
      while (!this.#signal.aborted) {
        pauseMs = (await this.#attempt(name, work)) ? shortestPauseMs : Math.min(longestPauseMs, 2 * pauseMs);
        await pause(pauseMs, this.#signal);
      }
    });
  }

  async #attempt(name: string, work: (signal: AbortSignal) => Promise<void>): Promise<boolean> {
    try {
      await work(this.#signal);
      return true;
    } catch (error) {
      if (this.#signal.aborted) return true;
      const failure = SegueError.from(error);
      this.#failures.inc({ loop: name });
      this.#log.warn({ loop: name, code: failure.code, stack: failure.stack }, `${name}: ${failure.rawMessage}`);
      return false;
    }
  }

  start(): void {
    this.#running = this.#starters.map((starter) => starter());
  }

  /** Resolves when all have ended; the signal ends them. */
  async ended(): Promise<void> {
    await Promise.all(this.#running);
  }
}
