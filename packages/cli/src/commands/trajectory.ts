/**
 * `segue trajectory`: one trajectory, segment by segment.
 */
import { readdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { parseTrajectoryId, SegueError } from '@segue/core';
import { loadTokenizer } from '@segue/tokenizer';
import type { Command } from 'commander';
import { withStore } from '../run/with-store.js';
import { withProgress } from '../view/progress.js';
import { type Decode, renderTrajectory, trajectoryJson } from '../view/trajectory-text.js';
import { addExamples, jsonOption } from './output.js';

interface TrajectoryFlags {
  readonly data: string;
  readonly json?: boolean;
}

export function addTrajectoryCommand(program: Command): void {
  const command = program
    .command('trajectory <id>')
    .description('print a trajectory segment by segment: text, versions, log-probs, score')
    .option('--data <folder>', 'folder of all data', '.segue')
    .option(...jsonOption)
    .action(printTrajectory);
  addExamples(command, 'segue trajectory demo-1-g12-t3');
}

async function printTrajectory(id: string, flags: TrajectoryFlags): Promise<void> {
  const { runId } = parseTrajectoryId(id);
  const trajectory = await withProgress('reading the store', () =>
    withStore(flags.data, (store) => store.trajectory(id)),
  );
  const decode = await decoderOf(resolve(flags.data), runId);
  const text = flags.json
    ? `${JSON.stringify(trajectoryJson(trajectory, decode))}\n`
    : renderTrajectory(trajectory, decode);
  process.stdout.write(text);
}

/** Every version of a run carries the same tokenizer: the newest one that is kept serves. */
async function decoderOf(dataFolder: string, runId: string): Promise<Decode> {
  const folder = join(dataFolder, 'policies', runId);
  const versions = (await readdir(folder).catch(() => []))
    .filter((name) => /^\d+$/.test(name))
    .sort((a, b) => Number(b) - Number(a));
  const newest = versions[0];
  if (newest === undefined) throw new SegueError('NOT_FOUND', `no policy version of run ${runId} lies in ${folder}`);
  const tokenizer = await loadTokenizer(join(folder, newest));
  return (tokens) => tokenizer.decode(tokens, { skipSpecial: false });
}
