/**
 * The tasks that an actor holds, from the taking of each until its sequence has ended, and which of them may run now: in the order in which they came,
 * except that what was lost with an actor before runs in small company (suspects.ts), and says so before it begins. It knows nothing of what a task holds.
 */
import type { Lease } from '@segue/bus';
import { type RolloutTask, SegueError } from '@segue/core';
import type { AskingLane, LaneWork } from './lane-work.js';
import { companyOf } from './suspects.js';

export interface HeldTask {
  readonly task: RolloutTask;
  lease: Lease<RolloutTask>;
  /** `beginning`: a suspect whose turn has come; the server is being told. */
  state: 'fetching' | 'ready' | 'beginning' | 'running' | 'ended';
  work: LaneWork | null;
  extendedAtMs: number;
  /** Tries that were lost with their actors. */
  lostTries: number;
  hasBegun: boolean;
}

export interface HeldTasksOptions {
  readonly slots: () => number;
  /** Sequences that the lane takes in all. */
  readonly places: () => number;
  /** Something may join the lane. */
  readonly onReady: () => void;
  readonly drop: (held: HeldTask, reason: 'elsewhere' | 'fetch-failed', detail: string) => void;
}

export class HeldTasks implements Iterable<HeldTask> {
  readonly #options: HeldTasksOptions;
  readonly #byTrajectory = new Map<string, HeldTask>();
  /** Those that wait for the lane, in order. */
  #ready: HeldTask[] = [];

  constructor(options: HeldTasksOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#byTrajectory.size;
  }

  get(trajectoryId: string): HeldTask | undefined {
    return this.#byTrajectory.get(trajectoryId);
  }

  [Symbol.iterator](): Iterator<HeldTask> {
    return this.#byTrajectory.values();
  }

  /**
   * How many more to hold: one for each slot, and as many as the lane takes while there are plenty. Suspects gather no crowd.
   * @param arePlenty others do not go without for what waits here
   */
  wanted(arePlenty: boolean): number {
    const slots = this.#options.slots();
    const company = this.#company(this);
    return (company < slots || !arePlenty ? company : this.#options.places()) - this.size;
  }

  add(task: RolloutTask, lease: Lease<RolloutTask>, nowMs: number): HeldTask {
    const lostTries = task.lostTries ?? 0;
    const held: HeldTask = {
      task,
      lease,
      state: 'fetching',
      work: null,
      extendedAtMs: nowMs,
      lostTries,
      hasBegun: false,
    };
    this.#byTrajectory.set(task.trajectoryId, held);
    return held;
  }

  makeReady(held: HeldTask, work: LaneWork): void {
    held.work = work;
    held.state = 'ready';
    this.#ready.push(held);
    this.#options.onReady();
  }

  /** It has not begun in an engine that is lost: the next one to be taken. */
  putBack(held: HeldTask): void {
    held.state = 'ready';
    this.#ready.unshift(held);
  }

  remove(held: HeldTask): void {
    this.#byTrajectory.delete(held.task.trajectoryId);
  }

  /** What joins the lane now. */
  take(free: number, lane: AskingLane): LaneWork[] {
    const served = lane.policy;
    const hasSuspects = this.#hasSuspects;
    const works: LaneWork[] = [];
    const waiting: HeldTask[] = [];
    for (const held of this.#ready.splice(0)) {
      if (held.state !== 'ready' || !held.work) continue;
      if (served?.version !== held.task.policyVersion || served.runId !== held.task.runId) {
        this.#options.drop(held, 'elsewhere', 'another version was loaded');
      } else if (
        works.length >= free ||
        lane.holds(held.task.trajectoryId) ||
        (hasSuspects && !this.#fits(held, lane, works.length))
      ) {
        waiting.push(held);
      } else if (held.lostTries > 0 && !held.hasBegun) {
        void this.#begin(held);
      } else {
        held.state = 'running';
        works.push(held.work);
      }
    }
    this.#ready = [...waiting, ...this.#ready];
    return works;
  }

  /** How many sequences of others may join the lane: none while a suspect waits for it to empty. */
  roomFor(lane: AskingLane): number {
    if (!this.#hasSuspects) return lane.slots;
    if (this.#ready.some((held) => !this.#fits(held, lane, 0) && held.lostTries > 0)) return 0;
    return this.#company(this.#inEngine()) - lane.running - this.#beginning;
  }

  get #hasSuspects(): boolean {
    for (const { lostTries } of this) if (lostTries > 0) return true;
    return false;
  }

  /** @param joining sequences that join before it */
  #fits(held: HeldTask, lane: AskingLane, joining: number): boolean {
    const beside = lane.running + joining + this.#beginning;
    return beside < Math.min(companyOf(held.lostTries, lane.slots), this.#company(this.#inEngine()));
  }

  *#inEngine(): Generator<HeldTask> {
    for (const held of this) if (held.state === 'running' || held.state === 'beginning') yield held;
  }

  get #beginning(): number {
    return [...this.#inEngine()].filter(({ state }) => state === 'beginning').length;
  }

  /** The smallest company that one of these bears. */
  #company(tasks: Iterable<HeldTask>): number {
    const slots = this.#options.slots();
    let least = slots;
    for (const { lostTries } of tasks) least = Math.min(least, companyOf(lostTries, slots));
    return least;
  }

  /** Says that a suspect's turn has come before it comes: should the actor die of it, that is known. Its place is kept meanwhile. */
  async #begin(held: HeldTask): Promise<void> {
    held.state = 'beginning';
    try {
      await held.lease.begin();
    } catch (error) {
      if (held.state === 'beginning') this.#options.drop(held, 'fetch-failed', SegueError.from(error).message);
      return;
    }
    // It may have been let go in the meantime.
    if (held.state !== 'beginning') return;
    held.hasBegun = true;
    held.state = 'ready';
    this.#ready.unshift(held);
    this.#options.onReady();
  }
}
