/**
 * A lane: one engine, one policy version, and the loop that runs chunk after chunk. Users offer work through sources;
 * between two chunks sequences join and leave, and loads and cuts happen. It knows nothing of queues, leases or calls.
 */
import {
  type ChunkReport,
  type Engine,
  type EngineStatus,
  SegueError,
  type SequenceRequest,
  type SequenceResult,
} from '@segue/core';
import { Wake } from './wake.js';
import { type EngineCall, WatchedEngine } from './watched-engine.js';

/** The version that a lane serves. */
export interface LanePolicy {
  readonly runId: string;
  readonly version: number;
  readonly folder: string;
}

/** A sequence that somebody wants generated. Exactly one of `finish` and `fail` is called, once. */
export interface LaneWork {
  readonly request: SequenceRequest;
  readonly source: WorkSource;
  finish(result: SequenceResult): void;
  fail(error: SegueError): void;
}

export interface WorkSource {
  /** Its work arrives bit by bit: an idle lane gathers it for a moment before it begins. */
  readonly comesInPieces?: boolean;
  /** Hands over at most `free` sequences for what the lane serves; called between two chunks. */
  take(free: number, lane: Lane): LaneWork[];
}

export interface LaneOptions {
  readonly createEngine: () => Engine;
  /** Longest time for one call of the engine, in ms. */
  readonly engineTimeoutMs: number;
  /** Left out: as in `defaultBackOff`. */
  readonly backOff?: BackOff;
  /** Asked in this order. */
  readonly sources: readonly WorkSource[];
  /** After every chunk, before its finished sequences are handed back. @param works what ran in it */
  readonly onChunk?: (report: ChunkReport, works: readonly LaneWork[]) => void;
  /** After every stretch without anything to run. */
  readonly onIdle?: (durationMs: number) => void;
  /** How long the lane stays without work, in ms; then it ends and calls `onExpire`. Left out: for ever. */
  readonly idleReleaseMs?: number;
  readonly onExpire?: () => void;
  /** The engine failed and is replaced, or it hangs or keeps failing (`broken`): the lane is of no use any more. */
  readonly onFailure?: (error: SegueError, broken: boolean) => void;
  /** Another engine has taken the place of one that failed. */
  readonly onReplaced?: () => void;
}

/** How patient a lane is with engines that fail. */
interface BackOff {
  /** Failures in a row, of chunks and of new engines, after which the lane is broken. */
  readonly maxFailures: number;
  /** Pause before the new engine after a second failure in a row, in ms; doubles up to the longest. The first gets one at once. */
  readonly firstMs: number;
  readonly longestMs: number;
}

const defaultBackOff: BackOff = { maxFailures: 6, firstMs: 250, longestMs: 4_000 };

/** An engine that failed, until another one takes its place. */
interface LostEngine {
  readonly replaceAtMs: number;
}

interface PendingLoad {
  readonly policy: LanePolicy;
  resolve(): void;
  reject(error: SegueError): void;
}

/** How long a lane that was idle waits for the next piece of work, and for all of them, in ms. */
const gatherPauseMs = 15;
const longestGatherMs = 150;

export class Lane {
  readonly #options: LaneOptions;
  readonly #wake = new Wake();
  readonly #running = new Map<string, LaneWork>();
  /** Ended, not yet handed back. */
  readonly #ended: { readonly work: LaneWork; readonly result: SequenceResult }[] = [];
  readonly #jobs: (() => Promise<void>)[] = [];
  #engine: WatchedEngine;
  #failures = 0;
  #lost: LostEngine | null = null;
  #policy: LanePolicy | null = null;
  #status: EngineStatus | null = null;
  readonly #loads: PendingLoad[] = [];
  #loop: Promise<void> = Promise.resolve();
  #stopping = false;
  #broken: SegueError | null = null;

  constructor(options: LaneOptions) {
    this.#options = options;
    this.#engine = this.#newEngine();
  }

  get slots(): number {
    return this.#engine.slots;
  }
  get running(): number {
    return this.#running.size;
  }
  /** What it serves; null before the first load, while another version or engine is being loaded, and for good when it is broken. */
  get policy(): LanePolicy | null {
    return this.isLoading || this.#broken ? null : this.#policy;
  }
  get isLoading(): boolean {
    return this.#loads.length > 0 || this.#lost !== null;
  }
  /** The call of the engine that is waited for; null when none is. */
  get engineCall(): EngineCall | null {
    return this.#engine.call;
  }
  /** Why the lane is lost with its engine's thread; null while nothing hangs. */
  get hung(): SegueError | null {
    return this.#engine.hung;
  }
  isRunning(id: string): boolean {
    return this.#running.has(id);
  }
  /** The engine's word on device, vocabulary and context, as of the last load. */
  get engineStatus(): EngineStatus | null {
    return this.#status;
  }
  /** Running sequences of one source. */
  runningOf(source: WorkSource): number {
    let count = 0;
    for (const work of this.#running.values()) if (work.source === source) count++;
    return count;
  }

  async start(): Promise<void> {
    await this.#engine.start();
    this.#status = await this.#engine.status();
    this.#loop = this.#run();
  }

  /** There may be work to take. */
  wake(): void {
    this.#wake.ring();
  }

  /**
   * Serves another version: nothing joins any more, what runs ends or is cut by its owner, then the version is loaded.
   * Resolves when it is served; when it cannot be loaded the error is thrown and the version before goes on.
   */
  load(policy: LanePolicy): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#stopping || this.#broken) return reject(this.#whyOver());
      this.#loads.push({ policy, resolve, reject });
      this.wake();
    });
  }

  /** Makes a version ready between two chunks; what runs goes on. */
  prepare({ version, folder }: LanePolicy): Promise<void> {
    return this.#between(() => this.#engine.prepareVersion({ version, folder }));
  }

  /** Ends the running sequences that `chosen` names at the end of the chunk; their owners get what they have. */
  cut(chosen: (work: LaneWork) => boolean): Promise<void> {
    return this.#between(async () => {
      const ids = [...this.#running.values()].filter(chosen).map((work) => work.request.id);
      if (ids.length > 0) this.#collect(await this.#engine.cut(ids));
      this.#handBack();
    });
  }

  /**
   * Ends the loop and the engine. What still runs fails with UNAVAILABLE: cut it first. Rejects with DEADLINE_EXCEEDED when the engine
   * hangs: its thread is still there.
   */
  async stop(): Promise<void> {
    this.#stopping = true;
    this.wake();
    await this.#loop;
    await this.#engine.stop();
    this.#failAll(new SegueError('UNAVAILABLE', 'the actor stops'));
  }

  #between(action: () => Promise<void>): Promise<void> {
    if (this.#stopping || this.#broken) return Promise.resolve();
    return new Promise((resolve, reject) => {
      this.#jobs.push(() => this.#unlessHung(action).then(resolve, reject));
      this.wake();
    });
  }

  async #unlessHung(action: () => Promise<void>): Promise<void> {
    try {
      await action();
    } catch (cause) {
      const error = SegueError.from(cause);
      if (this.#engine.hung) await this.#lose(error);
      throw error;
    }
  }

  async #run(): Promise<void> {
    while (!this.#stopping && !this.#broken) {
      for (const job of this.#jobs.splice(0)) await job();
      if (this.#lost) {
        await this.#recover(this.#lost);
        continue;
      }
      while (this.#loads[0] && this.#running.size === 0 && !this.#lost && !this.#broken) {
        await this.#load(this.#loads[0]);
        this.#loads.shift();
      }
      const wasIdle = this.#running.size === 0;
      if (!this.#lost && !this.#broken) await this.#admit();
      if (wasIdle && !this.#lost && !this.#broken) await this.#gather();
      if (this.#lost || this.#broken || this.#jobs.length > 0) continue;
      if (this.#running.size > 0) {
        await this.#chunk();
      } else {
        this.#handBack();
        const sinceMs = performance.now();
        const rung = await this.#wake.wait(this.#options.idleReleaseMs);
        this.#options.onIdle?.(performance.now() - sinceMs);
        if (rung) continue;
        this.#stopping = true;
        this.#options.onExpire?.();
      }
    }
    this.#handBack();
    for (const job of this.#jobs.splice(0)) await job();
    for (const { reject } of this.#loads.splice(0)) reject(this.#whyOver());
  }

  async #load({ policy, resolve, reject }: PendingLoad): Promise<void> {
    // What has ended need not wait for a load.
    this.#handBack();
    try {
      await this.#engine.loadVersion({ version: policy.version, folder: policy.folder });
      this.#policy = policy;
      this.#status = await this.#engine.status();
      resolve();
    } catch (cause) {
      const error = SegueError.from(cause);
      reject(error);
      // A load that hangs or killed the thread, be it the first, leaves an engine that cannot say what it serves.
      const status = await this.#engine.status().catch(() => null);
      const servesBefore = this.#policy === null || status?.policyVersion === this.#policy.version;
      if (status === null || !servesBefore) await this.#lose(error);
    }
  }

  async #admit(): Promise<void> {
    if (!this.policy) return;
    const joining: LaneWork[] = [];
    for (const source of this.#options.sources) {
      joining.push(...source.take(this.slots - this.#running.size - joining.length, this));
    }
    if (joining.length === 0) return;
    try {
      await this.#engine.admit(joining.map((work) => work.request));
      for (const work of joining) this.#running.set(work.request.id, work);
    } catch (cause) {
      const error = SegueError.from(cause);
      if (error.code === 'INVALID_INPUT') {
        // One bad request refuses the whole: the others join one by one, and the bad one fails alone.
        for (const work of joining) await this.#admitOne(work);
      } else {
        for (const work of joining) work.fail(error);
        await this.#lose(error);
      }
    }
  }

  /** The first chunk of a phase would else run with what has come so far, and all the rest would wait for its end. */
  async #gather(): Promise<void> {
    this.#handBack();
    const untilMs = performance.now() + longestGatherMs;
    const isFilling = () => [...this.#running.values()].some(({ source }) => source.comesInPieces === true);
    const canGo = () => !this.#stopping && !this.#lost && !this.#broken;
    while (canGo() && isFilling() && this.#running.size < this.slots && performance.now() < untilMs) {
      const rung = await this.#wake.wait(gatherPauseMs);
      if (!rung || this.#jobs.length > 0 || this.#loads.length > 0) return;
      await this.#admit();
    }
  }

  async #admitOne(work: LaneWork): Promise<void> {
    try {
      await this.#engine.admit([work.request]);
      this.#running.set(work.request.id, work);
    } catch (error) {
      work.fail(SegueError.from(error));
    }
  }

  async #chunk(): Promise<void> {
    const works = [...this.#running.values()];
    try {
      const running = this.#engine.generateChunk();
      // What the chunk before has ended is published while this one runs.
      this.#handBack();
      const report = await running;
      this.#failures = 0;
      this.#options.onChunk?.(report, works);
      this.#collect(report.finished);
    } catch (error) {
      await this.#lose(SegueError.from(error));
    }
  }

  /** Takes results out of the running sequences: their slots are free. */
  #collect(results: readonly SequenceResult[]): void {
    for (const result of results) {
      const work = this.#running.get(result.id);
      this.#running.delete(result.id);
      if (work) this.#ended.push({ work, result });
    }
  }

  #handBack(): void {
    for (const { work, result } of this.#ended.splice(0)) work.finish(result);
  }

  #failAll(error: SegueError): void {
    const failed = [...this.#running.values()];
    this.#running.clear();
    for (const work of failed) work.fail(error);
  }

  #newEngine(): WatchedEngine {
    const { createEngine, engineTimeoutMs } = this.#options;
    return new WatchedEngine(createEngine(), { timeoutMs: engineTimeoutMs, nowMs: () => performance.now() });
  }

  /**
   * An engine that threw is in no known state: it makes room for a new one, after a pause when this happens again and again. One that
   * hangs keeps its thread, and a second one beside it would only share its fate: the lane is broken.
   */
  async #lose(cause: SegueError): Promise<void> {
    this.#handBack();
    this.#failAll(cause);
    if (this.#broken) return;
    const { maxFailures, firstMs, longestMs } = this.#options.backOff ?? defaultBackOff;
    this.#failures++;
    if (!this.#engine.hung) await this.#engine.stop().catch(() => undefined);
    const { hung } = this.#engine;
    if (hung || this.#failures >= maxFailures) {
      this.#lost = null;
      this.#broken = hung ?? cause;
      this.#options.onFailure?.(this.#broken, true);
      return;
    }
    const pauseMs = this.#failures === 1 ? 0 : Math.min(longestMs, firstMs * 2 ** (this.#failures - 2));
    this.#lost = { replaceAtMs: performance.now() + pauseMs };
    this.#options.onFailure?.(cause, false);
  }

  /** Brings up a new engine under the same version once it is due; until then only cuts and the stop are attended to. */
  async #recover({ replaceAtMs }: LostEngine): Promise<void> {
    const leftMs = replaceAtMs - performance.now();
    if (leftMs > 0) {
      await this.#wake.wait(leftMs);
      return;
    }
    try {
      this.#engine = this.#newEngine();
      await this.#engine.start();
      if (this.#policy) await this.#engine.loadVersion({ version: this.#policy.version, folder: this.#policy.folder });
      this.#lost = null;
      this.#options.onReplaced?.();
    } catch (error) {
      await this.#lose(SegueError.from(error));
    }
  }

  #whyOver(): SegueError {
    return this.#broken ?? new SegueError('UNAVAILABLE', 'the actor stops');
  }
}
