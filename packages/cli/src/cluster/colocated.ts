/**
 * A local cluster whose trainer and actor take turns on this machine's device (docs/colocated.md): their settings, and the folder in memory through
 * which weights pass from one to the other.
 */
import { createHash } from 'node:crypto';
import { accessSync, constants } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { SegueError } from '@segue/core';

const memoryFolder = '/dev/shm';

/** What actors and trainer are told, as `key=value`; other settings come after these. */
export interface ColocatedSettings {
  readonly actor: readonly string[];
  readonly trainer: readonly string[];
}

/** @param actors of the cluster: one has the device at a time */
export function colocatedSettings(dataFolder: string, actors: number): ColocatedSettings {
  if (actors !== 1) {
    throw new SegueError(
      'INVALID_CONFIG',
      `--deployment colocated has one actor, which takes turns with the trainer; --actors ${actors} asks for more`,
    );
  }
  const both = ['deployment=colocated', 'agentPort=0'];
  const shared = sharedFolderOf(dataFolder);
  return { actor: both, trainer: [...both, ...(shared === null ? [] : [`sharedFolder=${shared}`])] };
}

/** Every version is on the disk by then; a copy in memory would stay until the machine is switched off. */
export async function removeSharedFolder(dataFolder: string): Promise<void> {
  const shared = sharedFolderOf(dataFolder);
  if (shared !== null) await rm(shared, { recursive: true, force: true });
}

/** One per cluster; null where this machine has no such file system. */
function sharedFolderOf(dataFolder: string): string | null {
  try {
    accessSync(memoryFolder, constants.W_OK);
  } catch {
    return null;
  }
  const name = createHash('sha256').update(resolve(dataFolder)).digest('hex').slice(0, 12);
  return join(memoryFolder, `segue-${name}`);
}
