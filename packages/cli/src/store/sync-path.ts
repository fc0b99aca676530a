/** Puts a file, or a folder's list of names, on the disk. */
import { open } from 'node:fs/promises';

export async function syncPath(path: string): Promise<void> {
  const file = await open(path, 'r');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}
