/**
 * One thread with a TrainingEngine: passes calls on and translates errors. Calls run in the order they are made. The thread is
 * never terminated (inside a run that would abort the process): `stop` waits for the calls before it. A call that does not come back
 * within its deadline leaves a thread that only the end of the process ends: it and every later call is answered with DEADLINE_EXCEEDED.
 */
import { Worker } from 'node:worker_threads';
import { SegueError } from '@segue/core';
import type { Call, CallName, CallOf, Reply, ResultOf } from './training-calls.js';

export interface ThreadOptions {
  /** Longest time for a call, in ms. Left out: none. */
  readonly callTimeoutMs?: number;
  /** A call has missed its deadline; told before anybody who waits for it. */
  readonly onHang?: (error: SegueError) => void;
  /** What the thread runs; another one is for tests. */
  readonly entry?: URL;
}

/** A call that has not come back yet. */
export interface TrainingCall {
  readonly name: CallName;
  /** How long it has lasted, in ms. */
  readonly ageMs: number;
}

interface Waiting {
  readonly name: CallName;
  readonly sinceMs: number;
  readonly timer: NodeJS.Timeout | undefined;
  readonly resolve: (value: ResultOf<CallName>) => void;
  readonly reject: (error: SegueError) => void;
}

const threadEntry = new URL('./thread-entry.js', import.meta.url);

export class TrainingThread {
  readonly #options: ThreadOptions;
  readonly #worker: Worker;
  readonly #waiting = new Map<number, Waiting>();
  readonly #exited: Promise<void>;
  #next = 0;
  #refusal: SegueError | null = null;
  #hung: SegueError | null = null;

  constructor(options: ThreadOptions = {}) {
    this.#options = options;
    this.#worker = new Worker(options.entry ?? threadEntry);
    this.#worker.on('message', (reply: Reply) => this.#settle(reply));
    this.#worker.on('error', (error) => this.#fail(`the training thread failed: ${error.message}`, error));
    this.#exited = new Promise((resolve) => {
      this.#worker.once('exit', (code) => {
        this.#fail(`the training thread has ended (exit code ${code})`);
        resolve();
      });
    });
  }

  /** The oldest call that is waited for; null when none is. What hangs goes on being waited for. */
  get oldestCall(): TrainingCall | null {
    const [oldest] = this.#waiting.values();
    return oldest ? { name: oldest.name, ageMs: performance.now() - oldest.sinceMs } : null;
  }

  async call<N extends CallName>(call: CallOf<N>): Promise<ResultOf<N>> {
    if (this.#refusal) throw this.#refusal;
    const id = this.#next++;
    const value = await new Promise<ResultOf<CallName>>((resolve, reject) => {
      const { callTimeoutMs } = this.#options;
      const timer = callTimeoutMs === undefined ? undefined : setTimeout(() => this.#hang(call.name), callTimeoutMs);
      this.#waiting.set(id, { name: call.name, sinceMs: performance.now(), timer, resolve, reject });
      this.#worker.postMessage({ id, call: call as Call });
    });
    // The thread answers a call with its own result.
    return value as ResultOf<N>;
  }

  /** Waits for the calls before it, frees the sessions and ends the thread. Later calls are refused. */
  async stop(): Promise<void> {
    if (this.#hung) throw this.#hung;
    if (!this.#refusal) {
      const stopped = this.call({ name: 'stop' });
      this.#refusal = new SegueError('FAILED_PRECONDITION', 'the training worker has been stopped');
      await stopped;
    }
    await this.#exited;
  }

  #settle(reply: Reply): void {
    const waiting = this.#waiting.get(reply.id);
    this.#waiting.delete(reply.id);
    clearTimeout(waiting?.timer);
    if (reply.ok) waiting?.resolve(reply.value);
    else waiting?.reject(new SegueError(reply.code, reply.message));
  }

  /** Refuses every waiting and later call. */
  #fail(message: string, cause?: unknown): void {
    this.#refusal ??= new SegueError('UNAVAILABLE', message, cause);
    for (const { reject, timer } of this.#waiting.values()) {
      clearTimeout(timer);
      reject(new SegueError('UNAVAILABLE', message, cause));
    }
    this.#waiting.clear();
  }

  #hang(name: CallName): void {
    if (this.#hung) return;
    const message = `the training thread hangs: ${name} has not come back after ${this.#options.callTimeoutMs} ms (engineTimeoutMs)`;
    this.#hung = new SegueError('DEADLINE_EXCEEDED', message);
    this.#refusal = this.#hung;
    this.#options.onHang?.(this.#hung);
    for (const { reject } of this.#waiting.values()) reject(this.#hung);
  }
}
