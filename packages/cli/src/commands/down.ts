/**
 * `segue down`: stops what `segue up` started.
 */
import { resolve } from 'node:path';
import { SegueError } from '@segue/core';
import type { Command } from 'commander';
import { stopCluster } from '../cluster/stop-cluster.js';
import { composeDown } from '../compose/compose-cluster.js';
import { addExamples, jsonOption, print } from './output.js';

interface DownFlags {
  readonly data: string;
  readonly compose?: boolean;
  readonly volumes?: boolean;
  readonly json?: boolean;
}

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
  else await stopCluster(folder);
  print(flags, { stopped: true }, () => 'the cluster has stopped');
}
