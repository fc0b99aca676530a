/** What the store keeps of its tables of items, row by row; plain data. Where each row lies is in ../tables.ts, what a table does in core. */
import type { CallStatistics, TableCounters } from '@segue/core';

/** Counts of calls that had to wait. */
export type WaitCounts = Omit<CallStatistics, 'waiting'>;

/** What is known of a table beside its items. */
export interface ItemTableRow {
  readonly counters: TableCounters;
  readonly insertCalls: WaitCounts;
  readonly sampleCalls: WaitCounts;
}

/** What a turn did, as the differences of the counters. */
export interface TurnReport {
  readonly table: string;
  readonly before: ItemTableRow;
  readonly after: ItemTableRow;
}

export const noWaits: WaitCounts = { waits: 0, blockedMs: 0, timeouts: 0 };

/** The row with a wait that has ended; unchanged where nobody waited. @param blockedAtMs when it began, of a clock that never jumps */
export function withWait(
  row: ItemTableRow,
  kind: 'insertCalls' | 'sampleCalls',
  blockedAtMs: number | null,
  gaveUp: boolean,
): ItemTableRow {
  if (blockedAtMs === null) return row;
  const { waits, blockedMs, timeouts } = row[kind];
  const counts: WaitCounts = {
    waits: waits + 1,
    blockedMs: blockedMs + performance.now() - blockedAtMs,
    timeouts: timeouts + (gaveUp ? 1 : 0),
  };
  return { ...row, [kind]: counts };
}
