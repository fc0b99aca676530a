/**
 * What `demo` and `run` share: a local cluster, a new or resumed run on it, its report.
 */
import { join, resolve } from 'node:path';
import { parseRunConfig, type RunConfig } from '@segue/core';
import { defaultClusterOptions } from '../cluster/local-cluster.js';
import { chooseRun, nextRunId, refuseContradiction } from '../run/resume.js';
import { readRunConfig } from '../run/run-config-file.js';
import { followRun, type ProblemBatch, prepareRun } from '../run/session.js';
import { type ClusterWork, withLocalCluster } from '../run/with-cluster.js';
import { createReporter } from '../view/reporter.js';
import { configOfFlags, deploymentOfFlags, type LocalRunFlags, settingsOfFlags } from './options.js';

export interface LocalRunInput {
  readonly flags: LocalRunFlags;
  /** New runs are called `<base>-<n>`. */
  readonly base: string;
  readonly configFile: string | null;
  /** The person named the configuration file. */
  readonly ownFile: boolean;
  /** The problems of a run with this configuration. */
  readonly batches: (config: RunConfig) => readonly ProblemBatch[];
}

/** @returns the exit code: 0 when the run has ended, 130 when it was interrupted */
export async function runLocally(input: LocalRunInput): Promise<number> {
  const { flags, configFile } = input;
  const startedAtMs = Date.now();
  const tell = (text: string) => void process.stderr.write(`${text}\n`);
  const { config, asked } = await readRunConfig({
    file: configFile,
    ownFile: input.ownFile,
    assignments: flags.set,
    flags: configOfFlags(flags),
  });
  const options = {
    ...defaultClusterOptions,
    dataFolder: resolve(flags.data),
    ...deploymentOfFlags(flags),
    settings: settingsOfFlags(flags),
    secure: flags.secure ?? false,
  };
  tell('starting the cluster');
  return withLocalCluster(options, tell, async (work) => {
    tell(`watch: http://${work.cluster.child('controller').address.metricsAddress}`);
    const { id, effective } =
      flags.resume === undefined ? await begin(work, input, config) : await goOn(work, flags.resume, asked);
    await prepareRun(work.client, id, effective, input.batches(effective));
    const iterationsPlanned = effective.iterations;
    const reporter = createReporter({ run: id, iterationsPlanned, json: flags.json ?? false, startedAtMs });
    try {
      const folder = join(resolve(flags.data), 'runs', id);
      const summary = await followRun({ ...work, runId: id, reporter, folder, startedAtMs });
      if (summary) return 0;
      reporter.say(`run ${id} is saved; go on with: npm start -- --resume`);
      return 130;
    } finally {
      reporter.close();
    }
  });
}

async function begin({ client }: ClusterWork, { base }: LocalRunInput, config: RunConfig) {
  const runs = await client.listRuns();
  // A run that a killed supervisor left running would take the actors from the new one.
  for (const run of runs) if (run.state === 'running') await client.pauseRun(run.id);
  return { id: nextRunId(runs, base), effective: config };
}

async function goOn({ client }: ClusterWork, resume: string | true, asked: unknown) {
  const run = chooseRun(await client.listRuns(), resume === true ? null : resume);
  const effective = parseRunConfig(JSON.parse(run.configJson), `run ${run.id}`);
  refuseContradiction(run.id, effective, asked);
  return { id: run.id, effective };
}
