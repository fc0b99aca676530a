/**
 * Which runs are at rest, which are over, and which a store lets go of: those that are over, beyond the newest few, once they have rested for a while. Pure. What is removed of a run, and how, is the
 * store's business.
 */
import type { RunState } from './records.js';

export interface RetentionRules {
  /** Runs that are over whose records are kept, the newest; null: all. */
  readonly finishedRuns: number | null;
  /** Kept at least for so long after the last that happened in it. */
  readonly minAgeHours: number;
}

export interface RestingRun {
  readonly id: string;
  readonly state: RunState;
  /** Unix time of the last that happened in it. */
  readonly restedAtMs: number;
}

const hourMs = 3_600_000;

/** Nothing happens in it until somebody begins it or goes on with it. */
export function isAtRest({ state }: { readonly state: RunState }): boolean {
  return state !== 'created' && state !== 'running';
}

/** Nothing will ever be done in it again; one that failed or is paused may be resumed. */
export function isOver({ state }: { readonly state: RunState }): boolean {
  return state === 'finished' || state === 'stopped';
}

/** Ids, the oldest first. */
export function runsToRetire(
  runs: readonly RestingRun[],
  { finishedRuns, minAgeHours }: RetentionRules,
  nowMs: number,
): string[] {
  if (finishedRuns === null) return [];
  const newestFirst = runs
    .filter(isOver)
    .sort((a, b) => b.restedAtMs - a.restedAtMs || (a.id < b.id ? -1 : Number(a.id > b.id)));
  return newestFirst
    .slice(finishedRuns)
    .filter(({ restedAtMs }) => nowMs - restedAtMs >= minAgeHours * hourMs)
    .map(({ id }) => id)
    .reverse();
}
