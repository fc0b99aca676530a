/**
 * A compiled graph that runs: a thin layer over an onnxruntime-node session. `run` blocks its thread until the result is there,
 * and a thread must not be terminated meanwhile (the process would abort): wait for `run`, then `dispose`.
 */
import { assert, SegueError } from '@segue/core';
import { InferenceSession, type OnnxValue, Tensor } from 'onnxruntime-node';
import { beginMatrixPrecision, cudaError, requireCuda } from './cuda.js';
import type { ExternalData } from './emit.js';
import { freeAtOnce } from './free-at-once.js';
import { checkSize, checkTerm, isRounded, productName, roundedProducts, termsName } from './product-check.js';
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

/** Sessions made in place of one whose products are rounded: about one of a hundred is. */
const mostTries = 4;

/** A tensor over an array, without copying it. */
export function tensor(dtype: DType, shape: readonly number[], data: TensorData): Tensor {
  if (elementCount(shape) !== data.length) {
    throw new SegueError('INTERNAL', `a tensor of shape [${shape}] is given ${data.length} elements`);
  }
  return new Tensor(dtype, data, shape);
}

export class Session {
  readonly name: string;
  /** What callers feed and get. */
  readonly inputNames: readonly string[];
  readonly outputNames: readonly string[];
  readonly #device: Device;
  /** Null where it was given up and there was no room for another one: the next run makes that. */
  #session: InferenceSession | null;
  readonly #runOptions: InferenceSession.RunOptions;
  /** Whether the graph tells of its products (product-check.ts). */
  readonly #isChecked: boolean;
  /** Makes another one; null once its products have been seen to be float32. */
  #make: (() => Promise<InferenceSession>) | null;
  /** Those whose products were rounded. Kept until there is a better one, which would else begin in the same memory. */
  #rounded: InferenceSession[] = [];
  /** How many were rounded. */
  #replaced = 0;
  #disposed = false;

  private constructor(
    name: string,
    device: Device,
    session: InferenceSession,
    runOptions: InferenceSession.RunOptions,
    make: () => Promise<InferenceSession>,
  ) {
    this.name = name;
    this.#device = device;
    this.#runOptions = runOptions;
    this.#session = session;
    this.inputNames = session.inputNames.filter((name) => name !== termsName);
    this.outputNames = session.outputNames.filter((name) => name !== productName);
    this.#isChecked = session.inputNames.includes(termsName);
    this.#make = this.#isChecked ? make : null;
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
    const make = () =>
      InferenceSession.create(model, {
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
    try {
      const session = await make();
      const runOptions = shrinkMemory ? { extra: { memory: { enable_memory_arena_shrinkage: 'gpu:0' } } } : {};
      return new Session(name, device, session, runOptions, make);
    } catch (error) {
      const { rawMessage } = SegueError.from(error);
      if (device === 'cuda') throw cudaError(name, rawMessage, error);
      throw new SegueError('INTERNAL', `session ${name}: ${rawMessage}`, error);
    }
  }

  /** Runs with everything fed, gives back the named outputs (all by default). */
  async run(feeds: Tensors, outputs: readonly string[] = this.outputNames): Promise<Tensors> {
    return this.#run(feeds, Object.fromEntries(outputs.map((name) => [name, null])));
  }

  /** Runs and writes into the given tensors, whose shapes must be those of the outputs. An array may be fed and fetched at once. */
  async runInto(feeds: Tensors, fetches: Tensors): Promise<void> {
    const results = await this.#run(feeds, fetches);
    // The binding gives a copy beside what it has written: a whole gradient with every micro-batch.
    freeAtOnce(Object.entries(results).flatMap(([name, result]) => copyOf(result, fetches[name])));
  }

  async #run(feeds: Tensors, fetches: Record<string, OnnxValue | null>): Promise<Tensors> {
    if (this.#disposed) throw new SegueError('INTERNAL', `session ${this.name} is disposed`);
    try {
      // The types of the library do not tell tensors from sequences and maps; graphs here have tensors only.
      return (await (this.#isChecked ? this.#runChecked(feeds, fetches) : this.#runAny(feeds, fetches))) as Tensors;
    } catch (error) {
      if (error instanceof SegueError) throw error;
      const { rawMessage } = SegueError.from(error);
      if (this.#device === 'cuda') throw cudaError(this.name, rawMessage, error);
      throw new SegueError('INTERNAL', `session ${this.name}: ${rawMessage}`, error);
    }
  }

  async #runAny(feeds: Tensors, fetches: Record<string, OnnxValue | null>): Promise<InferenceSession.ReturnType> {
    const session = this.#session ?? (await this.#another());
    return session.run(feeds, fetches, this.#runOptions);
  }

  /** Runs, in another session where the products of this one are rounded. One run at a time. */
  async #runChecked(feeds: Tensors, fetches: Record<string, OnnxValue | null>): Promise<InferenceSession.ReturnType> {
    const terms = new Float32Array(checkSize * checkSize).fill(checkTerm);
    const fed = { ...feeds, [termsName]: tensor('float32', [checkSize, checkSize], terms) };
    // What is written over cannot be computed once more, so the first results are written elsewhere until they are known to be exact.
    if (!this.#make || !sharesMemory(feeds, fetches)) return this.#runExact(fed, fetches);
    const results = await this.#runExact(fed, Object.fromEntries(Object.keys(fetches).map((name) => [name, null])));
    const targets = Object.entries(fetches).flatMap(([name, value]) =>
      value instanceof Tensor ? [[bytesOf(value), bytesOf(results[name] as Tensor)] as const] : [],
    );
    assert(
      targets.every(([target, source]) => target.length === source.length),
      'what is written over has the size of the results',
    );
    for (const [target, source] of targets) target.set(source);
    return results;
  }

  async #runExact(fed: Tensors, fetches: Record<string, OnnxValue | null>): Promise<InferenceSession.ReturnType> {
    for (;;) {
      const { [productName]: product, ...results } = await this.#runAny(fed, { ...fetches, [productName]: null });
      if (!isRounded(Number((product as Tensor).data[0]))) {
        this.#make = null;
        await this.#releaseRounded();
        return results;
      }
      if (!this.#make || !this.#session || this.#replaced === mostTries) {
        throw roundedProducts(this.#device, this.name);
      }
      this.#replaced++;
      this.#rounded.push(this.#session);
      this.#session = null;
    }
  }

  /** Makes one beside those that are rounded, or in their place where there is no room for both. */
  async #another(): Promise<InferenceSession> {
    try {
      return await this.#makeOne();
    } catch (error) {
      if (this.#rounded.length === 0) throw error;
      await this.#releaseRounded();
      return this.#makeOne();
    }
  }

  async #makeOne(): Promise<InferenceSession> {
    assert(this.#make, 'one that is exact stays');
    const session = await this.#make();
    if (this.#disposed) {
      await session.release();
      throw new SegueError('INTERNAL', `session ${this.name} is disposed`);
    }
    this.#session = session;
    return session;
  }

  async #releaseRounded(): Promise<void> {
    const rounded = this.#rounded;
    this.#rounded = [];
    for (const session of rounded) await session.release();
  }

  async dispose(): Promise<void> {
    if (this.#disposed) return;
    this.#disposed = true;
    await this.#releaseRounded();
    await this.#session?.release();
  }
}

/** Whether a result is written over something that is read. */
function sharesMemory(feeds: Tensors, fetches: Readonly<Record<string, OnnxValue | null>>): boolean {
  const read = new Set(Object.values(feeds).map(bufferOf));
  return Object.values(fetches).some((value) => value instanceof Tensor && read.has(bufferOf(value)));
}

/** The memory of a result that was written elsewhere. */
function copyOf(result: Tensor, target: Tensor | undefined): ArrayBuffer[] {
  const buffer = bufferOf(result);
  return target && buffer instanceof ArrayBuffer && buffer !== bufferOf(target) ? [buffer] : [];
}

function bytesOf({ data }: Tensor): Uint8Array {
  assert(ArrayBuffer.isView(data), 'numbers alone are written in place');
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

function bufferOf({ data }: Tensor): ArrayBufferLike | null {
  return ArrayBuffer.isView(data) ? data.buffer : null;
}
