/**
 * The lanes of an actor. The rollout lane serves the active version and is always there. An evaluation names the
 * version it wants: while the rollout lane serves it the two share that engine, else a lane of its own is made on
 * demand and let go when it has been idle for a while. A load of the next version waits a moment for evaluations that
 * share the engine; those that last longer go on in a lane of their own, where they were, unless another version has one with work.
 */
import { SegueError, type SequenceRequest, type SequenceResult } from '@segue/core';
import { Lane } from './lane.js';
import type { LaneOptions } from './lane-options.js';
import type { AskingLane, LanePolicy, LaneWork, WorkSource } from './lane-work.js';
import { isCutShort, joined, restOf } from './moved-sequence.js';
import type { EngineCall } from './watched-engine.js';

/** What becomes of an engine that failed: another takes its place, its evaluation is given up, or the process is lost with it. */
export type EngineFate = 'replaced' | 'given-up' | 'lost';

export interface LanesOptions {
  readonly createEngine: LaneOptions['createEngine'];
  readonly engineTimeoutMs: LaneOptions['engineTimeoutMs'];
  readonly backOff?: NonNullable<LaneOptions['backOff']>;
  /** What feeds the rollout lane beside evaluations. */
  readonly rollouts: WorkSource & { readonly isBusy: boolean; wake(): void; roomFor(lane: AskingLane): number };
  readonly onChunk: NonNullable<LaneOptions['onChunk']>;
  readonly onIdle: NonNullable<LaneOptions['onIdle']>;
  readonly onFailure: (error: SegueError, fate: EngineFate) => void;
  /** How long an evaluation lane stays without work, in ms. */
  readonly idleReleaseMs: number;
  /** How long a load waits for evaluations to end in the rollout lane, in ms. */
  readonly evaluationGraceMs?: number;
}

/** Most evaluations end sooner; the others cost an engine of their own, and a second copy of the weights. */
const defaultGraceMs = 5_000;

/** An evaluation's sequence while it waits or runs. */
interface EvaluationWork extends LaneWork {
  readonly policy: LanePolicy;
}

export class Lanes implements WorkSource {
  readonly rollout: Lane;
  readonly #options: LanesOptions;
  /** Evaluation lanes by version and content. */
  readonly #extra = new Map<string, Promise<Lane>>();
  /** Their lanes, from the making to the end of the engine. */
  readonly #beside = new Set<Lane>();
  /** Lanes that end. */
  readonly #ends = new Set<Promise<void>>();
  #waiting: EvaluationWork[] = [];
  /** What was cut to make room for a load. */
  readonly #moved = new WeakSet<SequenceRequest>();
  #stopped = false;
  /** Why an evaluation lane is lost with its thread. */
  #hung: SegueError | null = null;

  constructor(options: LanesOptions) {
    this.#options = options;
    const { rollouts, onChunk, onIdle, onFailure } = options;
    const onReplaced = () => {
      rollouts.wake();
      // Who waited for a version that the engine failed with is told that it is not served.
      this.#serveWaiting();
    };
    this.rollout = new Lane({
      ...engineOf(options),
      sources: [this, rollouts],
      onChunk,
      onIdle,
      onFailure: (error, broken) => onFailure(error, broken ? 'lost' : 'replaced'),
      onReplaced,
    });
  }

  /** The oldest call of an engine that is waited for; null when none is. */
  get engineCall(): EngineCall | null {
    const calls = [this.rollout, ...this.#beside].flatMap(({ engineCall }) => engineCall ?? []);
    return calls.sort((a, b) => b.ageMs - a.ageMs)[0] ?? null;
  }

  /** Loads a version into the rollout lane; what evaluations still wait for the one before, or have not ended after a while, goes on elsewhere. */
  async switchTo(policy: LanePolicy): Promise<void> {
    const loaded = this.rollout.load(policy);
    this.#serveWaiting();
    const timer = setInterval(() => this.#makeRoom(), this.#options.evaluationGraceMs ?? defaultGraceMs);
    try {
      await loaded;
    } finally {
      clearInterval(timer);
      // Also where it failed: what waits for the version is served elsewhere, or told that it is not.
      this.#serveWaiting();
    }
  }

  /** Cuts the evaluations in the rollout lane: no rollout runs while a load waits for them, and one may have ten thousand tokens to go. */
  #makeRoom(): void {
    // They could go on nowhere.
    if (this.rollout.isAlone) return;
    const isEvaluation = (work: LaneWork): work is EvaluationWork => work.source === this;
    // Asked once of each sequence, which is cut then if the answer is yes.
    const takeOut = (work: LaneWork) => {
      // A load that has begun takes its time; what joins after it is served.
      if (!isEvaluation(work) || !this.rollout.isLoading) return false;
      // With a third copy of the weights: then the load waits as long as they last.
      if (this.#hasWorkBeside(work.policy)) return false;
      this.#moved.add(work.request);
      return true;
    };
    // An engine that fails in a cut is the lane's to deal with.
    this.rollout.cut(takeOut).catch(() => undefined);
  }

  /** Whether evaluations of yet another version have an engine of their own, or wait for one. */
  #hasWorkBeside(policy: LanePolicy): boolean {
    const isOther = (lane: Lane) => lane.heldOf(this) > 0 && !isServed(policy, lane);
    const waitsElsewhere = (key: string) => key !== keyOf(policy) && this.#extra.has(key);
    return [...this.#beside].some(isOther) || this.#waiting.some((work) => waitsElsewhere(keyOf(work.policy)));
  }

  /** All lanes let their engines go; the rollout lane serves nothing until the next load. @param end ends the engines, and so frees their memory */
  async rest(end: () => Promise<void>): Promise<void> {
    for (const key of [...this.#extra.keys()]) this.#closeLane(key);
    await this.rollout.rest(end);
  }

  /**
   * Generates one sequence on the named version. Rejects with CANCELLED when `signal` fires, and with what the engine
   * refuses.
   */
  async evaluate(policy: LanePolicy, request: SequenceRequest, signal: AbortSignal): Promise<SequenceResult> {
    // Else it would wait until all rollouts that wait in the engine have had their turn, and new ones come without end.
    let asked: SequenceRequest = { ...request, passesWaiting: true };
    let part = await this.#generate(policy, asked, signal);
    let whole = part;
    while (this.#moved.has(asked) && isCutShort(asked, part)) {
      asked = restOf(asked, part);
      part = await this.#generate(policy, asked, signal, true);
      whole = joined(whole, part);
    }
    return whole;
  }

  /** Until it has ended, or is cut to go on elsewhere. @param hadSlot it goes before those that have not begun */
  #generate(
    policy: LanePolicy,
    request: SequenceRequest,
    signal: AbortSignal,
    hadSlot = false,
  ): Promise<SequenceResult> {
    return new Promise((resolve, reject) => {
      if (this.#stopped) return reject(new SegueError('UNAVAILABLE', 'the actor stops'));
      if (signal.aborted) return reject(cancelled());
      const cancel = () => this.#cancel(work, reject);
      signal.addEventListener('abort', cancel, { once: true });
      const end = <T>(settle: (value: T) => void) => {
        return (value: T) => {
          signal.removeEventListener('abort', cancel);
          settle(value);
        };
      };
      const work: EvaluationWork = {
        policy,
        request,
        source: this,
        finish: end(resolve),
        fail: end(reject),
        putBack: () => {
          if (signal.aborted) return;
          if (this.#stopped) work.fail(new SegueError('UNAVAILABLE', 'the actor stops'));
          else this.#waiting.unshift(work);
        },
      };
      if (hadSlot) this.#waiting.unshift(work);
      else this.#waiting.push(work);
      this.#serveWaiting();
    });
  }

  /**
   * In the rollout lane evaluations hold at most a quarter of the slots while rollouts are under way. They pass the rollouts that wait in the engine: the next
   * slots that become free are theirs.
   */
  take(free: number, lane: AskingLane): LaneWork[] {
    const allowed = lane === this.rollout ? this.#share() : free;
    const taken: EvaluationWork[] = [];
    const ids = new Set<string>();
    const fits = (work: EvaluationWork) =>
      taken.length < Math.min(free, allowed) &&
      isServed(work.policy, lane) &&
      !lane.holds(work.request.id) &&
      !ids.has(work.request.id);
    this.#waiting = this.#waiting.filter((work) => {
      if (!fits(work)) return true;
      ids.add(work.request.id);
      taken.push(work);
      return false;
    });
    return taken;
  }

  /** How many evaluations may join the rollout lane. */
  #share(): number {
    const { rollouts } = this.#options;
    const { slots } = this.rollout;
    const held = this.rollout.heldOf(this);
    if (!rollouts.isBusy) return slots - held;
    return Math.min(Math.max(1, Math.floor(slots / 4)) - held, rollouts.roomFor(this.rollout));
  }

  /** Rejects with DEADLINE_EXCEEDED when an engine hangs: its thread is still there. */
  async stop(): Promise<void> {
    this.#stopped = true;
    for (const work of this.#waiting.splice(0)) work.fail(new SegueError('UNAVAILABLE', 'the actor stops'));
    const extra = await Promise.allSettled(this.#extra.values());
    const lanes = [this.rollout, ...extra.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))];
    await Promise.all([...this.#ends, ...lanes.map((lane) => lane.stop())]);
    if (this.#hung) throw this.#hung;
  }

  #serveWaiting(): void {
    this.rollout.wake();
    if (this.rollout.isAlone) {
      this.#refuseOthers();
      return;
    }
    const wanted = new Map(this.#waiting.map(({ policy }) => [keyOf(policy), policy]));
    for (const [key, policy] of wanted) {
      if (isServed(policy, this.rollout)) continue;
      const lane = this.#extra.get(key) ?? this.#openLane(key, policy);
      lane.then(
        (open) => open.wake(),
        () => undefined,
      );
    }
  }

  /** Where there is one lane, a version that it has let go of is not served any more. What it serves next is not known before it does. */
  #refuseOthers(): void {
    const { policy: served } = this.rollout;
    if (served === null) return;
    const refused = this.#waiting.filter(({ policy }) => !isServed(policy, this.rollout));
    this.#waiting = this.#waiting.filter((work) => !refused.includes(work));
    for (const { policy, fail } of refused) {
      const wanted = `version ${policy.version} of run ${policy.runId}`;
      const why = `this actor's server is told to load each version in the place of the one before, and serves version ${served.version} of run ${served.runId}`;
      fail(new SegueError('UNIMPLEMENTED', `${wanted} cannot be served beside it: ${why}`));
    }
  }

  /** An engine that is kept for work which may come makes room for one that has work. */
  #closeIdleLanes(): void {
    for (const lane of this.#beside) {
      if (lane.isEnding || lane.policy === null || lane.heldOf(this) > 0) continue;
      const key = keyOf(lane.policy);
      if (!this.#waiting.some(({ policy }) => keyOf(policy) === key)) this.#closeLane(key);
    }
  }

  #openLane(key: string, policy: LanePolicy): Promise<Lane> {
    this.#closeIdleLanes();
    const { onFailure, idleReleaseMs } = this.#options;
    const ends = [...this.#ends];
    const open = async () => {
      // Their memory is needed.
      await Promise.all(ends);
      const lane = new Lane({
        ...engineOf(this.#options),
        sources: [this],
        onFailure: (error, broken) => {
          // The rollouts go on without this lane.
          if (!this.#noteHang(lane)) onFailure(error, broken ? 'given-up' : 'replaced');
          if (!broken) return;
          this.#closeLane(key);
          this.#failWaiting(key, error);
        },
        idleReleaseMs,
        onExpire: () => this.#closeLane(key),
      });
      this.#beside.add(lane);
      try {
        await lane.start();
        await lane.load(policy);
        return lane;
      } catch (error) {
        await this.#stopLane(lane);
        throw error;
      }
    };
    const opened = open();
    this.#extra.set(key, opened);
    opened.catch((error) => {
      this.#extra.delete(key);
      this.#failWaiting(key, SegueError.from(error));
    });
    return opened;
  }

  #closeLane(key: string): void {
    const lane = this.#extra.get(key);
    this.#extra.delete(key);
    if (lane === undefined) return;
    const end: Promise<void> = lane
      .then((open) => this.#stopLane(open))
      .catch(() => undefined)
      .finally(() => this.#ends.delete(end));
    this.#ends.add(end);
  }

  async #stopLane(lane: Lane): Promise<void> {
    await lane.stop().catch(() => undefined);
    if (!this.#noteHang(lane)) this.#beside.delete(lane);
  }

  /** A thread that hangs stays in the process, whichever lane it was of: nothing can go on beside it. */
  #noteHang({ hung }: Lane): boolean {
    if (hung === null) return false;
    if (this.#hung === null) this.#options.onFailure(hung, 'lost');
    this.#hung ??= hung;
    return true;
  }

  #failWaiting(key: string, error: SegueError): void {
    const failed = this.#waiting.filter(({ policy }) => keyOf(policy) === key);
    this.#waiting = this.#waiting.filter((work) => !failed.includes(work));
    for (const work of failed) work.fail(error);
  }

  #cancel(work: EvaluationWork, reject: (error: SegueError) => void): void {
    this.#waiting = this.#waiting.filter((one) => one !== work);
    reject(cancelled());
    // An engine that fails in a cut is the lane's to deal with.
    this.rollout.cut((running) => running === work).catch(() => undefined);
    for (const lane of this.#extra.values()) {
      lane.then((open) => open.cut((running) => running === work)).catch(() => undefined);
    }
  }
}

function engineOf({ createEngine, engineTimeoutMs, backOff }: LanesOptions) {
  return { createEngine, engineTimeoutMs, ...(backOff && { backOff }) };
}

function keyOf({ runId, version, manifestSha256 }: LanePolicy): string {
  return `${runId}@${version}@${manifestSha256}`;
}

function isServed(policy: LanePolicy, lane: AskingLane): boolean {
  const served = lane.policy;
  return served !== null && keyOf(served) === keyOf(policy);
}

function cancelled(): SegueError {
  return new SegueError('CANCELLED', 'the call ended before the sequence did');
}
