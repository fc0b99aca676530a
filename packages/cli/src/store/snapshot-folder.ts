/**
 * A snapshot in a folder: the store's file with its manifest, and beside it the policy versions that its unfinished runs go on from (weights.ts). Written whole,
 * checked before it is used. It does not know how a cluster runs.
 */
import { createHash } from 'node:crypto';
import { open, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  parseSnapshotManifest,
  SegueError,
  type SnapshotChunk,
  type SnapshotManifest,
  snapshotFileName,
  snapshotManifestName,
} from '@segue/core';
import { closeFolder } from '../cluster/closed-folder.js';
import { hashOf } from './hash-of.js';
import { syncPath } from './sync-path.js';
import { copyWeights } from './weights.js';

/**
 * Writes the parts of a snapshot into `folder`, which must be new or empty and is its owner's alone from then on, where its file system and its owner allow it.
 * @param policies the folder of versions
 * @param warn of weights that it has to do without, and of a folder that stays open
 * @throws SegueError UNAVAILABLE when a run left a version behind before it was copied, or somebody has removed what was written
 */
export async function writeSnapshot(
  folder: string,
  parts: AsyncIterable<SnapshotChunk>,
  policies: string,
  warn: (text: string) => void,
): Promise<SnapshotManifest> {
  const there = await readdir(folder).catch(() => []);
  if (there.length > 0) throw new SegueError('ALREADY_EXISTS', `${folder} is not empty: name a new folder`);
  await closeFolder(folder).catch((error: unknown) => {
    const { code, rawMessage } = SegueError.from(error);
    // A copy that others can read is better than none.
    if (code !== 'FAILED_PRECONDITION') throw error;
    warn(rawMessage);
  });
  const { head, bytes, sha256, fileId } = await writeParts(join(folder, snapshotFileName), parts, ({ runs }) =>
    copyWeights(runs, policies, join(folder, 'policies'), warn),
  );
  if (bytes !== head.fileBytes || sha256 !== head.sha256) {
    throw new SegueError(
      'DATA_LOSS',
      `the snapshot came with ${bytes} bytes that are not the ${head.fileBytes} sent: take it again`,
    );
  }
  // Its name there alone would count as a whole one, for which others of the series go.
  if ((await stat(join(folder, snapshotFileName)).catch(() => null))?.ino !== fileId) {
    const message = `the snapshot in ${folder} was removed while it was taken, as by another one of the same series: take it again`;
    throw new SegueError('UNAVAILABLE', message);
  }
  const manifest: SnapshotManifest = {
    formatVersion: 1,
    takenAt: new Date().toISOString(),
    bytes,
    sha256,
    runs: [...head.runs],
    ...(head.retiredRuns === null ? {} : { retiredRuns: [...head.retiredRuns] }),
  };
  const text = `${JSON.stringify(manifest, null, 2)}\n`;
  await writeFile(join(folder, snapshotManifestName), text, { flush: true });
  await syncPath(folder);
  return manifest;
}

/** Reads and checks a snapshot. @throws SegueError NOT_FOUND, DATA_LOSS */
export async function openSnapshot(folder: string): Promise<SnapshotManifest> {
  const text = await readFile(join(folder, snapshotManifestName), 'utf8').catch(() => null);
  if (text === null) throw new SegueError('NOT_FOUND', `${folder} is no snapshot: it has no ${snapshotManifestName}`);
  const manifest = parseSnapshotManifest(text, folder);
  const path = join(folder, snapshotFileName);
  if ((await hashOf(path)) !== manifest.sha256) {
    throw new SegueError('DATA_LOSS', `${path} does not match its checksum: use another snapshot`);
  }
  return manifest;
}

interface Written {
  readonly head: SnapshotChunk;
  readonly bytes: number;
  readonly sha256: string;
  /** Tells the file from another one of its name. */
  readonly fileId: number;
}

/**
 * Leaves the parts when all of the file is there and `onHead` has ended: a store that is asked to hold the versions lets go of them then.
 * @param onHead begins with the first part and goes on beside the others: what it copies may be gone when they have all come
 */
async function writeParts(
  path: string,
  parts: AsyncIterable<SnapshotChunk>,
  onHead: (head: SnapshotChunk) => Promise<void>,
): Promise<Written> {
  const hash = createHash('sha256');
  let head: SnapshotChunk | null = null;
  let bytes = 0;
  let beside: Promise<void> = Promise.resolve();
  const file = await open(path, 'wx');
  const { ino: fileId } = await file.stat();
  try {
    for await (const part of parts) {
      if (head === null) {
        head = part;
        beside = onHead(part);
        // Looked at below, which may be long after it has failed.
        beside.catch(() => undefined);
      }
      await file.write(part.data, 0, part.data.length, part.offset);
      hash.update(part.data);
      bytes += part.data.length;
      if (bytes < head.fileBytes) continue;
      await beside;
      break;
    }
    await file.sync();
  } finally {
    await file.close();
    await Promise.allSettled([beside]);
  }
  await beside;
  if (head === null) throw new SegueError('DATA_LOSS', 'the store sent an empty snapshot: take it again');
  return { head, bytes, sha256: hash.digest('hex'), fileId };
}
