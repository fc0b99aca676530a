/**
 * Lets go of the records of a run that is over: first the run is marked, then its rows go, a bounded number in a transaction, so that others are served in
 * between and a process that is killed goes on where it was. What stays is small: the run's row with its configuration, its counters, and the mark. Which runs
 * go is core's rule.
 */
import type { RestingRun } from '@segue/core';
import { removeLettersOf } from './dead-letters.js';
import { find } from './find.js';
import type { WriteContext } from './iterations.js';
import { isRetired } from './retired.js';
import { runIds } from './runs.js';
import type { Table, Tables } from './tables.js';

/** Everything that a run may have many rows of. What leads to other rows goes before them, so that whoever reads meanwhile finds a thing whole or not at all. */
function tablesOf(tables: Tables): readonly Table<unknown>[] {
  const { iterations, plans, groups, trajectories, segments, tokens } = tables;
  const { problems, problemPositions, problemTallies, batches, events, eventKeys } = tables;
  const { unfinished, awaiting, complete, items, itemTables, fills, recounts } = tables;
  return [
    ...[iterations, plans, unfinished, awaiting, complete, groups, trajectories, segments, tokens],
    ...[problems, problemPositions, problemTallies, batches, events, eventKeys],
    ...[items, itemTables, fills, recounts],
  ];
}

/** Runs whose records are there. One that cannot be read is left out, and one of which nothing says how old it is: it stands as damaged. */
export function restingRuns(tables: Tables): RestingRun[] {
  return runIds(tables).flatMap((id) => {
    if (isRetired(tables, id)) return [];
    const run = find(tables.runs, [id]).row;
    if (run === null) return [];
    const restedAtMs = lastAtMs(tables, id, run.createdAtMs);
    return restedAtMs === null ? [] : [{ id, state: run.state, restedAtMs }];
  });
}

/** When the newest of its events happened of which that can be read; null when of none. */
function lastAtMs(tables: Tables, runId: string, createdAtMs: number): number | null {
  const last = Number(tables.events.lastKey([runId])?.[1] ?? 0);
  for (let sequence = last; sequence > 0; sequence--) {
    const atMs = find(tables.events, [runId, sequence]).row?.atMs ?? 0;
    // One that was lost, and told as that, has no time.
    if (atMs > 0) return atMs;
  }
  return last === 0 ? createdAtMs : null;
}

/** From now on it has no records for anybody. */
export function markRetired({ tables, nowMs }: WriteContext, runId: string): void {
  tables.retired.put([runId], { atMs: nowMs, isDone: false });
}

/** Runs that were marked, and still have rows. */
export function unfinishedRetirements(tables: Tables): string[] {
  return tables.retired.keys([]).flatMap(([id]) => {
    const isDone = find(tables.retired, [String(id)]).row?.isDone ?? false;
    return isDone ? [] : [String(id)];
  });
}

/** Removes rows of a marked run, at most `max` and its dead letters; answers how many. With none left it is done. */
export function removeSome(context: WriteContext, runId: string, max: number): number {
  const { tables } = context;
  let left = max;
  for (const table of tablesOf(tables)) {
    const keys = table.keys([runId], { limit: left });
    for (const key of keys) table.remove(key);
    left -= keys.length;
    if (left === 0) return max;
  }
  removeLettersOf(tables, runId);
  tables.retired.put([runId], { atMs: find(tables.retired, [runId]).row?.atMs ?? context.nowMs, isDone: true });
  return max - left;
}
