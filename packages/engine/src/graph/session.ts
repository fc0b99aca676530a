/**
 * A compiled graph that runs: a thin layer over an onnxruntime-node session. `run` blocks its thread until the result is there,
 * and a thread must not be terminated meanwhile (the process would abort): wait for `run`, then `dispose`.
 */
import { SegueError } from '@segue/core';
import { InferenceSession, type OnnxValue, Tensor } from 'onnxruntime-node';
import { beginMatrixPrecision, cudaError, requireCuda } from './cuda.js';
import type { ExternalData } from './emit.js';
import { type DType, elementCount, type TensorData } from './tensor-type.js';

export { Tensor };
export type Device = 'cpu' | 'cuda';
export type Tensors = Record<string, Tensor>;

export interface SessionOptions {
  readonly device?: Device;
  /** Threads that share one operator's work. Default 1. */
  readonly threads?: number;
  /** Reuse of one block of memory per run; off it needs 40 % less memory at the same speed. Default false. */
  readonly memoryPattern?: boolean;
  /** Constants are copied into a layout that multiplies faster. Default true. */
  readonly prepack?: boolean;
  /** Where the files lie that hold constants; they are mapped, not copied, and must stay as they are while the session lives. */
  readonly filesFolder?: string;
  /** Rewrite the graph. Off for float64: some rewrites choose kernels that exist for float32 only. Default true. */
  readonly optimize?: boolean;
  /** Memory that constants of the model lie in; kept until the session is made. */
  readonly externalData?: readonly ExternalData[];
  /** Gives the GPU's memory back after each run, for sessions that share it. Default false. */
  readonly shrinkMemory?: boolean;
  /** Names the session in errors. */
  readonly name?: string;
}

/** A tensor over an array, without copying it. */
export function tensor(dtype: DType, shape: readonly number[], data: TensorData): Tensor {
  if (elementCount(shape) !== data.length) {
    throw new SegueError('INTERNAL', `a tensor of shape [${shape}] is given ${data.length} elements`);
  }
  return new Tensor(dtype, data, shape);
}

export class Session {
  readonly name: string;
  readonly #device: Device;
  readonly #session: InferenceSession;
  readonly #runOptions: InferenceSession.RunOptions;
  #disposed = false;

  private constructor(
    name: string,
    device: Device,
    session: InferenceSession,
    runOptions: InferenceSession.RunOptions,
  ) {
    this.name = name;
    this.#device = device;
    this.#runOptions = runOptions;
    this.#session = session;
  }

  /** Compiles a ModelProto. FAILED_PRECONDITION when the device cannot be used: no session runs elsewhere than it was asked to. */
  static async create(model: Uint8Array, options: SessionOptions = {}): Promise<Session> {
    const {
      device = 'cpu',
      threads = 1,
      memoryPattern = false,
      prepack = true,
      filesFolder,
      optimize = true,
      externalData = [],
      shrinkMemory = false,
      name = 'graph',
    } = options;
    if (device === 'cuda') {
      requireCuda();
      beginMatrixPrecision();
    }
    try {
      const session = await InferenceSession.create(model, {
        executionProviders: [device],
        intraOpNumThreads: threads,
        interOpNumThreads: 1,
        executionMode: 'sequential',
        graphOptimizationLevel: optimize ? 'all' : 'disabled',
        enableMemPattern: memoryPattern,
        ...(externalData.length > 0 ? { externalData } : {}),
        // Errors come back as exceptions; the runtime need not print them too.
        logSeverityLevel: 4,
        extra: {
          session: {
            intra_op: { allow_spinning: '0' },
            ...(prepack ? {} : { disable_prepacking: '1' }),
            ...(filesFolder === undefined ? {} : { model_external_initializers_file_folder_path: filesFolder }),
          },
        },
      });
      const runOptions = shrinkMemory ? { extra: { memory: { enable_memory_arena_shrinkage: 'gpu:0' } } } : {};
      return new Session(name, device, session, runOptions);
    } catch (error) {
      const { rawMessage } = SegueError.from(error);
      if (device === 'cuda') throw cudaError(name, rawMessage, error);
      throw new SegueError('INTERNAL', `session ${name}: ${rawMessage}`, error);
    }
  }

  get inputNames(): readonly string[] {
    return this.#session.inputNames;
  }

  get outputNames(): readonly string[] {
    return this.#session.outputNames;
  }

  /** Runs with everything fed, gives back the named outputs (all by default). */
  async run(feeds: Tensors, outputs: readonly string[] = this.outputNames): Promise<Tensors> {
    return this.#run(feeds, Object.fromEntries(outputs.map((name) => [name, null])));
  }

  /** Runs and writes into the given tensors, whose shapes must be those of the outputs. An array may be fed and fetched at once. */
  async runInto(feeds: Tensors, fetches: Tensors): Promise<void> {
    await this.#run(feeds, fetches);
  }

  async #run(feeds: Tensors, fetches: Record<string, OnnxValue | null>): Promise<Tensors> {
    if (this.#disposed) throw new SegueError('INTERNAL', `session ${this.name} is disposed`);
    try {
      // The types of the library do not tell tensors from sequences and maps; graphs here have tensors only.
      return (await this.#session.run(feeds, fetches, this.#runOptions)) as Tensors;
    } catch (error) {
      const { rawMessage } = SegueError.from(error);
      if (this.#device === 'cuda') throw cudaError(this.name, rawMessage, error);
      throw new SegueError('INTERNAL', `session ${this.name}: ${rawMessage}`, error);
    }
  }

  async dispose(): Promise<void> {
    if (this.#disposed) return;
    this.#disposed = true;
    await this.#session.release();
  }
}
