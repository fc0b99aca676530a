/**
 * Weights of runs whose records the store has let go of: the newest version stays, with those that a run that goes on may still be made from, and those that an
 * evaluation has pinned. It removes nothing itself and knows nothing of why a run is over.
 */
import { realpath } from 'node:fs/promises';
import { sep } from 'node:path';
import type { Client } from '@segue/bus';
import { isOver, type ReplayApi, type RunRecord, SegueError } from '@segue/core';
import type { PolicyStore } from './policy-store.js';

type ReadsRuns = Pick<Client<ReplayApi>, 'listRuns' | 'getIteration'>;

/** Versions to keep, by run, of every run that has weights here and is over for good. */
export async function versionsOfRetired(
  store: PolicyStore,
  replay: ReadsRuns,
  pinned: (runId: string) => Promise<ReadonlySet<number>>,
): Promise<ReadonlyMap<string, ReadonlySet<number>>> {
  const { runs } = await replay.listRuns({});
  const sources = await Promise.all(runs.filter((run) => !isOver(run)).map((run) => sourceOf(store, run)));
  const records = new Map(runs.map((run) => [run.id, run]));
  const kept = new Map<string, ReadonlySet<number>>();
  for (const runId of await store.runs()) {
    const run = records.get(runId);
    if (run === undefined || !isOver(run) || (await hasRecords(replay, runId))) continue;
    const newest = (await store.versions(runId)).at(-1);
    const named = sources.flatMap((source) => (source?.runId === runId ? [source.version] : []));
    kept.set(runId, new Set([...(newest === undefined ? [] : [newest]), ...named, ...(await pinned(runId))]));
  }
  return kept;
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
