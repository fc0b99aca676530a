/**
 * From the commit of a finished trajectory to its reward task. What must be published is derived from the store each time, so that a
 * process killed between the commit and the message loses nothing: after a commit, at start, and again periodically.
 * A task that stays without an answer is published again after a growing pause; soon after the first its message id makes doubles collapse, later whoever
 * judges looks whether a verdict is there.
 */
import type { RewardTask } from '@segue/core';

/** First pause after which an unanswered task is published again, in ms: shorter than the queue knows its id, so that what waits for a scorer is not there twice. */
export const firstPauseMs = 30_000;
/** Longest pause between two publications of the same task, in ms. */
const maxPauseMs = 600_000;

export interface HandOverOptions {
  /** What waits for a verdict, by run: trajectory id and attempt of its task. */
  readonly awaiting: () => ReadonlyMap<string, ReadonlyMap<string, number>>;
  readonly publish: (tasks: readonly RewardTask[]) => Promise<void>;
  /** Unix time in ms. */
  readonly now?: () => number;
  /** First pause, in ms (`firstPauseMs` by default); it doubles each time. */
  readonly repeatAfterMs?: number;
}

/** When a task was published, by this process. */
interface Published {
  readonly attempt: number;
  readonly times: number;
  readonly atMs: number;
}

export class HandOver {
  readonly #options: HandOverOptions;
  readonly #published = new Map<string, Published>();
  #running: Promise<number> | null = null;
  #again = false;

  constructor(options: HandOverOptions) {
    this.#options = options;
  }

  /** Publishes what is due; answers how many tasks. A call while one runs makes it look once more. */
  async run(): Promise<number> {
    if (this.#running !== null) {
      this.#again = true;
      return this.#running;
    }
    // Begins in a turn of its own, so that a call from within `publish` finds it running.
    this.#running = Promise.resolve().then(() => this.#publishUntilNoneIsDue());
    try {
      return await this.#running;
    } finally {
      this.#running = null;
    }
  }

  async #publishUntilNoneIsDue(): Promise<number> {
    let count = 0;
    do {
      this.#again = false;
      const nowMs = (this.#options.now ?? Date.now)();
      const due = this.#due(nowMs);
      if (due.length > 0) await this.#options.publish(due);
      for (const { trajectoryId, attempt } of due) {
        const before = this.#published.get(trajectoryId);
        const times = before?.attempt === attempt ? before.times + 1 : 1;
        this.#published.set(trajectoryId, { attempt, times, atMs: nowMs });
      }
      count += due.length;
    } while (this.#again);
    return count;
  }

  #due(nowMs: number): RewardTask[] {
    const waiting = this.#options.awaiting();
    const due: RewardTask[] = [];
    const ids = new Set<string>();
    for (const [runId, trajectories] of waiting) {
      for (const [trajectoryId, attempt] of trajectories) {
        ids.add(trajectoryId);
        if (this.#isDue(trajectoryId, attempt, nowMs)) due.push({ runId, trajectoryId, attempt });
      }
    }
    for (const trajectoryId of this.#published.keys()) if (!ids.has(trajectoryId)) this.#published.delete(trajectoryId);
    return due;
  }

  #isDue(trajectoryId: string, attempt: number, nowMs: number): boolean {
    const published = this.#published.get(trajectoryId);
    if (published === undefined || published.attempt !== attempt) return true;
    const pauseMs = Math.min(maxPauseMs, (this.#options.repeatAfterMs ?? firstPauseMs) * 2 ** (published.times - 1));
    return nowMs - published.atMs >= pauseMs;
  }
}
