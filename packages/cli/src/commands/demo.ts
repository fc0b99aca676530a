/**
 * `segue demo`, which is what `npm start` runs: a small policy is warmed up and learns from its own partial rollouts.
 */
import { fileURLToPath } from 'node:url';
import type { RunConfig } from '@segue/core';
import type { Command } from 'commander';
import { type DemoProblems, makeDemoProblems } from '../demo/problems.js';
import { demoBase, demoSizes } from '../demo/runs.js';
import type { ProblemBatch } from '../run/session.js';
import { runLocally } from './local-run.js';
import { addLocalRunFlags, type LocalRunFlags } from './options.js';
import { addExamples } from './output.js';

/** The demo's configuration, to be read and copied: deploy/runs/demo.yaml. */
const configFile = fileURLToPath(new URL('../../../../deploy/runs/demo.yaml', import.meta.url));

export function addDemoCommand(program: Command): void {
  const command = program
    .command('demo')
    .description('warm a small policy up and train it by reinforcement learning on a local cluster');
  addLocalRunFlags(command).action(async (flags: LocalRunFlags) => {
    process.exitCode = await runLocally({
      command: 'demo',
      flags,
      base: demoBase,
      configFile,
      ownFile: false,
      batches,
    });
  });
  addExamples(
    command,
    'segue demo --seed 2',
    'segue demo --json --seed 1 | tail -1',
    'segue demo --no-partial',
    'segue demo --control random-reward',
    'segue demo --resume',
  );
}

/** The demo's problems; drawn when they are first asked for, since a resumed run has them already. */
function batches(config: RunConfig): ProblemBatch[] {
  let drawn: DemoProblems | null = null;
  const problems = () => {
    drawn ??= makeDemoProblems(config.seed, demoSizes);
    return drawn;
  };
  return (['heldOut', 'train', 'warmup'] as const).map((set) => ({
    batchId: `demo-${set.toLowerCase()}`,
    get problems() {
      return problems()[set];
    },
  }));
}
