/**
 * An engine whose every call has a deadline. A call that does not come back in time is answered with DEADLINE_EXCEEDED, and so is
 * every later one at once: what it hangs in cannot be ended from outside, only with the process. Between the two, how long a call has
 * lasted can be read. It knows nothing of what an engine does.
 */
import {
  type ChunkReport,
  type Engine,
  type EngineStatus,
  type PolicyLocation,
  SegueError,
  type SequenceRequest,
  type SequenceResult,
} from '@segue/core';

/** A call that has not come back yet. */
export interface EngineCall {
  /** Method of the engine. */
  readonly name: string;
  /** How long it has lasted, in ms. */
  readonly ageMs: number;
}

export interface WatchOptions {
  /** Longest time for a call, in ms. */
  readonly timeoutMs: number;
  readonly nowMs: () => number;
}

export class WatchedEngine implements Engine {
  readonly #engine: Engine;
  readonly #options: WatchOptions;
  #call: { readonly name: string; readonly sinceMs: number } | null = null;
  #hung: SegueError | null = null;

  constructor(engine: Engine, options: WatchOptions) {
    this.#engine = engine;
    this.#options = options;
  }

  /** The call that is waited for; null when none is. */
  get call(): EngineCall | null {
    if (!this.#call) return null;
    const { name, sinceMs } = this.#call;
    return { name, ageMs: this.#options.nowMs() - sinceMs };
  }

  /** Why the engine is lost, once a call has missed its deadline: no other engine of this process can take its place. */
  get hung(): SegueError | null {
    return this.#hung;
  }

  get slots(): number {
    return this.#engine.slots;
  }

  start(): Promise<void> {
    return this.#within('start', () => this.#engine.start());
  }

  loadVersion(policy: PolicyLocation): Promise<void> {
    return this.#within('loadVersion', () => this.#engine.loadVersion(policy));
  }

  prepareVersion(policy: PolicyLocation): Promise<void> {
    return this.#within('prepareVersion', () => this.#engine.prepareVersion(policy));
  }

  admit(requests: readonly SequenceRequest[]): Promise<void> {
    return this.#within('admit', () => this.#engine.admit(requests));
  }

  generateChunk(): Promise<ChunkReport> {
    return this.#within('generateChunk', () => this.#engine.generateChunk());
  }

  cut(ids?: readonly string[]): Promise<SequenceResult[]> {
    return this.#within('cut', () => this.#engine.cut(ids));
  }

  status(): Promise<EngineStatus> {
    return this.#within('status', () => this.#engine.status());
  }

  stop(): Promise<void> {
    return this.#within('stop', () => this.#engine.stop());
  }

  /** Calls of one engine do not overlap, so one clock serves them all. */
  async #within<T>(name: string, work: () => Promise<T>): Promise<T> {
    if (this.#hung) throw this.#hung;
    const { timeoutMs, nowMs } = this.#options;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        this.#hung = new SegueError(
          'DEADLINE_EXCEEDED',
          `the engine hangs: ${name} has not come back after ${timeoutMs} ms (engineTimeoutMs)`,
        );
        reject(this.#hung);
      }, timeoutMs);
    });
    this.#call = { name, sinceMs: nowMs() };
    try {
      return await Promise.race([work(), late]);
    } finally {
      clearTimeout(timer);
      // What hangs goes on being waited for.
      if (!this.#hung) this.#call = null;
    }
  }
}
