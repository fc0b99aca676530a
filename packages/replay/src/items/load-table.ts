/**
 * Reads a table from its rows. Items whose rows cannot be read are left out, counted as removed and told: a client inserts them again or does without, and
 * the others can be sampled meanwhile.
 */
import { ItemTable, noTableCounts, type StoreDamage, type TableItem, type TableRules } from '@segue/core';
import { find } from '../find.js';
import type { Tables } from '../tables.js';
import type { ItemTableRow } from './item-rows.js';

export interface LoadOptions {
  readonly runId: string;
  readonly name: string;
  readonly rules: TableRules;
  readonly tables: Tables;
  readonly onDamage: (damage: StoreDamage) => void;
}

export interface LoadedTable {
  readonly table: ItemTable;
  /** null: a new table, or its counts are lost. */
  readonly row: ItemTableRow | null;
  /** Sequences of the items whose rows cannot be read. */
  readonly lost: readonly number[];
}

export function loadTable({ runId, name, rules, tables, onDamage }: LoadOptions): LoadedTable {
  const damaged = (what: string, detail: string) => onDamage({ runId, what, detail, mending: 'rebuilt' });
  const counted = find(tables.itemTables, [runId, name]);
  if (tables.itemTables.has([runId, name]) && counted.row === null) {
    damaged(`item ${name}`, `${counted.fault}: its table counts anew`);
  }
  const items: TableItem[] = [];
  const lost: number[] = [];
  for (const key of tables.items.keys([runId, name])) {
    const { row, fault } = find(tables.items, key);
    if (row !== null) items.push(row);
    else {
      lost.push(Number(key[2]));
      damaged(`item ${name} ${key[2]}`, `${fault}: it is taken out of its table`);
    }
  }
  const counters = counted.row?.counters ?? noTableCounts;
  const { stale = 0 } = counters.removed;
  const removed = { ...counters.removed, stale: stale + lost.length };
  return { table: new ItemTable(rules, `${runId}/${name}`, items, { ...counters, removed }), row: counted.row, lost };
}
