/**
 * Folders that only their owner may look into: a secure cluster's data, and snapshots. What lies in one is out of reach for other users whatever its own mode is, since
 * every way to it leads through the folder. It knows nothing of what lies in it.
 */
import { chmod, mkdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { SegueError } from '@segue/core';

const ownerOnly = 0o700;
const ofOthers = 0o077;
/** Set where everybody is meant to write, as in /tmp. */
const sticky = 0o1000;

/** Makes the folder; one that is there stays as open as it is. Of a path that is made the last folder alone is closed. */
export async function makeClosedFolder(path: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await mkdir(path, { recursive: true, mode: ownerOnly });
}

/**
 * Makes the folder, or closes one that is there.
 * @throws SegueError FAILED_PRECONDITION where it may not be closed: somebody else's, one that everybody is meant to write into (/tmp), or where the file system keeps no modes
 */
export async function closeFolder(path: string): Promise<void> {
  await makeClosedFolder(path);
  const { mode } = await stat(path);
  if ((mode & ofOthers) === 0) return;
  if ((mode & sticky) !== 0) throw open(path, 'everybody may write into it');
  try {
    await chmod(path, ownerOnly);
  } catch (error) {
    throw open(path, SegueError.from(error).rawMessage, error);
  }
  // Some file systems take the new mode and keep theirs.
  if (((await stat(path)).mode & ofOthers) !== 0) throw open(path, 'its file system keeps no modes');
}

function open(path: string, why: string, cause?: unknown): SegueError {
  const message = `${path} is open to other users and cannot be closed (${why}): name a folder of your own`;
  return new SegueError('FAILED_PRECONDITION', message, cause);
}

/** A folder, and every file that this process and those that it starts make from now on, for their owner alone. */
export async function closeFiles(folder: string): Promise<void> {
  await closeFolder(folder);
  // Processes take it over from the one that starts them.
  process.umask(ofOthers);
}
