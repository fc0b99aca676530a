/**
 * Folders that only their owner may look into: a secure cluster's data, and snapshots. What lies in one is out of reach for other users whatever its own mode is, since
 * every way to it leads through the folder. It knows nothing of what lies in it.
 */
import { chmod, mkdir, stat } from 'node:fs/promises';
import { SegueError } from '@segue/core';

const ownerOnly = 0o700;
const ofOthers = 0o077;
const writableByAll = 0o002;

/**
 * Makes the folder, or closes one that is there. @throws SegueError FAILED_PRECONDITION for somebody else's, and for one that everybody may write into, such as
 * /tmp: others use it, and could put something into the place of what a cluster keeps there
 */
export async function closeFolder(path: string): Promise<void> {
  await mkdir(path, { recursive: true, mode: ownerOnly });
  const { mode } = await stat(path);
  if ((mode & writableByAll) !== 0) {
    throw new SegueError('FAILED_PRECONDITION', `everybody may write into ${path}: name a folder of your own`);
  }
  if ((mode & ofOthers) === 0) return;
  try {
    await chmod(path, ownerOnly);
  } catch (error) {
    const message = `${path} is open to other users and cannot be closed: ${SegueError.from(error).rawMessage}`;
    throw new SegueError('FAILED_PRECONDITION', `${message}; name a folder of your own`, error);
  }
}

/** A folder, and every file that this process and those that it starts make from now on, for their owner alone. */
export async function closeFiles(folder: string): Promise<void> {
  await closeFolder(folder);
  // Processes take it over from the one that starts them.
  process.umask(ofOthers);
}
