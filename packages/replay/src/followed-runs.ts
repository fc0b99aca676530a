/**
 * The runs that the store follows in memory: what it counts of each beside its rows (progress.ts), made anew from the tables when it is not there, and
 * let go of when the run is over. It writes nothing, and knows nothing of calls and listeners.
 */
import { type IterationProgress, SegueError, type StoreDamage } from '@segue/core';
import { isOver, keptRows, letGo } from './let-go.js';
import type { Notice, RunProgress } from './progress.js';
import { restoreProgress } from './restore-progress.js';
import type { Tables } from './tables.js';

export class FollowedRuns {
  readonly #tables: Tables;
  readonly #tell: (damage: StoreDamage) => void;
  readonly #progress = new Map<string, RunProgress>();
  /** Runs that were made anew after the transaction of this number. */
  readonly #madeAnew = { transaction: 0, runs: new Set<string>() };

  /** @param tell told of what cannot be read and nothing mends */
  constructor(tables: Tables, tell: (damage: StoreDamage) => void) {
    this.#tables = tables;
    this.#tell = tell;
  }

  /** Finished trajectories without a verdict, by run, each with the attempt of its task. */
  awaitingScore(): ReadonlyMap<string, ReadonlyMap<string, number>> {
    return new Map([...this.#progress].map(([runId, { awaiting }]) => [runId, awaiting]));
  }

  /** How many runs are followed, and how many rows of runs are kept in memory. */
  inMemory(): { readonly runs: number; readonly rows: number } {
    return { runs: this.#progress.size, rows: keptRows(this.#tables) };
  }

  isFollowed(runId: string): boolean {
    return this.#progress.has(runId);
  }

  progressOf(runId: string): IterationProgress {
    const progress = this.#of(runId).snapshot();
    this.letGoIfSettled(runId);
    return progress;
  }

  /** @throws SegueError where the memory could not follow these notices */
  requireReadable(notices: readonly Notice[]): void {
    for (const { runId } of notices) if (!this.#progress.has(runId)) this.#restored(runId);
  }

  /** Counts what is committed. @param transaction its number: several writes, each with its notices, share one */
  follow(notices: readonly Notice[], transaction: number): void {
    const { runs } = this.#madeAnew;
    if (this.#madeAnew.transaction !== transaction) runs.clear();
    this.#madeAnew.transaction = transaction;
    for (const notice of notices) {
      const { runId } = notice;
      if (!this.#progress.has(runId)) runs.add(runId);
      const progress = this.#of(runId);
      // The tables that it was made from hold all of the transaction already.
      if (!runs.has(runId)) progress.apply(notice);
    }
  }

  /** A run that cannot be read stands as damaged and is refused; the others go on. */
  readAgain(runId: string): void {
    this.#progress.delete(runId);
    try {
      this.#of(runId);
    } catch (error) {
      const { code, rawMessage } = SegueError.from(error);
      if (code !== 'DATA_LOSS' && code !== 'NOT_FOUND') throw error;
      const detail = `${rawMessage}; its calls are refused until a snapshot is put back (segue store restore)`;
      this.#tell({ runId, what: 'progress of the run', detail, mending: 'none' });
    }
  }

  /** Whoever read of it after it was over had its rows kept once more. */
  forget(runId: string): void {
    this.#progress.delete(runId);
    letGo(this.#tables, runId);
  }

  /** A run that is over costs no memory: what is asked of it is read from the tables, as after a start. What still waits for a verdict stays. */
  letGoIfOver(runId: string): void {
    const progress = this.#progress.get(runId);
    if (progress === undefined) return;
    progress.isOver = isOver(this.#tables, runId);
    this.letGoIfSettled(runId);
  }

  /** Lets go of a run that is known to be over once nothing of it waits for a verdict. */
  letGoIfSettled(runId: string): void {
    const progress = this.#progress.get(runId);
    if (!progress?.isOver || progress.awaiting.size > 0) return;
    this.#progress.delete(runId);
    letGo(this.#tables, runId);
  }

  #of(runId: string): RunProgress {
    let progress = this.#progress.get(runId);
    if (progress === undefined) {
      progress = this.#restored(runId);
      progress.isOver = isOver(this.#tables, runId);
      this.#progress.set(runId, progress);
    }
    return progress;
  }

  #restored(runId: string): RunProgress {
    return restoreProgress(this.#tables, runId, (what, fault) => {
      this.#tell({ runId, what, detail: `${fault}; restore a snapshot (segue store restore)`, mending: 'none' });
    });
  }
}
