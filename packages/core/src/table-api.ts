/**
 * The store's tables as a service: every RPC of segue.v1.ReplayTables in core's words. What each call does is in
 * protos/segue/v1/tables.proto, what a table does in item-table/.
 */
import type { ServerStream, Unary } from './api.js';
import type { CompleteGroup, Trajectory } from './domain.js';
import type { RemovalReason, TableItem } from './item-table/item-table.js';

/** A table of one run. */
export interface TableRef {
  readonly runId: string;
  readonly table: string;
}

/** An item to insert; `key` is `ref` where it is left empty. */
export interface ItemInput {
  readonly key: string;
  readonly ref: string;
  readonly priority: number;
}

export interface InsertResult {
  /** Items of the call that are in the table or were found there, from the first on. */
  readonly accepted: number;
  /** Of these, items whose key was there already: nothing was changed. */
  readonly repeated: number;
  /** Why the others were not inserted in time; empty when all were. */
  readonly waitedFor: string;
}

/** One sample. */
export interface SampledItem {
  /** As it was when it was drawn, this time counted. */
  readonly item: TableItem;
  /** Of this draw, among `tableSize` items. */
  readonly probability: number;
  readonly tableSize: number;
  /** Whether this draw used it up. */
  readonly removed: boolean;
  /** What it stands for, where it was asked for: one of the two. */
  readonly trajectory: Trajectory | null;
  readonly group: CompleteGroup | null;
}

/** A table's counts since it was made, and who waits at it now. */
export interface TableStatistics {
  readonly table: string;
  readonly size: number;
  readonly inserts: number;
  readonly samples: number;
  readonly priorityUpdates: number;
  readonly removedByReason: Readonly<Partial<Record<RemovalReason | 'consumed' | 'filtered', number>>>;
  readonly insertCalls: CallStatistics;
  readonly sampleCalls: CallStatistics;
}

/** Calls that had to wait. */
export interface CallStatistics {
  /** Calls that did not get everything at once, and how long these waited, together. */
  readonly waits: number;
  readonly blockedMs: number;
  /** Of these, calls that gave up. */
  readonly timeouts: number;
  /** At this moment. */
  readonly waiting: number;
}

export interface TableDescription {
  readonly table: string;
  /** JSON of its rules as configured; empty for `training`. */
  readonly rulesJson: string;
}

/** segue.v1.ReplayTables */
export interface TablesApi {
  listTables: Unary<Record<never, never>, { tables: readonly TableDescription[] }>;
  insertItems: Unary<TableRef & { items: readonly ItemInput[]; waitMs: number }, InsertResult>;
  sampleItems: ServerStream<TableRef & { count: number; waitMs: number; withData: boolean }, SampledItem>;
  updatePriorities: Unary<
    TableRef & { updates: readonly { key: string; priority: number }[] },
    { updated: number; missing: readonly string[] }
  >;
  removeItems: Unary<TableRef & { keys: readonly string[] }, { removed: number }>;
  getTableStatistics: Unary<TableRef, TableStatistics>;
}
