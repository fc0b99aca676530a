/**
 * `segue run`: a run on one's own problems, on a local cluster.
 */
import { SegueError } from '@segue/core';
import type { Command } from 'commander';
import { demoBase } from '../demo/runs.js';
import { fileBatches } from '../problems/file-batches.js';
import { runLocally } from './local-run.js';
import { addLocalRunFlags, type LocalRunFlags } from './options.js';
import { addExamples } from './output.js';

interface RunFlags extends LocalRunFlags {
  readonly config?: string;
  readonly problems?: readonly string[];
  readonly name: string;
}

export function addRunCommand(program: Command): void {
  const command = program
    .command('run')
    .description('train on your own problems, on a local cluster')
    .option('--config <file>', 'run configuration (YAML)')
    .option('--name <name>', 'the run is called <name>-<n>; --resume looks among these', 'run')
    .option(
      '--problems <files...>',
      'JSONL files: prompt (text or chat messages), answer, scorer, tags, difficulty, metadata, purpose (train, evaluation, warmup), response',
    );
  addLocalRunFlags(command).action(async (flags: RunFlags) => {
    process.exitCode = await runOwnProblems(flags);
  });
  addExamples(
    command,
    'segue run --config my-run.yaml --problems problems.jsonl',
    'segue run --config my-run.yaml --problems train.jsonl heldout.jsonl --set rollout.tokenBudget=256',
    'segue run --resume',
    'segue run --name math --resume',
  );
}

async function runOwnProblems(flags: RunFlags): Promise<number> {
  const { problems = [] } = flags;
  if (problems.length === 0 && flags.resume === undefined) {
    throw new SegueError('INVALID_CONFIG', 'give at least one --problems file');
  }
  if (flags.name === demoBase) {
    throw new SegueError('INVALID_CONFIG', `--name ${demoBase}: runs of that name are those of segue demo`);
  }
  const batches = await fileBatches(problems);
  return runLocally({
    command: 'run',
    flags,
    base: flags.name,
    configFile: flags.config ?? null,
    ownFile: flags.config !== undefined,
    batches: () => batches,
  });
}
