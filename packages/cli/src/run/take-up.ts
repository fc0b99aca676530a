/**
 * The run that a command works on: a new one, or one that it goes on with. All others of the cluster rest meanwhile, since those that a killed supervisor left
 * running would take the actors from it.
 */
import type { SegueClient } from '@segue/client';
import { parseRunConfig, type RunConfig } from '@segue/core';
import type { Interrupt } from './interrupt.js';
import { pauseUntilAtRest } from './pause.js';
import { chooseRun, type ResumedBy, refuseContradiction } from './resume.js';
import { nextRunId } from './run-ids.js';

/** New runs are called `<base>-<n>`. */
export interface RunWanted extends ResumedBy {
  /** Configuration of a new run. */
  readonly config: RunConfig;
  /** What the person gave, for a comparison with a run that exists. */
  readonly asked: unknown;
  /** Run to go on with; true: the newest unfinished one of this name; left out: a new one. */
  readonly resume?: string | true | undefined;
}

export interface RunTaken {
  readonly id: string;
  readonly config: RunConfig;
}

/**
 * @param tell something for the person, who sees nothing of the run yet
 * @param interrupt ends all waiting: CANCELLED
 */
export async function takeUpRun(
  client: Pick<SegueClient, 'listRuns' | 'pauseRun'>,
  { command, base, config, asked, resume }: RunWanted,
  tell: (text: string) => void,
  interrupt: Pick<Interrupt, 'cut'>,
): Promise<RunTaken> {
  const runs = await interrupt.cut(client.listRuns());
  const goOn = () => {
    const run = chooseRun(runs, resume === true ? null : (resume ?? null), { command, base });
    const began = parseRunConfig(JSON.parse(run.configJson), `run ${run.id}`);
    refuseContradiction(run.id, began, asked);
    return { id: run.id, config: began };
  };
  const taken = resume === undefined ? { id: nextRunId(runs, base), config } : goOn();
  const cut = <T>(work: Promise<T>) => interrupt.cut(work);
  const others = runs.filter((run) => run.state === 'running' && run.id !== taken.id);
  for (const { id } of others) await pauseUntilAtRest(client, id, { tell, cut });
  return taken;
}
