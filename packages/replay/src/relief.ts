/**
 * Which writes a store takes that has its limit: those that remove rows, those that bring a run to rest, and mends, which write in the place of what was lost. What a
 * full disk refuses is none of its business.
 */
import { isAtRest, type RunState, runStates } from '@segue/core';

/** A write that a full store takes. */
export const relief = { relieves: true };

/** Whether the event tells that a run comes to rest, as it is told before the run's record says so. */
export function tellsOfRest({ kind, bodyJson }: { readonly kind: string; readonly bodyJson: string }): boolean {
  if (kind !== 'state') return false;
  const state = stateIn(bodyJson);
  return state !== null && isAtRest({ state });
}

/** null: the body names no state of a run. */
function stateIn(bodyJson: string): RunState | null {
  try {
    const body: unknown = JSON.parse(bodyJson);
    if (typeof body !== 'object' || body === null || !('state' in body)) return null;
    const { state } = body;
    return runStates.find((name) => name === state) ?? null;
  } catch {
    // Whoever wrote it may write what they like into it.
    return null;
  }
}
