/** Metrics of the tables, by table: names come from the configuration, so that there are only so many. */
import { removalReasons } from '@segue/core';
import type { Metrics, MetricTable } from '@segue/service';
import type { TurnReport } from './item-rows.js';
import type { ItemTables } from './item-tables.js';

export const tableMetricTable = {
  table_items: { type: 'gauge', unit: 'count', help: 'Items in the tables in use', labels: { table: null } },
  table_waiting_calls: { type: 'gauge', unit: 'count', help: 'Calls that wait', labels: { table: null, call: null } },
  table_inserts_total: { type: 'counter', unit: 'count', help: 'Items inserted', labels: { table: null } },
  table_samples_total: { type: 'counter', unit: 'count', help: 'Items drawn', labels: { table: null } },
  table_priority_updates_total: { type: 'counter', unit: 'count', help: 'Priorities changed', labels: { table: null } },
  table_removed_total: {
    type: 'counter',
    unit: 'count',
    help: 'Items removed, by reason',
    labels: { table: null, reason: null },
  },
  table_failed_fills_total: {
    type: 'counter',
    unit: 'count',
    help: 'Items that could not be filled in yet',
    labels: { table: null },
  },
  table_waits_total: {
    type: 'counter',
    unit: 'count',
    help: 'Calls that had to wait',
    labels: { table: null, call: null },
  },
  table_blocked_seconds_total: {
    type: 'counter',
    unit: 'seconds',
    help: 'Time that calls waited',
    labels: { table: null, call: null },
  },
  table_timeouts_total: {
    type: 'counter',
    unit: 'count',
    help: 'Calls that waited in vain',
    labels: { table: null, call: null },
  },
} as const satisfies MetricTable;

export interface TableMetrics {
  /** Counts what a turn did. */
  count(report: TurnReport): void;
  countFailedFill(table: string): void;
  /** Measures what is there now. */
  measure(items: ItemTables): void;
}

const kinds = [
  ['insert', 'insertCalls'],
  ['sample', 'sampleCalls'],
] as const;

/** @param tables that are configured: their series begin at 0 */
export function defineTableMetrics(registry: Metrics, tables: readonly string[]): TableMetrics {
  const metrics = registry.define(tableMetricTable);
  for (const table of tables) {
    metrics.table_items.set({ table }, 0);
    metrics.table_inserts_total.inc({ table }, 0);
    metrics.table_samples_total.inc({ table }, 0);
    metrics.table_priority_updates_total.inc({ table }, 0);
    metrics.table_failed_fills_total.inc({ table }, 0);
    for (const reason of removalReasons) metrics.table_removed_total.inc({ table, reason }, 0);
    for (const [call] of kinds) {
      metrics.table_waiting_calls.set({ table, call }, 0);
      metrics.table_waits_total.inc({ table, call }, 0);
      metrics.table_blocked_seconds_total.inc({ table, call }, 0);
      metrics.table_timeouts_total.inc({ table, call }, 0);
    }
  }
  return {
    count({ table, before, after }) {
      const [old, now] = [before.counters, after.counters];
      metrics.table_inserts_total.inc({ table }, now.inserts - old.inserts);
      metrics.table_samples_total.inc({ table }, now.samples - old.samples);
      metrics.table_priority_updates_total.inc({ table }, now.priorityUpdates - old.priorityUpdates);
      for (const reason of removalReasons) {
        metrics.table_removed_total.inc({ table, reason }, now.removed[reason] - old.removed[reason]);
      }
      for (const [call, key] of kinds) {
        metrics.table_waits_total.inc({ table, call }, after[key].waits - before[key].waits);
        metrics.table_blocked_seconds_total.inc({ table, call }, (after[key].blockedMs - before[key].blockedMs) / 1000);
        metrics.table_timeouts_total.inc({ table, call }, after[key].timeouts - before[key].timeouts);
      }
    },
    countFailedFill(table) {
      metrics.table_failed_fills_total.inc({ table });
    },
    measure(items) {
      for (const [table, ofRuns] of items.sizes()) {
        metrics.table_items.set(
          { table },
          ofRuns.reduce((sum, { size }) => sum + size, 0),
        );
        for (const [call, key] of kinds) {
          metrics.table_waiting_calls.set(
            { table, call },
            ofRuns.reduce((sum, of) => sum + of[key].waiting, 0),
          );
        }
      }
    },
  };
}
