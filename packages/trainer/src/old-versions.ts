/**
 * Removes versions that nobody needs any more: of a run that goes on, those that retention does not keep; of runs whose records are gone, all but a few; and what no
 * version points to. When a version finds no space, all of it. Which they are is told by versions-in-use.ts, retired-runs.ts and the store; call it while no version is made.
 */
import { SegueError, type TrainerConfig } from '@segue/core';
import type { TrainerMetrics } from './metrics.js';
import type { PolicyStore } from './policy-store.js';
import { type ReadsRuns, RetiredRuns } from './retired-runs.js';
import { type ReadsRun, versionsInUse } from './versions-in-use.js';

export interface OldVersionsOptions {
  readonly config: Pick<TrainerConfig, 'keepVersions'>;
  readonly log: {
    info(fields: object, message: string): void;
    warn(fields: object, message: string): void;
  };
  readonly metrics: Pick<TrainerMetrics, 'versions_retired_total'>;
  readonly replay: () => Promise<ReadsRun & ReadsRuns>;
  /** Versions of a run that evaluations have pinned. */
  readonly pinned: (runId: string) => Promise<ReadonlySet<number>>;
}

export class OldVersions {
  readonly #store: PolicyStore;
  readonly #options: OldVersionsOptions;
  readonly #retired: RetiredRuns;
  /** Runs whose versions an evaluation or a snapshot held at the last look: that may have been after their last iteration, and nobody tells when it ends. */
  readonly #owed = new Set<string>();
  /** Whether what a trainer before this one owed has been taken over. */
  #isTakenOver = false;

  constructor(store: PolicyStore, options: OldVersionsOptions) {
    this.#store = store;
    this.#options = options;
    this.#retired = new RetiredRuns(store, options.pinned);
  }

  /** After a version was made: it is there already, so that what keeps the old ones from being removed is no failure of the training. */
  async prune(runId: string): Promise<void> {
    const { replay, pinned, config, log } = this.#options;
    try {
      const { versions, isHeld } = await versionsInUse(runId, await replay(), await pinned(runId));
      await this.#owe(runId, isHeld);
      await this.#store.prune(runId, config.keepVersions, versions);
    } catch (error) {
      const { retryable, message } = SegueError.from(error);
      // What is damaged stays so, and of runs without records others look after the versions.
      await this.#owe(runId, retryable);
      log.warn({ run: runId, error: message }, 'old versions are kept for now');
    }
  }

  /** Whether `clear` would find anything. */
  async canClear(): Promise<boolean> {
    await this.#takeOver();
    if (this.#owed.size > 0 || (await this.#store.runsToSweep()).length > 0) return true;
    return (await this.#retired.versionsToKeep(await this.#options.replay())).size > 0;
  }

  /**
   * Weights of runs whose records the store has let go of, but for the last version of each, what was left lying, and what was held when a version was made and is not any more.
   */
  async clear(): Promise<void> {
    const { replay, log, metrics } = this.#options;
    await this.#takeOver();
    for (const run of await this.#store.runsToSweep()) await this.#store.sweep(run);
    for (const [run, kept] of await this.#retired.versionsToKeep(await replay())) {
      const versions = await this.#store.keepOnly(run, kept);
      if (versions === 0) continue;
      metrics.versions_retired_total.inc(versions);
      log.info(
        { run, versions, kept: [...kept] },
        'the run is over and has no records: its older versions were removed',
      );
    }
    for (const run of [...this.#owed]) await this.prune(run);
  }

  /**
   * When work has failed for want of space: the controller asks for it again, and may find some then. Versions that had to stay when the last one was made
   * may have become free since.
   */
  async makeRoom(runId: string, failure: unknown): Promise<void> {
    if (SegueError.from(failure).code !== 'RESOURCE_EXHAUSTED') return;
    await this.prune(runId);
    await this.clear().catch((error: unknown) => {
      this.#options.log.warn({ error: SegueError.from(error).message }, 'weights of old runs are kept for now');
    });
  }

  /** No run beyond these: one that was made while more versions were kept, or into which some were copied by hand, keeps them. */
  async #takeOver(): Promise<void> {
    if (this.#isTakenOver) return;
    for (const runId of await this.#store.heldRuns()) this.#owed.add(runId);
    this.#isTakenOver = true;
  }

  /** Written down for a trainer after this one. Where that fails, as on a full disk, this one knows it all the same. */
  async #owe(runId: string, isOwed: boolean): Promise<void> {
    if (isOwed === this.#owed.has(runId)) return;
    if (isOwed) this.#owed.add(runId);
    else this.#owed.delete(runId);
    try {
      await this.#store.noteHeld(runId, isOwed);
    } catch (error) {
      const { message } = SegueError.from(error);
      this.#options.log.warn({ run: runId, error: message }, 'that versions are held could not be written down');
    }
  }
}
