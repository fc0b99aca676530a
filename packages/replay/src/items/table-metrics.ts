/** Metrics of the tables, by table: names come from the configuration, so that there are only so many. */
import { removalReasons } from '@segue/core';
import type { Metrics, MetricTable } from '@segue/service';
import type { TurnReport } from './item-rows.js';
import type { ItemTables } from './item-tables.js';

const tableMetricTable = {
  table_items: { type: 'gauge', help: 'Items in the tables in use', labels: ['table'] },
  table_waiting_calls: { type: 'gauge', help: 'Calls that wait', labels: ['table', 'call'] },
  table_inserts_total: { type: 'counter', help: 'Items inserted', labels: ['table'] },
  table_samples_total: { type: 'counter', help: 'Items drawn', labels: ['table'] },
  table_priority_updates_total: { type: 'counter', help: 'Priorities changed', labels: ['table'] },
  table_removed_total: { type: 'counter', help: 'Items removed, by reason', labels: ['table', 'reason'] },
  table_failed_fills_total: { type: 'counter', help: 'Items that could not be filled in yet', labels: ['table'] },
  table_waits_total: { type: 'counter', help: 'Calls that had to wait', labels: ['table', 'call'] },
  table_blocked_seconds_total: { type: 'counter', help: 'Time that calls waited', labels: ['table', 'call'] },
  table_timeouts_total: { type: 'counter', help: 'Calls that waited in vain', labels: ['table', 'call'] },
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

export function defineTableMetrics(registry: Metrics): TableMetrics {
  const metrics = registry.define(tableMetricTable);
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
