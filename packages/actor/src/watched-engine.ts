/**
 * An engine whose every call has a deadline. A call that does not come back in time is answered with DEADLINE_EXCEEDED, and so are those behind it
 * and every later one at once: what it hangs in cannot be ended from outside, only with the process. Between the two, how long a call has
 * lasted can be read. It knows nothing of what an engine does, but in which order it performs its calls.
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
  /** Longest time for a call, in ms. Waiting for the calls before it does not count. */
  readonly timeoutMs: number;
  readonly nowMs: () => number;
}

interface WatchedCall {
  readonly name: string;
  reject(error: SegueError): void;
}

const chunk = 'generateChunk';
/** A chunk whose turn it is has begun after that, in ms, and lets nobody pass any more. The engine does not say. */
const beginsWithinMs = 1_000;

export class WatchedEngine implements Engine {
  readonly #engine: Engine;
  readonly #options: WatchOptions;
  /** Not come back yet, in the order of the calls. */
  readonly #calls = new Set<WatchedCall>();
  /** The one of them that the engine performs. */
  #current: { readonly call: WatchedCall; readonly sinceMs: number } | null = null;
  #timer: NodeJS.Timeout | undefined;
  #hung: SegueError | null = null;

  constructor(engine: Engine, options: WatchOptions) {
    this.#engine = engine;
    this.#options = options;
  }

  /** The call that is waited for; null when none is. */
  get call(): EngineCall | null {
    if (!this.#current) return null;
    const { call, sinceMs } = this.#current;
    return { name: call.name, ageMs: this.#options.nowMs() - sinceMs };
  }

  /** Why the engine is lost, once a call has missed its deadline: no other engine of this process can take its place. */
  get hung(): SegueError | null {
    return this.#hung;
  }

  get slots(): number {
    return this.#engine.slots;
  }

  get waitingRoom(): number {
    return this.#engine.waitingRoom;
  }

  get sharesWeights(): boolean {
    return this.#engine.sharesWeights ?? false;
  }

  start(): Promise<void> {
    return this.#within('start', () => this.#engine.start());
  }

  loadVersion(policy: PolicyLocation): Promise<void> {
    return this.#within('loadVersion', () => this.#engine.loadVersion(policy));
  }

  prepareVersion(policy: PolicyLocation | null): Promise<void> {
    return this.#within('prepareVersion', () => this.#engine.prepareVersion(policy));
  }

  admit(requests: readonly SequenceRequest[]): Promise<void> {
    return this.#within('admit', () => this.#engine.admit(requests));
  }

  generateChunk(): Promise<ChunkReport> {
    return this.#within(chunk, () => this.#engine.generateChunk());
  }

  cut(ids?: readonly string[]): Promise<SequenceResult[]> {
    return this.#within('cut', () => this.#engine.cut(ids));
  }

  status(): Promise<EngineStatus> {
    return this.#within('status', () => this.#engine.status());
  }

  /** Calls that the engine leaves behind when it stops fail with UNAVAILABLE. */
  async stop(): Promise<void> {
    try {
      await this.#within('stop', () => this.#engine.stop());
    } finally {
      if (!this.#hung) this.#leaveBehind();
    }
  }

  #within<T>(name: string, work: () => Promise<T>): Promise<T> {
    if (this.#hung) return Promise.reject(this.#hung);
    return new Promise((resolve, reject) => {
      const call = { name, reject };
      this.#calls.add(call);
      if (!this.#current) this.#watchNext();
      else if (name !== chunk) this.#allowToPass();
      const back = <V>(settle: (value: V) => void) => {
        return (value: V) => {
          this.#comesBack(call);
          settle(value);
        };
      };
      const perform = async () => work();
      perform().then(back(resolve), back(reject));
    });
  }

  #comesBack(call: WatchedCall): void {
    // What hangs goes on being waited for.
    if (this.#hung) return;
    this.#calls.delete(call);
    this.#watchNext();
  }

  #leaveBehind(): void {
    const calls = [...this.#calls];
    this.#calls.clear();
    this.#watchNext();
    for (const { name, reject } of calls)
      reject(new SegueError('UNAVAILABLE', `the engine has stopped before ${name}`));
  }

  /** The clock starts for the call that the engine turns to: a chunk lets all others pass. */
  #watchNext(): void {
    const calls = [...this.#calls];
    const call = calls.find(({ name }) => name !== chunk) ?? calls[0];
    this.#current = call ? { call, sinceMs: this.#options.nowMs() } : null;
    this.#setTimer();
  }

  /** What is called when a chunk is just about to begin may yet pass it: the chunk is not to be late for the other's time. */
  #allowToPass(): void {
    const { call } = this;
    if (call?.name === chunk && call.ageMs < beginsWithinMs) this.#setTimer();
  }

  #setTimer(): void {
    clearTimeout(this.#timer);
    const call = this.#current?.call;
    if (call) this.#timer = setTimeout(() => this.#hang(call), this.#options.timeoutMs);
  }

  #hang({ name }: WatchedCall): void {
    const { timeoutMs } = this.#options;
    this.#hung = new SegueError(
      'DEADLINE_EXCEEDED',
      `the engine hangs: ${name} has not come back after ${timeoutMs} ms (engineTimeoutMs)`,
    );
    for (const { reject } of this.#calls) reject(this.#hung);
  }
}
