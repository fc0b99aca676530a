/**
 * One thread with a TrainingEngine: passes calls on and translates errors. Calls run in the order they are made. The thread is
 * never terminated (inside a run that would abort the process): `stop` waits for the calls before it.
 */
import { Worker } from 'node:worker_threads';
import { SegueError } from '@segue/core';
import type { Call, CallName, CallOf, HelperStart, Reply, ResultOf, WorkerStart } from './training-calls.js';

interface Waiting {
  readonly resolve: (value: ResultOf<CallName>) => void;
  readonly reject: (error: SegueError) => void;
}

export class TrainingThread {
  readonly #worker: Worker;
  readonly #waiting = new Map<number, Waiting>();
  readonly #exited: Promise<void>;
  #next = 0;
  #refusal: SegueError | null = null;

  constructor(start: WorkerStart | HelperStart) {
    this.#worker = new Worker(new URL('./thread-entry.js', import.meta.url), { workerData: start });
    this.#worker.on('message', (reply: Reply) => this.#settle(reply));
    this.#worker.on('error', (error) => this.#fail(`the training thread failed: ${error.message}`, error));
    this.#exited = new Promise((resolve) => {
      this.#worker.once('exit', (code) => {
        this.#fail(`the training thread has ended (exit code ${code})`);
        resolve();
      });
    });
  }

  async call<N extends CallName>(call: CallOf<N>): Promise<ResultOf<N>> {
    if (this.#refusal) throw this.#refusal;
    const id = this.#next++;
    const value = await new Promise<ResultOf<CallName>>((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#worker.postMessage({ id, call: call as Call });
    });
    // The thread answers a call with its own result.
    return value as ResultOf<N>;
  }

  /** Waits for the calls before it, frees the sessions and ends the thread. Later calls are refused. */
  async stop(): Promise<void> {
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
    if (reply.ok) waiting?.resolve(reply.value);
    else waiting?.reject(new SegueError(reply.code, reply.message));
  }

  /** Refuses every waiting and later call. */
  #fail(message: string, cause?: unknown): void {
    this.#refusal ??= new SegueError('UNAVAILABLE', message, cause);
    for (const { reject } of this.#waiting.values()) reject(new SegueError('UNAVAILABLE', message, cause));
    this.#waiting.clear();
  }
}
