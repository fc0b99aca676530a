/** A run with judged trajectories in complete groups, and a store with tables over it. */
import { type TableRules, tablesSchema } from '@segue/core';
import type { ReplayStore, StoreOptions } from '@segue/replay';
import { addRun, finish, member, open, openStore, runId } from './fixtures.js';

export const groupSize = 4;

export function storeWith(folder: string, tables: object, options: Partial<StoreOptions> = {}): ReplayStore {
  const rules: Record<string, TableRules> = tablesSchema.parse(tables);
  return openStore(folder, { itemTables: { rules, maxWaitingCalls: 8 }, ...options });
}

/** Groups 0 to `groups` - 1 of four trajectories each, all judged. */
export async function addJudged(store: ReplayStore, groups: number): Promise<void> {
  await addRun(store, groups);
  await open(store, 0, { groups: Array.from({ length: groups }, (_, group) => [group, groupSize] as const) });
  for (let group = 0; group < groups; group++) {
    for (let index = 0; index < groupSize; index++) await finish(store, member(group, index), index % 2);
  }
}

/** An item for the n-th trajectory. */
export function itemOf(n: number, priority = 1) {
  return { key: '', ref: member(Math.floor(n / groupSize), n % groupSize), priority };
}

export const refOf = (table: string) => ({ runId, table });
/** Answered at the next turn or refused. */
export const atOnce = { waitMs: 0 };
/** Longer than anything here takes. */
export const patiently = { waitMs: 60_000 };
