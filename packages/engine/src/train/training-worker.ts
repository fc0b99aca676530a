/**
 * Training off the main thread, so that the service that owns it always answers. On the CPU a small policy is
 * trained data-parallel: each of `threads` threads computes the gradients of its share of the rows with a copy of the parameters, the first
 * one sums them in a fixed order and steps. A large one is trained by one thread whose operators are shared (shards.ts). Calls run one after the other, in the order they are
 * made. Await `stop` before the process exits.
 */
import { SegueError } from '@segue/core';
import { setMatrixPrecision } from '../graph/cuda.js';
import type { ModelConfig } from '../model/config.js';
import { parameterLayout } from '../model/layout.js';
import type { FileSums } from '../model/weight-files.js';
import { markedTokens, type PolicyRow, requirePolicyRows, requireRows, type TokenRow } from './batches.js';
import {
  type CallBounds,
  callBounds,
  cutShard,
  dealRows,
  mergeGradients,
  mergeLogProbs,
  mergePolicyGradients,
  planThreads,
  type Shard,
} from './shards.js';
import type { PolicySource, SharedArrays, TrainingStatus, WorkerStart } from './training-calls.js';
import { type ThreadOptions, type TrainingCall, TrainingThread } from './training-thread.js';
import {
  defaultThreads,
  type GradientResult,
  type LogProbOptions,
  type LogProbResult,
  type PolicyGradientResult,
  type PolicyLossOptions,
  type PolicyStepOptions,
  type PolicyStepResult,
  type StepResult,
  type SupervisedLossOptions,
  type SupervisedStepResult,
  type TrainingOptions,
} from './training-types.js';

export class TrainingWorker {
  readonly #threadOptions: ThreadOptions;
  readonly #first: TrainingThread;
  readonly #helpers: TrainingThread[] = [];
  /** Of the policy that is trained; null until the first thread has it. */
  #config: ModelConfig | null = null;
  /** Of the calls that rows are dealt out in. */
  #bounds: CallBounds | null = null;
  /** Ends when the calls made so far have. */
  #last: Promise<unknown> = Promise.resolve();
  #stopping: Promise<void> | null = null;

  private constructor(threadOptions: ThreadOptions, first: TrainingThread) {
    this.#threadOptions = threadOptions;
    this.#first = first;
  }

  /**
   * Starts the threads with a policy: from a checkpoint folder, or new from a config and a seed. `options.threads` is
   * used as `planThreads` says.
   * @param first a thread that has been made ahead with the same `threadOptions`: starting one takes as long as reading a small policy
   */
  static async start(
    { source, options = {} }: WorkerStart,
    threadOptions: ThreadOptions = {},
    first: TrainingThread = new TrainingThread(threadOptions),
  ): Promise<TrainingWorker> {
    if (options.device === 'cuda') setMatrixPrecision(options.precision ?? 'float32');
    const own = { ...options, threads: 1 };
    const worker = new TrainingWorker(threadOptions, first);
    await worker.#open(source, options.threads ?? defaultThreads, own);
    return worker;
  }

  async #open(source: PolicySource, threads: number, own: TrainingOptions): Promise<void> {
    try {
      const config = await this.#first.call({ name: 'start', from: { source, options: own } });
      this.#config = config;
      const layout = parameterLayout(config);
      const { length, parameters } = layout;
      const plan = planThreads(parameters, threads, own.device);
      this.#bounds = callBounds(layout, own, plan.operatorThreads);
      await this.#first.call({ name: 'useThreads', threads: plan.operatorThreads });
      if (plan.workers === 1) return;
      const shared: SharedArrays = {
        parameters: sharedFloats(length),
        gradients: Array.from({ length: plan.workers - 1 }, () => sharedFloats(length)),
      };
      await this.#first.call({ name: 'share', shared, helper: null });
      await Promise.all(
        shared.gradients.map(async (_, helper) => {
          const thread = new TrainingThread(this.#threadOptions);
          this.#helpers.push(thread);
          await thread.call({ name: 'start', from: { helperOf: config, options: own } });
          await thread.call({ name: 'share', shared, helper });
          await thread.call({ name: 'takeParameters' });
        }),
      );
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  /** The oldest call that is waited for; null when none is. */
  get oldestCall(): TrainingCall | null {
    const calls = this.#threads.flatMap(({ oldestCall }) => oldestCall ?? []);
    return calls.sort((a, b) => b.ageMs - a.ageMs)[0] ?? null;
  }

  /** See TrainingEngine for what each of these does. */
  logProbs(rows: readonly TokenRow[], options: LogProbOptions = {}): Promise<LogProbResult> {
    return this.#next(async () => {
      // Before rows are dealt out, so that an error names the caller's row.
      requireRows(rows, this.#known);
      const parts = await this.#deal(rows, (thread, shard) =>
        thread.call({ name: 'logProbs', rows: shard.rows, options }),
      );
      return mergeLogProbs(rows.length, parts);
    });
  }

  policyGradients(rows: readonly PolicyRow[], options: PolicyLossOptions): Promise<PolicyGradientResult> {
    return this.#next(() => this.#policy(rows, options));
  }

  /** Gradients and step in one: in one run where that pays. */
  policyStep(rows: readonly PolicyRow[], options: PolicyStepOptions): Promise<PolicyStepResult> {
    return this.#next(async () => {
      if (this.#takesOneCall(rows)) return this.#first.call({ name: 'policyStep', rows, options });
      const gradients = await this.#policy(rows, options);
      const step = await this.#step(options.learningRate);
      if (options.thenReset) await this.#first.call({ name: 'resetOptimizer' });
      return { ...gradients, ...step };
    });
  }

  supervisedGradients(rows: readonly TokenRow[], options: SupervisedLossOptions = {}): Promise<GradientResult> {
    return this.#next(() => this.#supervised(rows, options));
  }

  step(learningRate: number): Promise<StepResult> {
    return this.#next(() => this.#step(learningRate));
  }

  supervisedStep(rows: readonly TokenRow[], learningRate: number): Promise<SupervisedStepResult> {
    return this.#next(async () => {
      if (this.#takesOneCall(rows)) return this.#first.call({ name: 'supervisedStep', rows, learningRate });
      return { ...(await this.#supervised(rows, {})), ...(await this.#step(learningRate)) };
    });
  }

  resetOptimizer(): Promise<void> {
    return this.#next(() => this.#first.call({ name: 'resetOptimizer' }));
  }

  dropGradient(): Promise<void> {
    return this.#next(async () => {
      await Promise.all(this.#threads.map((thread) => thread.call({ name: 'dropGradient' })));
    });
  }

  load(folder: string): Promise<void> {
    return this.#next(async () => {
      await this.#first.call({ name: 'load', folder });
      await Promise.all(this.#helpers.map((thread) => thread.call({ name: 'dropGradient' })));
      await this.#spread();
    });
  }

  /** @param companions paths of files to copy along; those of the folder that was opened when left out */
  save(folder: string, companions?: readonly string[]): Promise<FileSums> {
    return this.#next(() => this.#first.call({ name: 'save', folder, ...(companions ? { companions } : {}) }));
  }

  status(): Promise<TrainingStatus> {
    return this.#next(() => this.#first.call({ name: 'status' }));
  }

  /**
   * Waits for the calls before it, frees the sessions and ends the threads. Later calls are refused. Rejects with DEADLINE_EXCEEDED when
   * a thread hangs.
   */
  stop(): Promise<void> {
    this.#stopping ??= this.#last.then(async () => {
      await Promise.all(this.#threads.map((thread) => thread.stop()));
    });
    return this.#stopping;
  }

  get #known(): ModelConfig {
    return requireStarted(this.#config);
  }

  get #threads(): readonly TrainingThread[] {
    return [this.#first, ...this.#helpers];
  }

  /** Runs one call after those before it, whether they succeeded or not. */
  #next<T>(call: () => Promise<T>): Promise<T> {
    if (this.#stopping) {
      return Promise.reject(new SegueError('FAILED_PRECONDITION', 'the training worker has been stopped'));
    }
    const result = this.#last.then(call);
    this.#last = result.catch(() => {});
    return result;
  }

  /** Whether gradients and step are one call: no thread shares the rows, and one call takes them all. */
  #takesOneCall(rows: readonly TokenRow[]): boolean {
    if (this.#helpers.length > 0) return false;
    const indices = rows.map((_, index) => index);
    const alone = rows.some(({ tokens }) => tokens.length > requireStarted(this.#bounds).longTokens);
    return !alone && cutShard({ rows, indices }, requireStarted(this.#bounds)).length === 1;
  }

  /** Gives every thread its share and waits for all, so that none still works when a call ends. */
  async #deal<R extends TokenRow, V>(
    rows: readonly R[],
    call: (thread: TrainingThread, shard: Shard<R>) => Promise<V>,
  ): Promise<[Shard<R>, V][]> {
    const bounds = requireStarted(this.#bounds);
    const shards = dealRows(rows, this.#threads.length);
    const results = await Promise.allSettled(
      this.#threads.map(async (thread, i) => {
        const parts: [Shard<R>, V][] = [];
        for (const part of cutShard(shards[i]!, bounds)) parts.push([part, await call(thread, part)]);
        return parts;
      }),
    );
    return results.flatMap((result) => {
      if (result.status === 'rejected') throw result.reason;
      return result.value;
    });
  }

  async #policy(rows: readonly PolicyRow[], options: PolicyLossOptions): Promise<PolicyGradientResult> {
    const whole = { normalizer: rows.length, ...options };
    requirePolicyRows(rows, this.#known);
    const parts = await this.#deal(rows, (thread, shard) =>
      thread.call({ name: 'policyGradients', rows: shard.rows, options: whole }),
    );
    return mergePolicyGradients(rows.length, parts);
  }

  async #supervised(rows: readonly TokenRow[], options: SupervisedLossOptions): Promise<GradientResult> {
    requireRows(rows, this.#known);
    const whole = { normalizer: rows.reduce((sum, row) => sum + markedTokens(row), 0), ...options };
    const parts = await this.#deal(rows, (thread, shard) =>
      thread.call({ name: 'supervisedGradients', rows: shard.rows, options: whole }),
    );
    return mergeGradients(rows.length, parts);
  }

  async #step(learningRate: number): Promise<StepResult> {
    const given = await Promise.all(this.#helpers.map((thread) => thread.call({ name: 'giveGradient' })));
    const helpers = given.flatMap((has, helper) => (has ? [helper] : []));
    const result = await this.#first.call({ name: 'step', learningRate, helpers });
    await this.#spread();
    return result;
  }

  /** Brings the helpers to the first thread's parameters. */
  async #spread(): Promise<void> {
    await Promise.all(this.#helpers.map((thread) => thread.call({ name: 'takeParameters' })));
  }
}

function requireStarted<T>(value: T | null): T {
  if (value === null) throw new SegueError('INTERNAL', 'the training worker has not been started');
  return value;
}

function sharedFloats(length: number): Float32Array {
  return new Float32Array(new SharedArrayBuffer(length * Float32Array.BYTES_PER_ELEMENT));
}
