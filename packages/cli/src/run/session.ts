/**
 * One run from the command line, from the first problem to the last picture: create or resume, submit, start, watch, report, draw.
 * It knows a client and a reporter; whether the cluster behind the client is local is somebody else's business.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { SegueClient } from '@segue/client';
import { type ProblemInput, parseRunConfig, type RunConfig, type RunView, SegueError } from '@segue/core';
import { stringify } from 'yaml';
import { writePictures } from '../pictures/write-pictures.js';
import type { Reporter } from '../view/reporter.js';
import { emptyRunView, foldEvent, type RunViewState } from '../view/run-view.js';
import { type RunSummary, summarize } from '../view/summary.js';
import type { Interrupt } from './interrupt.js';
import { pauseUntilAtRest } from './pause.js';

/** A batch of problems under the id that makes its submission idempotent. It can be read again: a call that was lost is made once more. */
export interface ProblemBatch {
  readonly batchId: string;
  readonly problems: readonly ProblemInput[] | (() => AsyncIterable<ProblemInput>);
}

/** Creates the run and submits its problems; harmless to repeat for a run that exists. */
export async function prepareRun(
  client: SegueClient,
  runId: string,
  config: RunConfig,
  batches: readonly ProblemBatch[],
): Promise<RunView> {
  await client.createRun(runId, config);
  for (const { batchId, problems } of batches) await client.submitProblems(runId, batchId, problems);
  return client.getRun(runId);
}

export interface SessionInput {
  readonly client: SegueClient;
  readonly runId: string;
  readonly reporter: Reporter;
  readonly interrupt: Pick<Interrupt, 'signal' | 'requested'>;
  /** Folder of this run's pictures and summary. */
  readonly folder: string;
  readonly startedAtMs: number;
}

/**
 * Starts the run and follows it until it comes to rest. An interrupt pauses it: what was being generated is saved; after one that came before, it is not started.
 * @returns the summary, or null when the run was interrupted before its end
 */
export async function followRun(input: SessionInput): Promise<RunSummary | null> {
  const { client, runId, reporter, interrupt } = input;
  let view: RunViewState = emptyRunView;
  try {
    if (!interrupt.requested) {
      await client.resumeRun(runId);
      for await (const event of client.watchRun(runId, { fromStart: true, signal: interrupt.signal })) {
        view = foldEvent(view, event);
        reporter.update(view);
      }
    }
  } catch (error) {
    if (!interrupt.requested) throw error;
  }
  if (interrupt.requested) {
    await pauseUntilAtRest(client, runId, { tell: (text) => reporter.say(text) });
    return null;
  }
  const run = await client.getRun(runId);
  if (run.state === 'failed') throw new SegueError('INTERNAL', `run ${runId} failed: ${run.error}`);
  return reportEnd(input, run, view);
}

async function reportEnd(input: SessionInput, run: RunView, view: RunViewState): Promise<RunSummary> {
  const { client, runId, reporter, folder, startedAtMs } = input;
  const config = parseRunConfig(JSON.parse(run.configJson), `run ${runId}`);
  const statistics = await client.statistics(runId);
  const trajectories = [];
  for await (const record of client.trajectories(runId)) trajectories.push(record);
  const tokenBudget = config.rollout.partial ? config.rollout.tokenBudget : config.rollout.maxResponseTokens;
  const paths = await writePictures({ run: runId, folder, view, trajectories, tokenBudget });
  const wallSeconds = (Date.now() - startedAtMs) / 1000;
  const summary = summarize({ run: runId, seed: config.seed, view, statistics, wallSeconds });
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'summary.json'), `${JSON.stringify(summary, null, 2)}\n`);
  await writeFile(join(folder, 'config.yaml'), stringify(config));
  const lines = view.iterations.map((iteration) => JSON.stringify(iteration));
  await writeFile(join(folder, 'iterations.jsonl'), `${lines.join('\n')}\n`);
  reporter.finish(summary);
  reporter.say(`pictures: ${paths.join(', ')}`);
  return summary;
}
