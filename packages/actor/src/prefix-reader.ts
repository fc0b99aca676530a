/**
 * Reads from the store what a task goes on from. Siblings that begin share one read of their prompt, unless a task comes again. While the store
 * cannot be reached it keeps trying: another actor could not read it either.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { type RolloutTask, SegueError, type Trajectory } from '@segue/core';
import { isNext, type Prefix, prefixOf } from './task-rules.js';

export type ReadTrajectory = (trajectoryId: string) => Promise<Trajectory>;

const firstPauseMs = 100;
const longestPauseMs = 2_000;
/** Prompts kept for siblings that come later. */
const keptPrompts = 1_024;

export class PrefixReader {
  readonly #read: ReadTrajectory;
  readonly #prompts = new Map<string, Promise<Prefix>>();

  constructor(read: ReadTrajectory) {
    this.#read = read;
  }

  /**
   * The tokens to go on from; null when the store does not wait for this segment (any more).
   * @param keepTrying asked before each new try; called while the store cannot be reached
   * @param again whether the task was delivered before: then its segment may be there, whoever wrote it
   */
  async read(task: RolloutTask, keepTrying: () => boolean, again = false): Promise<Prefix | null> {
    for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(2 * pauseMs, longestPauseMs)) {
      try {
        return await this.#readOnce(task, again);
      } catch (cause) {
        const error = SegueError.from(cause);
        if (error.code === 'NOT_FOUND') return null;
        if (!error.retryable || !keepTrying()) throw error;
      }
      await pause(pauseMs);
    }
  }

  async #readOnce(task: RolloutTask, again: boolean): Promise<Prefix | null> {
    if (task.segmentIndex > 0 || again) {
      const trajectory = await this.#read(task.trajectoryId);
      return isNext(task, trajectory) ? prefixOf(trajectory.promptTokens, trajectory.segments) : null;
    }
    const known = this.#prompts.get(task.groupId);
    if (known) return known;
    const read = this.#read(task.trajectoryId).then(({ promptTokens }) => prefixOf(promptTokens, []));
    this.#prompts.set(task.groupId, read);
    read.catch(() => this.#prompts.delete(task.groupId));
    const oldest = this.#prompts.keys().next().value;
    if (this.#prompts.size > keptPrompts && oldest !== undefined) this.#prompts.delete(oldest);
    return read;
  }
}
