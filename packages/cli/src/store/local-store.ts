/**
 * Whether a data folder has a store that can be read here: one of a cluster in containers lies in a volume, and where there is none, starting a replay store would
 * make an empty one.
 */
import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { SegueError, snapshotFileName } from '@segue/core';
import { readComposeState } from '../compose/compose-cluster.js';

/** @throws SegueError FAILED_PRECONDITION for a cluster in containers, NOT_FOUND where no run has left anything */
export async function requireLocalStore(dataFolder: string): Promise<void> {
  await requireNoContainers(dataFolder);
  const file = join(dataFolder, 'replay', snapshotFileName);
  await access(file).catch((error: unknown) => {
    const { code, rawMessage } = SegueError.from(error);
    if (code !== 'NOT_FOUND') throw new SegueError(code, `the store of ${dataFolder}: ${rawMessage}`, error);
    const advice = 'name the folder that a cluster was started with (--data)';
    throw new SegueError('NOT_FOUND', `there is no store in ${dataFolder} (${file} is missing): ${advice}`);
  });
}

/** @throws SegueError FAILED_PRECONDITION */
export async function requireNoContainers(dataFolder: string): Promise<void> {
  if ((await readComposeState(dataFolder)) === null) return;
  throw new SegueError(
    'FAILED_PRECONDITION',
    `the cluster of ${dataFolder} runs in containers and keeps its store in the volume replay-data, which this command does not reach: stop it and copy the volume (docs/deploy.md, Backup), or name another --data folder`,
  );
}
