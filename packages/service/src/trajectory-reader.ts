/**
 * Reads trajectories one by one for its callers, and together from the store: those that are asked for in the same turn, or while an earlier call
 * is under way, share one call. Who reads a trajectory per task pays for a call per handful of tasks. It keeps nothing.
 */
import type { Client } from '@segue/bus';
import { type ReplayApi, SegueError, type Trajectory } from '@segue/core';

/** Trajectories in one call at most: bounds how long the first waits for the last. */
const maxTogether = 64;

type ReadsTrajectories = Pick<Client<ReplayApi>, 'getTrajectories'>;

interface Waiting {
  readonly trajectoryId: string;
  readonly resolve: (trajectory: Trajectory) => void;
  readonly reject: (error: SegueError) => void;
}

export class TrajectoryReader {
  readonly #replay: () => Promise<ReadsTrajectories>;
  readonly #signal: AbortSignal | undefined;
  readonly #waiting: Waiting[] = [];
  #isReading = false;

  /** @param signal ends the reading: what is asked for then is CANCELLED */
  constructor(replay: () => Promise<ReadsTrajectories>, signal?: AbortSignal) {
    this.#replay = replay;
    this.#signal = signal;
  }

  /** As the store's GetTrajectory. @throws SegueError NOT_FOUND for one that was never planned */
  getTrajectory({ trajectoryId }: { readonly trajectoryId: string }): Promise<Trajectory> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ trajectoryId, resolve, reject });
      if (this.#isReading) return;
      this.#isReading = true;
      setImmediate(() => void this.#readAll());
    });
  }

  async #readAll(): Promise<void> {
    while (this.#waiting.length > 0) await this.#read(this.#waiting.splice(0, maxTogether));
    this.#isReading = false;
  }

  async #read(together: readonly Waiting[]): Promise<void> {
    const left = new Set(together);
    try {
      const replay = await this.#replay();
      const trajectoryIds = [...new Set(together.map(({ trajectoryId }) => trajectoryId))];
      for await (const trajectory of replay.getTrajectories({ trajectoryIds }, { signal: this.#signal })) {
        for (const one of left) {
          if (one.trajectoryId !== trajectory.id) continue;
          left.delete(one);
          one.resolve(trajectory);
        }
      }
      for (const { trajectoryId, reject } of left) {
        reject(new SegueError('NOT_FOUND', `trajectory ${trajectoryId} was never planned`));
      }
    } catch (cause) {
      const error = SegueError.from(cause);
      // One that the store cannot read does not fail the others.
      if (left.size > 1 && !error.retryable) for (const one of left) await this.#read([one]);
      else for (const { reject } of left) reject(error);
    }
  }
}
