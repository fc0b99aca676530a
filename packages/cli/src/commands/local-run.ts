/**
 * What `demo` and `run` share: a local cluster, a new or resumed run on it, its report.
 */
import { join, resolve } from 'node:path';
import type { RunConfig } from '@segue/core';
import { defaultClusterOptions } from '../cluster/local-cluster.js';
import type { RunCommand } from '../run/resume.js';
import { readRunConfig } from '../run/run-config-file.js';
import { followRun, type ProblemBatch, prepareRun } from '../run/session.js';
import { takeUpRun } from '../run/take-up.js';
import { withLocalCluster } from '../run/with-cluster.js';
import { createReporter } from '../view/reporter.js';
import { configOfFlags, deploymentOfFlags, type LocalRunFlags, resumeLine, settingsOfFlags } from './options.js';

export interface LocalRunInput {
  readonly command: RunCommand;
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
  const { command, flags, base, configFile } = input;
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
    const wanted = { command, base, config, asked, resume: flags.resume };
    const { id, config: effective } = await takeUpRun(work.client, wanted, tell, work.interrupt);
    await prepareRun(work.client, id, effective, input.batches(effective));
    const iterationsPlanned = effective.iterations;
    const reporter = createReporter({ run: id, iterationsPlanned, json: flags.json ?? false, startedAtMs });
    try {
      const folder = join(resolve(flags.data), 'runs', id);
      const summary = await followRun({ ...work, runId: id, reporter, folder, startedAtMs });
      if (summary) return 0;
      reporter.say(`run ${id} is saved; go on with: npx ${resumeLine(command, id, flags)}`);
      return 130;
    } finally {
      reporter.close();
    }
  });
}
