/** The checksum of a file of a snapshot. */
import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import { SegueError } from '@segue/core';

/** @throws SegueError DATA_LOSS when it is not there */
export async function hashOf(path: string): Promise<string> {
  const hash = createHash('sha256');
  const file = await open(path).catch(() => null);
  if (file === null) throw new SegueError('DATA_LOSS', `${path} is missing: use another snapshot`);
  try {
    for await (const part of file.createReadStream({ highWaterMark: 1 << 20, autoClose: false })) hash.update(part);
  } finally {
    await file.close();
  }
  return hash.digest('hex');
}
