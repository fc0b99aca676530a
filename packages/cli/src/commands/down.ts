/**
 * `segue down`: stops what `segue up` started.
 */
import { resolve } from 'node:path';
import { SegueError } from '@segue/core';
import type { Command } from 'commander';
import { readClusterState } from '../cluster/local-cluster.js';
import { composeDown } from '../compose/compose-cluster.js';
import { addExamples, jsonOption, print } from './output.js';

interface DownFlags {
  readonly data: string;
  readonly compose?: boolean;
  readonly volumes?: boolean;
  readonly json?: boolean;
}

const lookIntervalMs = 100;

export function addDownCommand(program: Command): void {
  const command = program
    .command('down')
    .description('stop a cluster that segue up started; actors save what they generate')
    .option('--data <folder>', 'folder of its data', '.segue')
    .option('--compose', 'the one in containers')
    .option('--volumes', 'with --compose: remove its data and credentials too')
    .option(...jsonOption)
    .action(down);
  addExamples(command, 'segue down', 'segue down --compose');
}

async function down(flags: DownFlags): Promise<void> {
  const folder = resolve(flags.data);
  if (flags.compose) await composeDown(folder, flags.volumes ?? false);
  else if (flags.volumes) throw new SegueError('INVALID_CONFIG', '--volumes needs --compose');
  else await stopHere(folder);
  print(flags, { stopped: true }, () => 'the cluster has stopped');
}

async function stopHere(folder: string): Promise<void> {
  const state = await readClusterState(folder);
  if (!state) throw new SegueError('NOT_FOUND', `no cluster runs on ${folder}`);
  process.kill(state.supervisorPid, 'SIGTERM');
  // It waits for each of its processes no longer than their own time to stop.
  while (await readClusterState(folder)) await new Promise((done) => setTimeout(done, lookIntervalMs));
}
