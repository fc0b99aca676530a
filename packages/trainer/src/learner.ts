/**
 * The one training engine of this service: at most one policy is in memory, on a thread of its own. It is opened for a
 * purpose (the warm-up or the iterations of a run), kept from iteration to iteration, and knows which version its
 * parameters are. On a device that is shared with an actor it lives in a process of its own, from its opening to the end of its turn.
 */

import type { RunConfig, SegueError, TrainerConfig } from '@segue/core';
import { ProcessTraining, type TrainingCall, type TrainingHandle, TrainingWorker } from '@segue/engine';
import type { CheckpointAgent, ReleaseReport } from '@segue/service';
import type { StoredPolicy } from './policy-store.js';

export type LearnerHost = Pick<TrainerConfig, 'threads' | 'device' | 'precision' | 'engineTimeoutMs'>;

/** Everything that a worker is opened with; another purpose or another configuration opens a new one. */
interface Opening {
  readonly weightDecay: number;
  readonly maxGradientNorm: number;
  readonly maxTokensPerMicroBatch: number;
  readonly longRowTokens: number;
  readonly train: Pick<RunConfig['train'], 'beta1' | 'beta2' | 'epsilon'>;
}

/** How a run's iterations are trained. */
export function policyOpening({ train }: RunConfig): Opening {
  const { weightDecay, maxGradientNorm, maxTokensPerMicroBatch, longRowTokens } = train;
  return { weightDecay, maxGradientNorm, maxTokensPerMicroBatch, longRowTokens, train };
}

/**
 * On a CPU a step of the warm-up is cut into this many micro-batches of rows of like length: less padding (13 % less time than
 * in two). A GPU waits for a small policy's operators to be launched, however little they pad, so there the run's own limit alone counts.
 */
const warmupMicroBatches = 6;

/** How a run's warm-up is trained. */
export function warmupOpening({ train, warmup }: RunConfig, device: TrainerConfig['device']): Opening {
  const { weightDecay, maxGradientNorm, tokensPerStep } = warmup;
  const microBatch = device === 'cpu' ? Math.max(512, Math.ceil(tokensPerStep / warmupMicroBatches)) : tokensPerStep;
  return {
    weightDecay,
    maxGradientNorm,
    maxTokensPerMicroBatch: Math.min(train.maxTokensPerMicroBatch, microBatch),
    longRowTokens: train.longRowTokens,
    train,
  };
}

export interface LearnerSeams {
  /** What a training thread runs, in place of the engine itself; for tests. */
  readonly entry?: URL | undefined;
  /** Of a device that is shared; null: the trainer has one to itself. */
  readonly agent?: Pick<CheckpointAgent, 'acquire' | 'release' | 'announceEnd' | 'standBy'> | null | undefined;
}

export class Learner {
  readonly #host: LearnerHost;
  readonly #entry: URL | undefined;
  readonly #agent: LearnerSeams['agent'];
  #worker: TrainingHandle | null = null;
  #opening = '';
  /** Manifest of the version whose parameters are in memory; empty when they are between two versions. */
  #loaded = '';
  /** Why the engine is lost: it hangs, and only the end of the process ends its thread. */
  #lost: SegueError | null = null;

  constructor(host: LearnerHost, { entry, agent }: LearnerSeams = {}) {
    this.#host = host;
    this.#entry = entry;
    this.#agent = agent;
  }

  get device(): TrainerConfig['device'] {
    return this.#host.device;
  }

  /** The call of the engine that is waited for; null when none is. */
  get call(): TrainingCall | null {
    return this.#worker?.oldestCall ?? null;
  }

  /** Why the engine is lost: it hangs, and only the end of the process ends its thread. */
  get hung(): SegueError | null {
    return this.#lost;
  }

  /** The worker with the parameters of a stored version and an optimiser that has seen nothing. */
  async open(stored: StoredPolicy, opening: Opening): Promise<TrainingHandle> {
    const name = JSON.stringify(opening);
    if (this.#worker && this.#opening === name && this.#loaded === stored.manifestSha256) {
      await this.#worker.dropGradient();
      await this.#worker.resetOptimizer();
    } else {
      await this.close();
      const { beta1, beta2, epsilon } = opening.train;
      const { weightDecay, maxGradientNorm, maxTokensPerMicroBatch, longRowTokens } = opening;
      const { threads, device, precision, engineTimeoutMs } = this.#host;
      const optimizer = { beta1, beta2, epsilon, weightDecay };
      const onHang = (error: SegueError) => {
        this.#lost ??= error;
      };
      const start = {
        source: { folder: stored.folder },
        options: { threads, device, precision, maxGradientNorm, maxTokensPerMicroBatch, longRowTokens, optimizer },
      };
      this.#worker = this.#agent
        ? await ProcessTraining.start(await this.#agent.acquire(), start)
        : await TrainingWorker.start(start, {
            callTimeoutMs: engineTimeoutMs,
            onHang,
            ...(this.#entry && { entry: this.#entry }),
          });
      this.#opening = name;
    }
    this.#loaded = '';
    return this.#worker;
  }

  /** The parameters in memory are those of this version now. */
  isNow(stored: StoredPolicy): void {
    this.#loaded = stored.manifestSha256;
  }

  /** Its turn on a shared device ends soon. */
  async announceEnd(): Promise<void> {
    await this.#agent?.announceEnd();
  }

  /** Ends its turn on a shared device: the engine's process ends, and its memory is free. null where the device is not shared: it is kept open. */
  async rest(): Promise<ReleaseReport | null> {
    if (!this.#agent) return null;
    this.#worker = null;
    this.#loaded = '';
    return this.#agent.release();
  }

  /** Has an empty process ready for its next turn on a shared device, which may come sooner than one starts. */
  async standBy(): Promise<void> {
    await this.#agent?.standBy();
  }

  /** Ends the threads, after what runs on them. Rejects with DEADLINE_EXCEEDED when the engine hangs. */
  async close(): Promise<void> {
    if (this.#lost) throw this.#lost;
    if (this.#agent && this.#worker) await this.rest();
    const worker = this.#worker;
    this.#worker = null;
    this.#loaded = '';
    if (worker) await worker.stop();
  }
}
