/**
 * A table of items in memory, with what is counted beside its items: read from its rows when it is needed, and written as changes. When changes
 * did not reach the disk it is told to read again. It knows nothing of calls, nor of when they are served.
 */
import { type ItemTable, noTableCounts, type StoreDamage, type TableRules } from '@segue/core';
import type { Tables } from '../tables.js';
import type { Changes } from './changes.js';
import { type ItemTableRow, noWaits, withWait } from './item-rows.js';
import { loadTable } from './load-table.js';

export interface TableMemoryOptions {
  readonly runId: string;
  readonly name: string;
  readonly rules: TableRules;
  readonly tables: Tables;
  /** Told of records that were lost. */
  readonly onDamage: (damage: StoreDamage) => void;
}

export class TableMemory {
  readonly #options: TableMemoryOptions;
  #row: ItemTableRow | null = null;
  #table: ItemTable | null = null;
  /** Sequences whose rows cannot be read: the next write takes them off the disk. */
  #lost: readonly number[] = [];

  constructor(options: TableMemoryOptions) {
    this.#options = options;
  }

  /** Nothing of it is to be taken off the disk. */
  get isWhole(): boolean {
    return this.#table === null || this.#lost.length === 0;
  }

  /** null: to be read. */
  get known(): ItemTable | null {
    return this.#table;
  }

  /** What is counted beside the items. */
  get row(): ItemTableRow {
    const { insertCalls = noWaits, sampleCalls = noWaits } = this.#row ?? {};
    return { counters: this.#table?.counters ?? noTableCounts, insertCalls, sampleCalls };
  }

  /** @throws SegueError when its rows cannot be read */
  load(): ItemTable {
    if (this.#table !== null) return this.#table;
    const { table, row, lost } = loadTable(this.#options);
    // Waits that were counted since are kept: they are not the disk's.
    this.#row ??= row;
    this.#lost = lost;
    this.#table = table;
    return table;
  }

  /** Forgets what it knows of the disk. */
  readAgain(): void {
    this.#table = null;
  }

  /** Counts a wait that has ended; written with the next changes. @param blockedAtMs null: nobody waited */
  countWait(kind: 'insertCalls' | 'sampleCalls', blockedAtMs: number | null, gaveUp: boolean): void {
    this.#row = withWait(this.row, kind, blockedAtMs, gaveUp);
  }

  /** What the next write has to change in any case. */
  owedChanges(): Changes {
    return new Map(this.#lost.map((sequence) => [sequence, null]));
  }

  /** Inside a transaction. */
  write(changes: Changes): void {
    const { tables, runId, name } = this.#options;
    for (const [sequence, item] of changes) {
      if (item === null) tables.items.remove([runId, name, sequence]);
      else tables.items.put([runId, name, sequence], item);
    }
    tables.itemTables.put([runId, name], this.row);
  }

  /** What was written is on the disk. */
  committed(): void {
    this.#lost = [];
  }
}
