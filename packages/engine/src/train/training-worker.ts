/**
 * A TrainingEngine on a thread of its own, so that the service that owns it always answers. Calls run in the order they are
 * made. The thread is never terminated (inside a run that would abort the process): `stop` waits for the calls before it.
 */
import { Worker } from 'node:worker_threads';
import { SegueError } from '@segue/core';
import type { Call, CallName, CallOf, Reply, ResultOf, TrainingStatus, WorkerStart } from './training-calls.js';
import type {
  GradientResult,
  LogProbOptions,
  LogProbResult,
  PolicyGradientResult,
  PolicyLossOptions,
  PolicyRow,
  StepResult,
  SupervisedLossOptions,
  SupervisedStepResult,
  TokenRow,
} from './training-types.js';

interface Waiting {
  readonly resolve: (value: ResultOf<CallName>) => void;
  readonly reject: (error: SegueError) => void;
}

export class TrainingWorker {
  readonly #worker: Worker;
  readonly #waiting = new Map<number, Waiting>();
  readonly #exited: Promise<void>;
  #next = 0;
  #refusal: SegueError | null = null;

  private constructor(start: WorkerStart) {
    this.#worker = new Worker(new URL('./training-thread.js', import.meta.url), { workerData: start });
    this.#worker.on('message', (reply: Reply) => this.#settle(reply));
    this.#worker.on('error', (error) => this.#fail(`the training thread failed: ${error.message}`, error));
    this.#exited = new Promise((resolve) => {
      this.#worker.once('exit', (code) => {
        this.#fail(`the training thread has ended (exit code ${code})`);
        resolve();
      });
    });
  }

  /** Starts the thread with a policy: from a checkpoint folder, or new from a config and a seed. */
  static async start(start: WorkerStart): Promise<TrainingWorker> {
    const worker = new TrainingWorker(start);
    try {
      await worker.#call({ name: 'start' });
    } catch (error) {
      await worker.stop();
      throw error;
    }
    return worker;
  }

  /** See TrainingEngine for what each of these does. */
  logProbs(rows: readonly TokenRow[], options: LogProbOptions = {}): Promise<LogProbResult> {
    return this.#call({ name: 'logProbs', rows, options });
  }

  policyGradients(rows: readonly PolicyRow[], options: PolicyLossOptions): Promise<PolicyGradientResult> {
    return this.#call({ name: 'policyGradients', rows, options });
  }

  supervisedGradients(rows: readonly TokenRow[], options: SupervisedLossOptions = {}): Promise<GradientResult> {
    return this.#call({ name: 'supervisedGradients', rows, options });
  }

  supervisedStep(rows: readonly TokenRow[], learningRate: number): Promise<SupervisedStepResult> {
    return this.#call({ name: 'supervisedStep', rows, learningRate });
  }

  step(learningRate: number): Promise<StepResult> {
    return this.#call({ name: 'step', learningRate });
  }

  resetOptimizer(): Promise<void> {
    return this.#call({ name: 'resetOptimizer' });
  }

  dropGradient(): Promise<void> {
    return this.#call({ name: 'dropGradient' });
  }

  load(folder: string): Promise<void> {
    return this.#call({ name: 'load', folder });
  }

  /** @param companions paths of files to copy along; those of the folder that was opened when left out */
  save(folder: string, companions?: readonly string[]): Promise<void> {
    return this.#call({ name: 'save', folder, ...(companions ? { companions } : {}) });
  }

  status(): Promise<TrainingStatus> {
    return this.#call({ name: 'status' });
  }

  /** Waits for the calls before it, frees the sessions and ends the thread. Later calls are refused. */
  async stop(): Promise<void> {
    if (!this.#refusal) {
      const stopped = this.#call({ name: 'stop' });
      this.#refusal = new SegueError('FAILED_PRECONDITION', 'the training worker has been stopped');
      await stopped;
    }
    await this.#exited;
  }

  async #call<N extends CallName>(call: CallOf<N>): Promise<ResultOf<N>> {
    if (this.#refusal) throw this.#refusal;
    const id = this.#next++;
    const value = await new Promise<ResultOf<CallName>>((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#worker.postMessage({ id, call: call as Call });
    });
    // The thread answers a call with its own result.
    return value as ResultOf<N>;
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
