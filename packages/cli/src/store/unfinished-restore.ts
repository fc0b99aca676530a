/**
 * The note in a data folder that a restore is under way: a restore that was cut off leaves versions of one time beside a store of another, so no cluster
 * starts on the folder until it is run again. It knows nothing of what a restore does.
 */
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { SegueError } from '@segue/core';
import { syncPath } from './sync-path.js';

const noteName = 'restore.unfinished';

/** @param snapshot that is put back */
export async function beginRestore(dataFolder: string, snapshot: string): Promise<void> {
  await writeFile(join(dataFolder, noteName), snapshot, { flush: true });
  await syncPath(dataFolder);
}

export async function endRestore(dataFolder: string): Promise<void> {
  await rm(join(dataFolder, noteName));
  await syncPath(dataFolder);
}

/** @throws SegueError FAILED_PRECONDITION where a restore was cut off */
export async function requireNoRestore(dataFolder: string): Promise<void> {
  const snapshot = await readFile(join(dataFolder, noteName), 'utf8').catch(() => null);
  if (snapshot === null) return;
  const command = `segue store restore ${snapshot} --data ${dataFolder}`;
  throw new SegueError('FAILED_PRECONDITION', `a restore of ${dataFolder} was cut off: run it again (${command})`);
}
