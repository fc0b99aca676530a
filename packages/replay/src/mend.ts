/**
 * Goes through a run's records step by step, tells what is damaged and how it is mended: the work is run again from the last good record, what follows
 * from other records is made anew, and what nothing can bring back is named with what to do. Steps are small, so that a service can answer in between.
 * What is wrong is found in examine.ts; the rules are in mend-rules.ts.
 */
import { groupId as makeGroupId, type StoreDamage } from '@segue/core';
import { countIterations, examineGroup, groupIndexes, readableIterations } from './examine.js';
import { find } from './find.js';
import { groupIndexOf } from './iterations.js';
import { isHistory, rebuiltPlan, type SpanRules, unfrozen } from './mend-rules.js';
import { hasSoundIndexes, recount } from './recount.js';
import type { TrajectoryRow } from './rows.js';
import { type Key, type Tables, trajectoryKey } from './tables.js';

/** `live`: what a run still needs in order to go on; `all`: its history too. */
export type Scope = 'live' | 'all';

/** One step. */
export interface Examined {
  readonly records: number;
  readonly damages: readonly StoreDamage[];
  /** Mends it; inside a transaction. null: there is nothing to mend. */
  readonly mend: (() => void) | null;
}

const restore = 'restore a snapshot (segue store restore)';

export function* examineRun(tables: Tables, runId: string, rules: SpanRules, scope: Scope): Generator<Examined> {
  const damage = (what: string, detail: string, mending: StoreDamage['mending']): StoreDamage => ({
    runId,
    what,
    detail,
    mending,
  });
  let isMended = false;
  const step = (records: number, damages: readonly StoreDamage[], mend: (() => void) | null): Examined => {
    if (mend === null) return { records, damages, mend };
    isMended = true;
    // Whoever stops before the last step owes it: the mark is settled at the end of a pass, or at the next start.
    const mendOwing = () => {
      mend();
      tables.recounts.put([runId], 1);
    };
    return { records, damages, mend: mendOwing };
  };
  for (const index of groupIndexes(tables, runId)) {
    const group = find(tables.groups, [runId, index]).row;
    if (scope === 'live' && group !== null && isHistory(group)) continue;
    const { damages, records } = examineGroup(tables, runId, index);
    const canMend = damages.some(({ mending }) => mending !== 'none');
    yield step(records, damages, canMend ? () => mendGroup(tables, runId, index) : null);
  }
  const last = countIterations(tables, runId) - 1;
  for (let planned = 0; planned <= last; planned++) {
    const key = [runId, planned];
    const iteration = find(tables.iterations, key);
    const plan = find(tables.plans, key);
    const damages: StoreDamage[] = [];
    if (iteration.fault !== null)
      damages.push(damage(`iteration ${planned}`, `${iteration.fault}; ${restore}`, 'none'));
    if (plan.fault !== null) damages.push(damage(`plan of iteration ${planned}`, plan.fault, 'rebuilt'));
    const mendPlan = () => {
      const trajectories = planned === last ? [...readableTrajectories(tables, runId)] : [];
      tables.plans.put(key, rebuiltPlan(planned, trajectories, rules));
    };
    yield step(2, damages, plan.fault === null ? null : mendPlan);
  }
  if (scope === 'all') yield* examineLists(tables, runId, damage, step);
  const counters = find(tables.counters, [runId]);
  const tallies = tables.problemTallies.keys([runId]).filter((key) => find(tables.problemTallies, key).fault !== null);
  const isOwed = isMended || tables.recounts.has([runId]);
  const isSound =
    !isOwed && counters.fault === null && tallies.length === 0 && hasSoundIndexes(tables, runId, scope === 'all');
  const isUntouched = counters.fault === 'is missing' && tables.problems.keys([runId], { limit: 1 }).length === 0;
  const damages =
    isSound || isMended || isUntouched
      ? []
      : [damage('counters and indexes', 'are not those of the records', 'rebuilt')];
  yield { records: 1, damages, mend: isOwed || damages.length > 0 ? () => recount(tables, runId) : null };
}

/** Problems, batches and events, lists without a gap; and the items of tables, which clients keep. */
function* examineLists(
  tables: Tables,
  runId: string,
  damage: (what: string, detail: string, mending: StoreDamage['mending']) => StoreDamage,
  step: (records: number, damages: readonly StoreDamage[], mend: (() => void) | null) => Examined,
): Generator<Examined> {
  for (const key of tables.problems.keys([runId])) {
    const { row, fault } = find(tables.problems, key);
    if (row === null) yield step(1, [damage(`problem at ${key[1]}`, `${fault}; ${restore}`, 'none')], null);
    else if (find(tables.problemPositions, [runId, row.id]).row === key[1]) yield step(1, [], null);
    else {
      const mend = () => tables.problemPositions.put([runId, row.id], Number(key[1]));
      yield step(1, [damage(`position of problem ${row.id}`, 'is not that of the problem', 'rebuilt')], mend);
    }
  }
  for (const key of tables.batches.keys([runId])) {
    const { fault } = find(tables.batches, key);
    const lost = `${fault}: submitting it again is refused; ${restore}`;
    yield step(1, fault === null ? [] : [damage(`batch ${key[1]}`, lost, 'none')], null);
  }
  for (const key of tables.items.keys([runId])) {
    const { fault } = find(tables.items, key);
    const what = `item ${key.slice(1).join(' ')}`;
    if (fault === null) yield step(1, [], null);
    else
      yield step(1, [damage(what, `${fault}: it is taken out of its table`, 'rebuilt')], () => dropItem(tables, key));
  }
  for (const key of tables.itemTables.keys([runId])) {
    const { fault } = find(tables.itemTables, key);
    const mend = () => tables.itemTables.remove(key);
    if (fault === null) yield step(1, [], null);
    else yield step(1, [damage(`item ${key[1]}`, `${fault}: its table counts anew`, 'rebuilt')], mend);
  }
  const counted = find(tables.counters, [runId]).row?.events ?? 0;
  const last = Math.max(counted, Number(tables.events.lastKey([runId])?.[1] ?? 0));
  for (let sequence = 1; sequence <= last; sequence++) {
    const { fault } = find(tables.events, [runId, sequence]);
    const lost = { sequence, kind: 'lost', bodyJson: '{}', atMs: 0 };
    const mend = () => tables.events.put([runId, sequence], lost);
    if (fault === null) yield step(1, [], null);
    else yield step(1, [damage(`event ${sequence}`, `${fault}: it is told as lost`, 'rebuilt')], mend);
  }
  for (const key of tables.eventKeys.keys([runId])) {
    const { fault } = find(tables.eventKeys, key);
    const mend = () => tables.eventKeys.remove(key);
    if (fault !== null)
      yield step(1, [damage(`key of an event ${key[1]}`, `${fault}: it may be told twice`, 'rebuilt')], mend);
  }
}

/** Takes an item out and counts it as removed. */
function dropItem(tables: Tables, key: Key): void {
  const table = key.slice(0, 2);
  const { row } = find(tables.itemTables, table);
  if (find(tables.items, key).row !== null) return;
  tables.items.remove(key);
  if (row === null) return;
  const { removed } = row.counters;
  const counters = { ...row.counters, removed: { ...removed, stale: (removed.stale ?? 0) + 1 } };
  tables.itemTables.put(table, { ...row, counters });
}

function* readableTrajectories(tables: Tables, runId: string): Generator<TrajectoryRow> {
  for (const key of tables.trajectories.keys([runId])) {
    const { row } = find(tables.trajectories, key);
    if (row !== null) yield row;
  }
}

/** Looks again, since others may have written meanwhile, and writes what is mended. */
function mendGroup(tables: Tables, runId: string, index: number): void {
  const { group, members } = examineGroup(tables, runId, index);
  const newest = readableIterations(tables, runId).at(-1);
  for (const { row, firstBad } of members) {
    const key = trajectoryKey(row.id);
    tables.trajectories.put(key, row);
    for (const table of [tables.segments, tables.tokens]) {
      for (const old of table.keys(key)) if (Number(old[3]) >= firstBad) table.remove(old);
    }
    if (newest?.state === 'open') planFrom(tables, runId, newest.iteration, row);
  }
  if (group === null) return;
  tables.groups.put([runId, index], group);
  const isCut = group.state === 'open' && newest?.state === 'frozen';
  if (!isCut || !newest.batchGroupIds.includes(makeGroupId(runId, index))) return;
  for (const other of newest.batchGroupIds) {
    const { row } = find(tables.groups, [runId, groupIndexOf(other)]);
    if (row?.state === 'frozen') tables.groups.put([runId, row.index], { ...row, state: 'complete' });
  }
  tables.iterations.put([runId, newest.iteration], unfrozen(newest));
}

/** The open plan's task goes on where its trajectory now stands. */
function planFrom(tables: Tables, runId: string, iteration: number, trajectory: TrajectoryRow): void {
  const { id, segmentCount, lastIteration, state } = trajectory;
  const hasItsSegment = segmentCount > 0 && lastIteration === iteration;
  const { row: tasks } = find(tables.plans, [runId, iteration]);
  if (tasks === null || hasItsSegment || (state !== 'pending' && state !== 'unfinished')) return;
  const moved = tasks.map((task) => (task.trajectoryId === id ? { ...task, segmentIndex: segmentCount } : task));
  tables.plans.put([runId, iteration], moved);
}
