/**
 * Snapshots one after another in one folder, each in a folder named after the moment it was begun, of which the newest stay. It knows nothing of what a
 * snapshot holds, but that its manifest is written last.
 */
import { randomUUID } from 'node:crypto';
import { mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { SegueError, type SnapshotManifest, snapshotManifestName } from '@segue/core';
import { syncPath } from './sync-path.js';

/** `2026-11-26T19-40-00Z`: sorted by name is sorted by time. */
const namePattern = /^\d{4}-\d{2}-\d{2}T\d{2}-\d{2}-\d{2}Z$/;
const partialSuffix = '.part';

export interface SeriesMember {
  readonly path: string;
  readonly manifest: SnapshotManifest;
  /** Names of the older ones that were removed. */
  readonly removed: readonly string[];
}

/**
 * Takes the next one and removes the oldest. One that was cut off is cleared away by the next; an older one is removed only after the new one is whole.
 * @param write fills a folder that it makes
 */
export async function addToSeries(
  folder: string,
  keep: number,
  write: (target: string) => Promise<SnapshotManifest>,
): Promise<SeriesMember> {
  await mkdir(folder, { recursive: true });
  for (const name of await readdir(folder)) {
    if (isPartial(name)) await clearAway(folder, name);
  }
  const name = new Date()
    .toISOString()
    .replace(/\.\d+Z$/, 'Z')
    .replaceAll(':', '-');
  const path = join(folder, name);
  if (await isThere(path))
    throw new SegueError('ALREADY_EXISTS', `${path} was taken within this second: wait a moment`);
  const manifest = await write(`${path}${partialSuffix}`);
  await rename(`${path}${partialSuffix}`, path);
  await syncPath(folder);
  return { path, manifest, removed: await removeOldest(folder, keep, name) };
}

/** @param newest stays, also where the clock was set back and others have later names */
async function removeOldest(folder: string, keep: number, newest: string): Promise<string[]> {
  const others: string[] = [];
  for (const name of (await readdir(folder)).filter((one) => namePattern.test(one) && one !== newest).sort()) {
    if (await isThere(join(folder, name, snapshotManifestName))) others.push(name);
  }
  const removed = others.slice(0, Math.max(0, others.length - (keep - 1)));
  for (const name of removed) {
    // Not half of it under its name: that would look whole.
    await rename(join(folder, name), join(folder, `${name}${partialSuffix}`));
    await rm(join(folder, `${name}${partialSuffix}`), { recursive: true, force: true });
  }
  return removed;
}

/** One that is written, or that somebody is clearing away. */
function isPartial(name: string): boolean {
  const [written = '', ...rest] = name.split(partialSuffix);
  return rest.length > 0 && namePattern.test(written);
}

/** In one step, so that another command which writes it has all of it or finds that it is gone, and never takes what is left of it for a whole one. */
async function clearAway(folder: string, name: string): Promise<void> {
  const gone = join(folder, `${name}-${randomUUID()}`);
  try {
    await rename(join(folder, name), gone);
  } catch (error) {
    // Its writer has given it its name, or another one clears it away.
    if (SegueError.from(error).code === 'NOT_FOUND') return;
    throw error;
  }
  await rm(gone, { recursive: true, force: true });
}

function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
