/**
 * The rollout side of an actor: takes tasks for free slots, fetches what they go on from, hands them to the lane,
 * publishes what comes back, and gives up or saves everything when the iteration is closed or the actor drains. It
 * knows nothing of graphs, nor of what a segment is worth.
 *
 * A task is held from the moment it is taken until its segment is published or it is given back. Its lease is extended
 * only when a chunk has completed: a stuck engine loses its tasks. What was lost before runs in small company, or alone (suspects.ts).
 */
import type { Lease } from '@segue/bus';
import {
  type ChunkReport,
  hashTokens,
  type RefusedRun as RefusedRunStatus,
  type RolloutTask,
  type Segment,
  SegueError,
  type SequenceResult,
} from '@segue/core';
import { type HeldTask, HeldTasks } from './held-tasks.js';
import type { AskingLane, LaneWork, WorkSource } from './lane-work.js';
import { RefusedRun } from './refused-run.js';
import type { RolloutLoopOptions, SequenceRules } from './rollout-options.js';
import { triesOf, whyGivenUp } from './suspects.js';
import {
  errorSegment,
  type Gate,
  isCovered,
  isOver,
  judgeTask,
  type Prefix,
  type ReturnReason,
  segmentFrom,
} from './task-rules.js';
import { Condition, Wake } from './wake.js';

/** How long one pull waits for a task, in ms. */
const pullWaitMs = 1_000;
const giveBackDelayMs = 1_000;
const failurePauseMs = 500;
/** Ended segments on the way to the stream, per slot, beyond which no task is taken: a stream that takes none must not fill the memory. */
const publishingPerSlot = 4;
/** How long a task may wait for the announcement of its iteration, in ms. */
const earlyWaitMs = 3_000;

export class RolloutLoop implements WorkSource {
  readonly comesInPieces = true;
  readonly #options: RolloutLoopOptions;
  /** What waits for the lane or runs in it. */
  readonly #held: HeldTasks;
  /** Ended, on the way to the stream. */
  readonly #publishing = new Set<HeldTask>();
  readonly #wake = new Wake();
  readonly #changed = new Condition();
  readonly #refused = new RefusedRun();
  #gate: Gate | null = null;
  #pull: AbortController | null = null;
  /** The last pull brought all that it asked for. */
  #arePlenty = false;
  #draining = false;
  #loop: Promise<void> = Promise.resolve();
  #flushedIteration: number | null = null;

  constructor(options: RolloutLoopOptions) {
    this.#options = options;
    this.#held = new HeldTasks({
      slots: () => options.lane().slots,
      places: () => options.lane().places,
      onReady: () => options.lane().wake(),
      drop: (held, reason, detail) => this.#drop(held, reason, detail),
    });
  }

  get gate(): Gate | null {
    return this.#gate;
  }
  get draining(): boolean {
    return this.#draining;
  }
  /** Newest iteration of which nothing is left unpublished here; null before the first. */
  get flushedIteration(): number | null {
    return this.#flushedIteration;
  }
  /** Trajectories whose lease is held. */
  get trajectoryIds(): string[] {
    return [...this.#everything()].map(({ task }) => task.trajectoryId);
  }
  /** Why tasks are not taken, for people; empty when they are. */
  get trouble(): string {
    return this.#refused.trouble;
  }
  /** Runs whose tasks are not taken, for the controller. */
  get refusedRuns(): RefusedRunStatus[] {
    return this.#refused.runs(this.#options.nowMs());
  }
  get isBusy(): boolean {
    return this.#held.size > 0;
  }

  start(): void {
    this.#loop = this.#run();
  }

  /** The lane serves another version, or something else changed that decides whether to take tasks. */
  wake(): void {
    this.#wake.ring();
    this.#changed.check();
  }

  /**
   * Follows the controller's announcement: what it does not cover any more is cut, published, and reported as flushed.
   */
  async follow(gate: Gate): Promise<void> {
    const before = this.#gate;
    if (before && before.runId === gate.runId && before.iteration > gate.iteration) return;
    if (before?.runId !== gate.runId) {
      this.#flushedIteration = null;
      this.#refused.forget();
    }
    this.#gate = gate;
    if (!gate.open) this.#pull?.abort();
    await this.#letGo((held) => isOver(held.task, gate), 'closed');
    const flushed = gate.open ? gate.iteration - 1 : gate.iteration;
    if (flushed >= 0 && this.#gate === gate) {
      this.#flushedIteration = flushed;
      if (!gate.open) this.#options.onFlushed?.(flushed);
    }
    this.wake();
  }

  /** Takes no more tasks, cuts and saves what runs, gives back the rest; the loop has ended when this resolves. */
  async drain(): Promise<void> {
    this.#draining = true;
    this.#pull?.abort();
    this.wake();
    await this.#letGo(() => true, 'drained');
    await this.#loop;
    await this.#letGo(() => true, 'drained');
  }

  // ---- taking ----

  async #run(): Promise<void> {
    while (!this.#draining) {
      const wanted = this.#canTake();
      if (wanted <= 0) {
        await this.#wake.wait(pullWaitMs);
        continue;
      }
      try {
        await this.#takeTasks(wanted);
      } catch (error) {
        this.#options.onTakeFailure?.(SegueError.from(error));
        await this.#wake.wait(failurePauseMs);
      }
    }
  }

  /** How many tasks may be taken now: for slots and waiting room, when the served version is the announced one. */
  #canTake(): number {
    const gate = this.#gate;
    const lane = this.#options.lane();
    const served = lane.policy;
    if (!gate?.open || served?.runId !== gate.runId || served.version !== gate.policyVersion) return 0;
    if (this.#refused.isRefused(gate.runId, this.#options.nowMs())) return 0;
    const sendable = publishingPerSlot * lane.slots - this.#publishing.size;
    // In portions, and beyond the slots only while there are plenty, so that actors share a short queue.
    return Math.min(this.#held.wanted(this.#arePlenty), sendable, Math.ceil(lane.slots / 4));
  }

  async #takeTasks(wanted: number): Promise<void> {
    const pull = new AbortController();
    this.#pull = pull;
    try {
      const leases = await this.#options.bus.takeRolloutTasks(wanted, { waitMs: pullWaitMs, signal: pull.signal });
      this.#arePlenty = leases.length === wanted;
      for (const lease of leases) this.#hold(lease);
    } finally {
      this.#pull = null;
    }
  }

  #hold(lease: Lease<RolloutTask>): void {
    const task = lease.value;
    const same = [...this.#publishing].find((one) => isSameTry(one.task, task)) ?? this.#held.get(task.trajectoryId);
    if (same && isSameTry(same.task, task)) {
      // Our lease had run out and the task came back to us: it goes on, or is acknowledged, under the new lease.
      same.lease.excuse();
      same.lease = lease;
      return;
    }
    if (same) {
      this.#release(lease, 'elsewhere', 'another try of this trajectory runs here');
      return;
    }
    const held = this.#held.add(task, lease, this.#options.nowMs());
    void this.#prepare(held);
  }

  async #prepare(held: HeldTask): Promise<void> {
    const { task } = held;
    try {
      if (!(await this.#isAdmissible(held))) return;
      const keepTrying = () => {
        this.#extend(held);
        return !this.#draining && isCovered(task, this.#gate);
      };
      const rules = await this.#options.rules(task.runId);
      const prefix = await this.#options.prefixes.read(task, keepTrying, held.lease.deliveryCount > 1);
      // The iteration may have been closed in the meantime.
      if (!(await this.#isAdmissible(held))) return;
      if (!prefix) {
        this.#drop(held, 'superseded', 'the store does not wait for this segment');
        return;
      }
      const givenUp = await this.#judgeLostTries(held, rules.maxAttempts);
      if (givenUp !== null) {
        await this.#publishError(held, prefix, givenUp, held.lostTries);
        return;
      }
      if (this.#hasEnded(held)) return;
      this.#held.makeReady(held, this.#workFor(held, prefix, rules));
    } catch (error) {
      this.#drop(held, 'fetch-failed', SegueError.from(error).message);
    }
  }

  /** Finds out how often it was lost, under this message and earlier ones, and why it is not tried again; null when it is. */
  async #judgeLostTries(held: HeldTask, maxAttempts: number): Promise<string | null> {
    const { task, lease } = held;
    const lost = lease.deliveryCount > 1 ? await lease.lostDeliveries() : 0;
    if (lost === 0 && held.lostTries === 0) return null;
    if (lost > 0) await this.#options.bus.markLostTries(task, lost);
    const known = await this.#options.bus.lostTries(task.runId, task.groupId);
    held.lostTries = Math.max(lost, triesOf(task, known));
    lease.hold();
    return whyGivenUp(task, known, maxAttempts);
  }

  /** Whether the task may run here now; lets go of it when not. */
  async #isAdmissible(held: HeldTask): Promise<boolean> {
    const { task } = held;
    const judge = () => judgeTask(task, this.#gate, this.#options.lane().policy);
    await this.#changed.until(() => this.#draining || judge() !== 'early', earlyWaitMs);
    if (this.#draining) return this.#drop(held, 'drained', '');
    const verdict = judge();
    if (verdict === 'run') return true;
    return this.#drop(held, verdict === 'stale' ? 'stale' : 'elsewhere', '');
  }

  #workFor(held: HeldTask, prefix: Prefix, rules: SequenceRules): LaneWork {
    const { task } = held;
    return {
      source: this,
      request: {
        id: task.trajectoryId,
        promptKey: hashTokens(prefix.promptTokens),
        promptTokens: prefix.promptTokens,
        responseTokens: prefix.responseTokens,
        seed: task.seed,
        sampling: task.sampling,
        stopTokens: rules.stopTokens,
        budgetTokens: task.budgetTokens,
        capTokens: task.capTokens,
        lastSpan: task.lastSpan,
        repeat: rules.repeat,
      },
      finish: (result) => {
        if (result.tokens.length > 0) this.#refused.forget();
        void this.#publish(held, prefix, result);
      },
      fail: (error) => void this.#fail(held, prefix, error, rules.maxAttempts),
      putBack: () => {
        if (!this.#hasEnded(held)) this.#held.putBack(held);
      },
    };
  }

  /**
   * An engine that breaks takes all its sequences along: each is tried again in smaller company. What no engine takes fails by itself; what this one cannot
   * do is for another actor, and no fault of the task.
   */
  async #fail(held: HeldTask, prefix: Prefix, error: SegueError, maxAttempts: number): Promise<void> {
    const { task } = held;
    if (error.code === 'INVALID_INPUT') return this.#publishError(held, prefix, error.message);
    if (error.code === 'UNIMPLEMENTED') {
      const isNew = this.#refused.note(task.runId, error, this.#options.nowMs());
      if (isNew) this.#options.onRefused?.(task.runId, error);
      this.#drop(held, 'elsewhere', error.message);
      return;
    }
    const { trajectoryId, segmentIndex } = task;
    const givenUp = whyGivenUp(task, [{ trajectoryId, segmentIndex, tries: held.lostTries + 1 }], maxAttempts);
    if (givenUp !== null) return this.#publishError(held, prefix, `${error.message} (${givenUp})`, held.lostTries + 1);
    this.#drop(held, 'engine-lost', error.message);
  }

  // ---- generating ----

  take(free: number, lane: AskingLane): LaneWork[] {
    return this.#held.take(free, lane);
  }

  /** How many other sequences may join the lane: what is suspect bears few. */
  roomFor(lane: AskingLane): number {
    return this.#held.roomFor(lane);
  }

  /** Whether it may not begin any more: its iteration has ended meanwhile, or the actor drains. It is let go of then. */
  #hasEnded(held: HeldTask): boolean {
    if (!this.#draining && isCovered(held.task, this.#gate)) return false;
    this.#drop(held, this.#draining ? 'drained' : 'closed', 'not begun');
    return true;
  }

  /** A chunk has completed: the reason to keep what is held. @param works what held a slot in it */
  noteChunk({ tokens }: Pick<ChunkReport, 'tokens'>, works: readonly LaneWork[]): void {
    if (tokens > 0 && works.some(({ source }) => source === this)) this.#refused.noteTokens(this.#options.nowMs());
    for (const held of this.#everything()) this.#extend(held);
  }

  #extend(held: HeldTask): void {
    const nowMs = this.#options.nowMs();
    if (nowMs - held.extendedAtMs < held.lease.leaseMs / 3) return;
    held.lease.extend();
    held.extendedAtMs = nowMs;
  }

  // ---- letting go ----

  async #publish(held: HeldTask, prefix: Prefix, result: SequenceResult): Promise<void> {
    if (result.tokens.length === 0) {
      const covered = isCovered(held.task, this.#gate);
      this.#drop(held, covered ? 'drained' : 'closed', 'cut before its first token');
      return;
    }
    await this.#send(held, segmentFrom(held.task, this.#options.actorId, prefix.hash, result));
  }

  /** @param lostTries that it stands for; with any, the trajectory is given up */
  #publishError(held: HeldTask, prefix: Prefix, error: string, lostTries = 0): Promise<void> {
    const segment = errorSegment(held.task, this.#options.actorId, prefix.hash, error, Date.now());
    return this.#send(held, lostTries > 0 ? { ...segment, lostTries } : segment);
  }

  async #send(held: HeldTask, segment: Segment): Promise<void> {
    held.state = 'ended';
    this.#publishing.add(held);
    this.#held.remove(held);
    this.wake();
    await this.#options.outbox.send(held, segment);
    this.#publishing.delete(held);
    this.wake();
  }

  /** Waits until nothing is held of what `chosen` names: cuts what runs, lets go of what does not. */
  async #letGo(chosen: (held: HeldTask) => boolean, reason: 'closed' | 'drained'): Promise<void> {
    for (const held of [...this.#held]) {
      const waits = held.state === 'ready' || held.state === 'beginning';
      if (waits && chosen(held)) this.#drop(held, reason, 'not begun');
    }
    this.#changed.check();
    const left = () => [...this.#everything()].filter(chosen);
    if (left().length === 0) return;
    const works = new Set(left().map(({ work }) => work));
    await this.#options.lane().cut((work) => works.has(work));
    await this.#changed.until(() => left().length === 0);
  }

  *#everything(): Generator<HeldTask> {
    yield* this.#held;
    yield* this.#publishing;
  }

  /** Ends the hold without a segment. What no one needs any more is acknowledged away, the rest given back. */
  #drop(held: HeldTask, reason: ReturnReason, detail: string): false {
    held.state = 'ended';
    this.#held.remove(held);
    this.#release(held.lease, reason, detail);
    this.wake();
    return false;
  }

  #release(lease: Lease<RolloutTask>, reason: ReturnReason, detail: string): void {
    this.#options.onReturned?.(lease.value, reason, detail);
    if (reason === 'stale' || reason === 'closed' || reason === 'superseded') {
      lease.ack().catch((error) => this.#options.onTakeFailure?.(SegueError.from(error)));
    } else if (reason === 'engine-lost') {
      lease.lose();
    } else {
      lease.giveBack(reason === 'drained' ? 0 : giveBackDelayMs);
    }
  }
}

/** The same message, delivered again. */
function isSameTry(a: RolloutTask, b: RolloutTask): boolean {
  const isSameSegment = a.trajectoryId === b.trajectoryId && a.segmentIndex === b.segmentIndex;
  return isSameSegment && a.iteration === b.iteration && a.attempt === b.attempt;
}
