/** When a run costs no memory any more, and what of its rows is in memory. It knows nothing of what is counted beside the rows (progress.ts). */
import { SegueError } from '@segue/core';
import { find } from './find.js';
import { newestIteration } from './iterations.js';
import { Table, type Tables } from './tables.js';

/**
 * Whether a run has ended for good, so that nothing of it is counted any more: one that was stopped never goes on, whatever its last iteration has come to; of
 * one that is finished the last iteration is committed. What cannot be read is not over.
 */
export function isOver(tables: Tables, runId: string): boolean {
  const state = find(tables.runs, [runId]).row?.state;
  if (state === 'stopped') return true;
  if (state !== 'finished') return false;
  try {
    return newestIteration(tables, runId)?.progress !== null;
  } catch (error) {
    if (SegueError.from(error).code !== 'DATA_LOSS') throw error;
    return false;
  }
}

/** Whatever keeps rows, so that none is forgotten. */
function keeping(tables: Tables) {
  return Object.values(tables).filter((table) => table instanceof Table);
}

/** Rows in memory, of all runs. */
export function keptRows(tables: Tables): number {
  return keeping(tables).reduce((sum, table) => sum + table.keptRows, 0);
}

/** Keeps no row of the run in memory. */
export function letGo(tables: Tables, runId: string): void {
  for (const table of keeping(tables)) table.letGo(runId);
}
