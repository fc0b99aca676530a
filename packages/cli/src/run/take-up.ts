/**
 * The run that a command works on: a new one, or one that it goes on with. All others of the cluster rest meanwhile, since those that a killed supervisor left
 * running would take the actors from it.
 */
import type { SegueClient } from '@segue/client';
import { parseRunConfig, type RunConfig } from '@segue/core';
import { pauseUntilAtRest } from './pause.js';
import { chooseRun, nextRunId, type RunCommand, refuseContradiction } from './resume.js';

export interface RunWanted {
  readonly command: RunCommand;
  /** New runs are called `<base>-<n>`. */
  readonly base: string;
  /** Configuration of a new run. */
  readonly config: RunConfig;
  /** What the person gave, for a comparison with a run that exists. */
  readonly asked: unknown;
  /** Run to go on with; true: the newest unfinished one; left out: a new one. */
  readonly resume?: string | true | undefined;
}

export interface RunTaken {
  readonly id: string;
  readonly config: RunConfig;
}

export async function takeUpRun(
  client: Pick<SegueClient, 'listRuns' | 'pauseRun'>,
  { command, base, config, asked, resume }: RunWanted,
): Promise<RunTaken> {
  const runs = await client.listRuns();
  const goOn = () => {
    const run = chooseRun(runs, resume === true ? null : (resume ?? null), command);
    const began = parseRunConfig(JSON.parse(run.configJson), `run ${run.id}`);
    refuseContradiction(run.id, began, asked);
    return { id: run.id, config: began };
  };
  const taken = resume === undefined ? { id: nextRunId(runs, base), config } : goOn();
  for (const run of runs) if (run.state === 'running' && run.id !== taken.id) await pauseUntilAtRest(client, run.id);
  return taken;
}
