/**
 * Weights of runs whose records the store has let go of: the newest version stays, with those that a run that goes on may still be made from, and those that an
 * evaluation has pinned. It removes nothing itself and knows nothing of why a run is over.
 */
import { realpath } from 'node:fs/promises';
import { sep } from 'node:path';
import type { Client } from '@segue/bus';
import { isOver, type ReplayApi, type RunRecord, SegueError } from '@segue/core';
import type { PolicyStore } from './policy-store.js';

export type ReadsRuns = Pick<Client<ReplayApi>, 'listRuns' | 'getIteration' | 'getStatistics'>;

export class RetiredRuns {
  readonly #store: PolicyStore;
  readonly #pinned: (runId: string) => Promise<ReadonlySet<number>>;
  /** Found without records at a look before; while the store's count stays, no others can be. */
  #found: ReadonlySet<string> = new Set();
  #foundOf = 0;

  /** @param pinned versions of a run that evaluations have pinned */
  constructor(store: PolicyStore, pinned: (runId: string) => Promise<ReadonlySet<number>>) {
    this.#store = store;
    this.#pinned = pinned;
  }

  /** Versions to keep, by run, of every run that is over for good and has weights here that are not kept. */
  async versionsToKeep(replay: ReadsRuns): Promise<ReadonlyMap<string, ReadonlySet<number>>> {
    const kept = new Map<string, ReadonlySet<number>>();
    const { runs } = await replay.listRuns({});
    const over = await this.#withOldVersions(runs.filter(isOver));
    const [first] = over;
    if (first === undefined) return kept;
    const { runsRetired } = await replay.getStatistics({ runId: first });
    if (runsRetired === 0) return kept;
    const isKnown = runsRetired === this.#foundOf;
    const found = new Set<string>();
    for (const runId of over) {
      if (isKnown && !this.#found.has(runId)) continue;
      if (!(await hasRecords(replay, runId))) found.add(runId);
    }
    this.#found = found;
    this.#foundOf = runsRetired;
    if (found.size === 0) return kept;
    const sources = await Promise.all(runs.filter((run) => !isOver(run)).map((run) => sourceOf(this.#store, run)));
    for (const runId of found) {
      // It may have been over only after a snapshot was begun that names a version of it; a later look finds it again.
      if ((await replay.getStatistics({ runId })).heldFromIteration !== null) continue;
      const versions = await this.#store.versions(runId);
      const named = sources.flatMap((source) => (source?.runId === runId ? [source.version] : []));
      const stay = new Set([...versions.slice(-1), ...named, ...(await this.#pinned(runId))]);
      if (versions.some((version) => !stay.has(version))) kept.set(runId, stay);
    }
    return kept;
  }

  /** Those of these runs with more than the newest version. */
  async #withOldVersions(runs: readonly RunRecord[]): Promise<string[]> {
    const over = new Set(runs.map(({ id }) => id));
    const ids: string[] = [];
    for (const runId of await this.#store.runs()) {
      if (over.has(runId) && (await this.#store.versions(runId)).length > 1) ids.push(runId);
    }
    return ids;
  }
}

/** A run that is over without an iteration has let go of them, or never had one and no version beyond the first. */
async function hasRecords(replay: ReadsRuns, runId: string): Promise<boolean> {
  try {
    await replay.getIteration({ runId, iteration: null });
    return true;
  } catch (error) {
    if (SegueError.from(error).code === 'NOT_FOUND') return false;
    throw error;
  }
}

interface Source {
  readonly runId: string;
  readonly version: number;
}

/** The version of this store that a run's configuration names as its start; null when it names none. */
async function sourceOf(store: PolicyStore, { configJson }: RunRecord): Promise<Source | null> {
  const { policy }: { readonly policy?: { readonly from?: unknown } } = JSON.parse(configJson);
  const from = policy?.from;
  if (typeof from !== 'string') return null;
  const named = /^run:([a-z0-9][a-z0-9-]*)@(\d+)$/.exec(from);
  if (named) return { runId: named[1] ?? '', version: Number(named[2]) };
  // A folder may lie in this store too, under any name.
  const [root, folder] = await Promise.all([store.root, from].map((path) => realpath(path).catch(() => null)));
  if (!root || !folder?.startsWith(root + sep)) return null;
  const runId = folder.slice(root.length + 1).split(sep)[0] ?? '';
  for (const version of await store.versions(runId)) {
    if ((await realpath(store.folder(runId, version)).catch(() => null)) === folder) return { runId, version };
  }
  return null;
}
