/** How the command calls the runs that it starts: `<base>-<n>`. */
import type { RunView } from '@segue/core';

/** Whether a run is called `<base>-<n>`. */
export function isNumbered(runId: string, base: string): boolean {
  const prefix = `${base}-`;
  return runId.startsWith(prefix) && /^\d+$/.test(runId.slice(prefix.length));
}

/** A free run id: `<base>-<n>` with the smallest n from 1 that no run has. */
export function nextRunId(runs: readonly RunView[], base: string): string {
  const taken = new Set(runs.map((r) => r.id));
  let n = 1;
  while (taken.has(`${base}-${n}`)) n += 1;
  return `${base}-${n}`;
}
