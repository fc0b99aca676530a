/**
 * Going on with a run: which one, and whether what was asked for agrees with what it began with.
 */
import { type RunConfig, type RunView, SegueError } from '@segue/core';
import { isDemoRun } from '../demo/runs.js';
import { isNumbered } from './run-ids.js';

/** A run that failed is tried again from what the store holds. */
const unfinished = new Set<RunView['state']>(['created', 'running', 'paused', 'failed']);

/** The commands that start runs. Each goes on with its own alone, since it submits its own problems. */
export type RunCommand = 'demo' | 'run';

function commandOf(run: RunView): RunCommand {
  return isDemoRun(run) ? 'demo' : 'run';
}

/** What a command may go on with: `command`'s own runs, without a name those called `<base>-<n>` alone, since it submits its problems to what it takes. */
export interface ResumedBy {
  readonly command: RunCommand;
  readonly base: string;
}

/** @param id the run that was named; null: the newest unfinished one */
export function chooseRun(runs: readonly RunView[], id: string | null, by: ResumedBy): RunView {
  return id === null ? newestOf(runs, by) : namedRun(runs, id, by.command);
}

function newestOf(runs: readonly RunView[], { command, base }: ResumedBy): RunView {
  const newest = runs.filter((r) => unfinished.has(r.state)).sort((a, b) => b.createdAtMs - a.createdAtMs);
  const own = newest.find((r) => commandOf(r) === command && isNumbered(r.id, base));
  if (own) return own;
  const [other] = newest;
  const advice = other
    ? `go on with ${other.id} by segue ${commandOf(other)} --resume ${other.id}`
    : 'start one without --resume';
  throw new SegueError('NOT_FOUND', `no unfinished run of segue ${command} is called ${base}-<n>; ${advice}`);
}

function namedRun(runs: readonly RunView[], id: string, command: RunCommand): RunView {
  const run = runs.find((r) => r.id === id);
  if (!run) {
    throw new SegueError(
      'NOT_FOUND',
      `there is no run ${id}; there are: ${runs.map((r) => r.id).join(', ') || 'none'}`,
    );
  }
  if (!unfinished.has(run.state)) {
    throw new SegueError('FAILED_PRECONDITION', `run ${id} is ${run.state}: there is nothing to go on with`);
  }
  const own = commandOf(run);
  if (own !== command) {
    const advice = `go on with it by segue ${own} --resume ${id}`;
    throw new SegueError('FAILED_PRECONDITION', `run ${id} is none of segue ${command}: ${advice}`);
  }
  return run;
}

/**
 * Refuses a configuration that contradicts the one a run began with.
 * @param asked what the person gave now, as nested keys; keys left out agree with anything
 */
export function refuseContradiction(run: string, began: RunConfig, asked: unknown): void {
  const differences = contradictions(began, asked, '');
  if (differences.length > 0) {
    throw new SegueError(
      'INVALID_CONFIG',
      `run ${run} began with another configuration: ${differences.join('; ')}; leave these out to go on with it, or start a new run`,
    );
  }
}

function contradictions(began: unknown, asked: unknown, path: string): string[] {
  if (isRecord(asked) && isRecord(began)) {
    return Object.entries(asked).flatMap(([key, value]) =>
      contradictions(began[key], value, path ? `${path}.${key}` : key),
    );
  }
  if (asked === undefined || JSON.stringify(began) === JSON.stringify(asked)) return [];
  return [`${path} is ${JSON.stringify(began)} there and ${JSON.stringify(asked)} here`];
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
