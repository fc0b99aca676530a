/**
 * Going on with a run: which one, and whether what was asked for agrees with what it began with.
 */
import { type RunConfig, type RunView, SegueError } from '@segue/core';

/** A run that failed is tried again from what the store holds. */
const unfinished = new Set<RunView['state']>(['created', 'running', 'paused', 'failed']);

/** The commands that start runs. Each goes on with its own alone, since it submits its own problems. */
export type RunCommand = 'demo' | 'run';

/** What the demo's runs are called, `demo-1`, and no others. */
export const demoBase = 'demo';

function commandOf(runId: string): RunCommand {
  return new RegExp(`^${demoBase}-\\d+$`).test(runId) ? 'demo' : 'run';
}

/** The named run, or the newest unfinished one of this command. */
export function chooseRun(runs: readonly RunView[], name: string | null, command: RunCommand): RunView {
  const newest = runs.filter((r) => unfinished.has(r.state)).sort((a, b) => b.createdAtMs - a.createdAtMs);
  const run = name === null ? newest.find((r) => commandOf(r.id) === command) : runs.find((r) => r.id === name);
  if (!run && name !== null) {
    throw new SegueError(
      'NOT_FOUND',
      `there is no run ${name}; there are: ${runs.map((r) => r.id).join(', ') || 'none'}`,
    );
  }
  if (!run) {
    const [other] = newest;
    const advice = other
      ? `go on with ${other.id} by segue ${commandOf(other.id)} --resume`
      : 'start one without --resume';
    throw new SegueError('NOT_FOUND', `there is no unfinished run of segue ${command} to resume; ${advice}`);
  }
  if (!unfinished.has(run.state)) {
    throw new SegueError('FAILED_PRECONDITION', `run ${run.id} is ${run.state}: there is nothing to go on with`);
  }
  const own = commandOf(run.id);
  if (own !== command) {
    const advice = `go on with it by segue ${own} --resume ${run.id}`;
    throw new SegueError('FAILED_PRECONDITION', `run ${run.id} is none of segue ${command}: ${advice}`);
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

/** A free run id: `<base>-<n>` with the smallest n from 1 that no run has. */
export function nextRunId(runs: readonly RunView[], base: string): string {
  const taken = new Set(runs.map((r) => r.id));
  let n = 1;
  while (taken.has(`${base}-${n}`)) n += 1;
  return `${base}-${n}`;
}
