/**
 * One pass of retention: marks the runs that the rules choose, then removes the rows of every marked run, also of those that an earlier pass or a killed process
 * left. A run that cannot be removed stops no other, and comes again in the next pass. Which rows there are is retire.ts; which runs go is core's rule.
 */
import { type RetentionRules, runsToRetire, SegueError } from '@segue/core';
import type { WriteContext } from './iterations.js';
import { markRetired, removeSome, restingRuns, unfinishedRetirements } from './retire.js';
import type { Tables } from './tables.js';

export interface RetentionParts {
  readonly tables: Tables;
  readonly nowMs: number;
  /** Runs in a transaction of its own. */
  readonly write: <T>(work: (context: WriteContext) => T) => Promise<T>;
  /** Counts nothing of the run any more, and waits for nothing of it. */
  readonly forget: (runId: string) => void;
  /** Rows of the run have gone: what was read from them is not true any more. */
  readonly readAgain: (runId: string) => void;
}

/** What a pass has come to. */
export interface Retirement {
  /** Runs whose records are gone now. */
  readonly runs: readonly string[];
  /** Why the records of others are there still. null: none are. */
  readonly failure: SegueError | null;
}

interface Failure {
  readonly runId: string;
  readonly error: SegueError;
}

/** Rows that are removed in one transaction at most: bounds how long others wait for it. */
const rowsAtOnce = 1_000;

export async function retireRuns(rules: RetentionRules, parts: RetentionParts): Promise<Retirement> {
  const { tables, nowMs, write, forget, readAgain } = parts;
  const runs: string[] = [];
  const failures: Failure[] = [];
  const attempt = async (runId: string, work: () => Promise<void>) => {
    try {
      await work();
    } catch (error) {
      failures.push({ runId, error: SegueError.from(error) });
    }
  };
  const resting = rules.finishedRuns === null ? [] : restingRuns(tables);
  for (const runId of runsToRetire(resting, rules, nowMs)) {
    await attempt(runId, () => write((context) => markRetired(context, runId)));
  }
  const marked = unfinishedRetirements(tables);
  // Nothing of them is handed to a scorer from now on.
  for (const runId of marked) forget(runId);
  for (const runId of marked) {
    await attempt(runId, async () => {
      try {
        while ((await write((context) => removeSome(context, runId, rowsAtOnce))) === rowsAtOnce);
        runs.push(runId);
      } finally {
        // What came late in between.
        forget(runId);
        readAgain(runId);
      }
    });
  }
  return { runs, failure: failureOf(failures) };
}

function failureOf([first, ...others]: readonly Failure[]): SegueError | null {
  if (first === undefined) return null;
  const { runId, error } = first;
  const more = others.length === 0 ? '' : ` (and ${others.length} more)`;
  const message = `the records of run ${runId}${more} could not be removed yet: ${error.rawMessage}`;
  return new SegueError(error.code, message, error);
}
