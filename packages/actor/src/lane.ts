/**
 * A lane: one engine, one policy version, and the loop that keeps it busy. Users offer work through sources; it goes into the engine as soon as
 * there is room, slots or waiting room, and calls for the next chunks are always made ahead, so that the engine waits for nobody
 * while there is work. Loads and cuts happen between chunks. It knows nothing of queues, leases or calls from outside.
 */
import { type EngineStatus, type ErrorCode, SegueError } from '@segue/core';
import { defaultBackOff, pauseAfter } from './back-off.js';
import type { LaneOptions } from './lane-options.js';
import {
  type AskingLane,
  type LanePolicy,
  type LaneWork,
  LaneWorks,
  type PendingLoad,
  type WorkSource,
} from './lane-work.js';
import { Wake } from './wake.js';
import { type EngineCall, WatchedEngine } from './watched-engine.js';

/** How long a lane that was idle waits for the next piece of work, and for all of them, in ms. */
const gatherPauseMs = 15;
const longestGatherMs = 150;
/** Calls for a chunk under way: the one that runs, and the next. */
const chunkCalls = 2;
/** What an engine says to a request that it does not take: that nobody could, or that this engine cannot. It is none the worse for it. */
const refusals: readonly ErrorCode[] = ['INVALID_INPUT', 'UNIMPLEMENTED'];

export class Lane implements AskingLane {
  readonly #options: LaneOptions;
  readonly #wake = new Wake();
  readonly #works = new LaneWorks();
  readonly #jobs: (() => Promise<void>)[] = [];
  #engine: WatchedEngine;
  /** Calls for a chunk that have not come back. */
  #chunks = 0;
  /** What a call of the engine has failed with, until the loop attends to it. */
  #failure: SegueError | null = null;
  #failures = 0;
  /** An engine that failed, until another one takes its place at that moment. */
  #lost: { readonly replaceAtMs: number } | null = null;
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
  /** Sequences that it takes in all: they run, or wait in the engine. */
  get places(): number {
    return this.slots + this.#engine.waitingRoom;
  }
  /** Whether no other lane can serve another version beside it. */
  get isAlone(): boolean {
    return this.#engine.sharesWeights;
  }
  /** Sequences in slots. */
  get running(): number {
    return Math.min(this.slots, this.#works.size);
  }
  /** What it serves; null before the first load, while another version or engine is being loaded, and for good when it is broken. */
  get policy(): LanePolicy | null {
    return this.isLoading || this.#broken ? null : this.#policy;
  }
  /** It ends, or has ended: another one may be there for its version. */
  get isEnding(): boolean {
    return this.#stopping;
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
  /** Whether a sequence of that id runs in the engine, or waits in it. */
  holds(id: string): boolean {
    return this.#works.has(id);
  }
  /** The engine's word on device, vocabulary and context, as of the last load. */
  get engineStatus(): EngineStatus | null {
    return this.#status;
  }
  /** Sequences of one source in the engine. */
  heldOf(source: WorkSource): number {
    return this.#works.inside.filter((work) => work.source === source).length;
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

  /** Makes a version ready between two chunks; what runs goes on. @param policy null lets go of what is ready */
  prepare(policy: LanePolicy | null): Promise<void> {
    const location = policy && { version: policy.version, folder: policy.folder };
    return this.#between(() => this.#engine.prepareVersion(location));
  }

  /** Ends the sequences that `chosen` names at the end of the chunk; their owners get what they have, which is nothing where one has not begun. */
  cut(chosen: (work: LaneWork) => boolean): Promise<void> {
    return this.#between(async () => {
      const idsInside = () => this.#works.inside.filter(chosen).map((work) => work.request.id);
      // What joins one by one, since a bad request beside it was refused, comes behind the first cut.
      for (let cuts = 0, ids = idsInside(); cuts < 2 && ids.length > 0; cuts++, ids = idsInside()) {
        this.#works.collect(await this.#engine.cut(ids));
      }
      this.#works.handBack();
    });
  }

  /** Serves nothing until the next load. What still runs fails with UNAVAILABLE. @param end ends the engine, and so frees its memory */
  rest(end: () => Promise<void>): Promise<void> {
    return this.#between(async () => {
      // First, so that nothing is heard of the end of the old one.
      this.#engine = this.#newEngine();
      this.#chunks = 0;
      this.#policy = null;
      this.#works.handBack();
      this.#works.fail(new SegueError('UNAVAILABLE', 'the device is given to another engine'), this.slots);
      await this.#engine.start();
      await end();
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
    try {
      await this.#engine.stop();
    } finally {
      // What the last chunk has ended came back while the engine stopped.
      this.#works.handBack();
      this.#works.fail(new SegueError('UNAVAILABLE', 'the actor stops'), this.#works.size);
    }
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
      if (this.#failure) await this.#lose(this.#failure);
      for (const job of this.#jobs.splice(0)) await job();
      if (this.#lost) {
        await this.#recover(this.#lost);
        continue;
      }
      while (this.#loads[0] && this.#works.size === 0 && this.#isWell) {
        await this.#load(this.#loads[0]);
      }
      if (!this.#isWell) continue;
      const wasIdle = this.#works.size === 0;
      this.#admit();
      if (wasIdle) await this.#gather();
      if (!this.#isWell || this.#jobs.length > 0) continue;
      if (this.#works.size > 0) this.#callChunks();
      // What the chunk before has ended is published while the next one runs.
      this.#works.handBack();
      await (this.#works.size > 0 ? this.#wake.wait() : this.#idle());
    }
    this.#works.handBack();
    for (const job of this.#jobs.splice(0)) await job();
    for (const { reject } of this.#loads.splice(0)) reject(this.#whyOver());
  }

  /** The engine is there, as far as is known. */
  get #isWell(): boolean {
    return !this.#lost && !this.#broken && !this.#failure;
  }

  async #idle(): Promise<void> {
    const sinceMs = performance.now();
    const rung = await this.#wake.wait(this.#options.idleReleaseMs);
    this.#options.onIdle?.(performance.now() - sinceMs);
    if (rung) return;
    this.#stopping = true;
    this.#options.onExpire?.();
  }

  async #load({ policy, resolve, reject }: PendingLoad): Promise<void> {
    // What has ended need not wait for a load.
    this.#works.handBack();
    try {
      await this.#loadIntoEngine(policy);
      this.#policy = policy;
      this.#status = await this.#engine.status();
      // First, so that whoever waited for it finds it served.
      this.#loads.shift();
      resolve();
    } catch (cause) {
      const error = SegueError.from(cause);
      // A load that hangs or killed the thread, be it the first, leaves an engine that cannot say what it serves.
      const status = await this.#engine.status().catch(() => null);
      const servesBefore = this.#policy === null || status?.policyVersion === this.#policy.version;
      if (status === null || !servesBefore) await this.#lose(error);
      this.#loads.shift();
      reject(error);
    }
  }

  /** What the book does not have must not hold up the versions for ever: nobody waits for it. */
  async #loadIntoEngine({ version, folder }: LanePolicy): Promise<void> {
    try {
      await this.#engine.loadVersion({ version, folder });
    } catch (cause) {
      if (SegueError.from(cause).code !== 'FAILED_PRECONDITION' || (await this.#engine.cut()).length === 0) throw cause;
      await this.#engine.loadVersion({ version, folder });
    }
  }

  /** Fills slots and waiting room. */
  #admit(): void {
    if (!this.policy) return;
    const joining: LaneWork[] = [];
    // Each is in the book before the next is asked: two sources may have sequences of one id.
    for (const source of this.#options.sources) {
      joining.push(...this.#works.join(source.take(this.places - this.#works.size, this), this.slots));
    }
    if (joining.length > 0) this.#enter(joining);
  }

  /** Into the engine, where the book has them already. */
  #enter(works: readonly LaneWork[]): void {
    this.#whenDone(
      this.#engine.admit(works.map((work) => work.request)),
      () => undefined,
      (error) => {
        if (!refusals.includes(error.code)) return false;
        this.#works.leave(works);
        if (works.length === 1) works[0]?.fail(error);
        // One request refuses the whole: the others join one by one, and that one fails alone.
        else for (const work of works) this.#enter(this.#works.join([work], this.slots));
        return true;
      },
    );
  }

  /** The first chunk of a phase would else run with what has come so far, and all the rest would wait for its end. */
  async #gather(): Promise<void> {
    this.#works.handBack();
    const untilMs = performance.now() + longestGatherMs;
    const isFilling = () => this.#works.inside.some(({ source }) => source.comesInPieces === true);
    const canGo = () => !this.#stopping && this.#isWell && this.#jobs.length === 0 && this.#loads.length === 0;
    while (canGo() && isFilling() && this.#works.size < this.slots && performance.now() < untilMs) {
      if (!(await this.#wake.wait(gatherPauseMs))) return;
      this.#admit();
    }
  }

  #callChunks(): void {
    while (this.#chunks < chunkCalls) {
      this.#chunks++;
      this.#whenDone(this.#engine.generateChunk(), (report) => {
        this.#chunks--;
        // A chunk that was called ahead may find nothing left to run.
        if (report.ids.length === 0) return;
        this.#failures = 0;
        const works = this.#works.named(report.ids);
        this.#works.collect(report.finished);
        this.#options.onChunk?.(report, works);
      });
    }
  }

  /**
   * Attends to a call that the loop does not wait for, when it comes back, and wakes the loop. Of an engine that has failed meanwhile nothing is
   * heard any more.
   * @param forgives whether the engine is none the worse for an error
   */
  #whenDone<T>(
    call: Promise<T>,
    done: (value: T) => void,
    forgives: (error: SegueError) => boolean = () => false,
  ): void {
    const engine = this.#engine;
    const isOurs = () => engine === this.#engine && this.#isWell;
    call
      .then(
        (value) => {
          if (isOurs()) done(value);
        },
        (cause) => {
          const error = SegueError.from(cause);
          if (isOurs() && !forgives(error)) this.#failure = error;
        },
      )
      .catch((cause) => {
        this.#failure = SegueError.from(cause);
      })
      .finally(() => this.wake());
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
    // As long as this is set, nothing is heard of the engine's other calls.
    this.#failure = cause;
    this.#works.handBack();
    this.#works.fail(cause, this.slots);
    if (this.#broken) return;
    const backOff = this.#options.backOff ?? defaultBackOff;
    this.#failures++;
    if (!this.#engine.hung) await this.#engine.stop().catch(() => undefined);
    const { hung } = this.#engine;
    if (hung || this.#failures >= backOff.maxFailures) {
      this.#lost = null;
      this.#broken = hung ?? cause;
      this.#failure = null;
      this.#options.onFailure?.(this.#broken, true);
      return;
    }
    this.#lost = { replaceAtMs: performance.now() + pauseAfter(this.#failures, backOff) };
    this.#failure = null;
    this.#options.onFailure?.(cause, false);
  }

  /**
   * Brings up a new engine once it is due, under the same version unless another is to be loaded: that one's turn comes next, and the files of the old one may
   * be gone. Until then only cuts and the stop are attended to.
   */
  async #recover({ replaceAtMs }: { readonly replaceAtMs: number }): Promise<void> {
    const leftMs = replaceAtMs - performance.now();
    if (leftMs > 0) {
      await this.#wake.wait(leftMs);
      return;
    }
    try {
      this.#engine = this.#newEngine();
      this.#chunks = 0;
      await this.#engine.start();
      if (this.#policy && this.#loads.length === 0) await this.#loadIntoEngine(this.#policy);
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
