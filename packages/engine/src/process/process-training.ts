/**
 * Training in a process that somebody else owns and ends. The same calls as a TrainingWorker has, which is what runs in the process; what they
 * compute is described there. Arrays are copied on their way.
 */
import type { ProcessPort } from '@segue/core';
import type { FileSums } from '../model/weight-files.js';
import type { TrainingStatus, WorkerStart } from '../train/training-calls.js';
import type { TrainingCall } from '../train/training-thread.js';
import type {
  LogProbOptions,
  LogProbResult,
  PolicyRow,
  PolicyStepOptions,
  PolicyStepResult,
  SupervisedStepResult,
  TokenRow,
} from '../train/training-types.js';
import type { TrainingWorker } from '../train/training-worker.js';
import type { ProcessCall, TrainingMethod, WarmUpCall } from './process-calls.js';

/** What the trainer asks of the engine that trains, wherever it runs. */
export type TrainingHandle = Pick<TrainingWorker, TrainingMethod | 'oldestCall' | 'stop'>;

/**
 * What a process that is to train is told first.
 * @param callTimeoutMs longest time for a call of a thread; it is then answered with DEADLINE_EXCEEDED, and the process is of no use any more
 */
export function warmTraining(callTimeoutMs: number): WarmUpCall {
  return { name: 'warmTraining', callTimeoutMs };
}

export class ProcessTraining implements TrainingHandle {
  readonly #port: ProcessPort;
  readonly #waiting = new Map<symbol, { readonly name: TrainingMethod; readonly sinceMs: number }>();

  private constructor(port: ProcessPort) {
    this.#port = port;
  }

  static async start(port: ProcessPort, start: WorkerStart): Promise<ProcessTraining> {
    const call: ProcessCall = { name: 'openTraining', start };
    await port.call(call);
    return new ProcessTraining(port);
  }

  /** The oldest call that is waited for; null when none is. */
  get oldestCall(): TrainingCall | null {
    const [oldest] = this.#waiting.values();
    return oldest ? { name: oldest.name, ageMs: performance.now() - oldest.sinceMs } : null;
  }

  logProbs(rows: readonly TokenRow[], options: LogProbOptions = {}): Promise<LogProbResult> {
    return this.#call('logProbs', [rows, options]);
  }

  policyStep(rows: readonly PolicyRow[], options: PolicyStepOptions): Promise<PolicyStepResult> {
    return this.#call('policyStep', [rows, options]);
  }

  supervisedStep(rows: readonly TokenRow[], learningRate: number): Promise<SupervisedStepResult> {
    return this.#call('supervisedStep', [rows, learningRate]);
  }

  resetOptimizer(): Promise<void> {
    return this.#call('resetOptimizer', []);
  }

  dropGradient(): Promise<void> {
    return this.#call('dropGradient', []);
  }

  save(folder: string, companions?: readonly string[]): Promise<FileSums> {
    return this.#call('save', companions ? [folder, companions] : [folder]);
  }

  status(): Promise<TrainingStatus> {
    return this.#call('status', []);
  }

  /** The process ends with its owner's word, and everything with it. */
  async stop(): Promise<void> {}

  async #call<M extends TrainingMethod>(
    method: M,
    args: Parameters<TrainingWorker[M]>,
  ): Promise<Awaited<ReturnType<TrainingWorker[M]>>> {
    const waiting = Symbol(method);
    this.#waiting.set(waiting, { name: method, sinceMs: performance.now() });
    try {
      const call: ProcessCall = { name: 'training', method, args };
      // The process answers a call with its own method's value.
      return (await this.#port.call(call)) as Awaited<ReturnType<TrainingWorker[M]>>;
    } finally {
      this.#waiting.delete(waiting);
    }
  }
}
