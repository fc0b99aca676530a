/** The marks of runs whose records were let go of. Who lets go of them is retire.ts. */
import { SegueError } from '@segue/core';
import type { Tables } from './tables.js';

export function isRetired(tables: Tables, runId: string): boolean {
  return tables.retired.has([runId]);
}

export function countRetired(tables: Tables): number {
  return tables.retired.keys([]).length;
}

/** @throws SegueError FAILED_PRECONDITION for a write into a run whose records are gone */
export function requireRecords(tables: Tables, runId: string): void {
  if (!isRetired(tables, runId)) return;
  const message = `run ${runId} is over and its records were removed (retention.finishedRuns): choose another run`;
  throw new SegueError('FAILED_PRECONDITION', message);
}
