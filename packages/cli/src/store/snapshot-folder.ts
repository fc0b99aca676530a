/**
 * A snapshot in a folder: the store's file with its manifest, and beside it the policy versions that its unfinished runs go on from. Written whole, checked
 * before it is used. It does not know how a cluster runs.
 */
import { createHash } from 'node:crypto';
import { cp, mkdir, open, readdir, readFile, realpath, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import {
  manifestFileName,
  parsePolicyManifest,
  parseSnapshotManifest,
  requireId,
  SegueError,
  type SnapshotChunk,
  type SnapshotManifest,
  type SnapshotRun,
  snapshotFileName,
  snapshotManifestName,
} from '@segue/core';
import { closeFolder } from '../cluster/closed-folder.js';
import { syncPath } from './sync-path.js';

/** Writes the parts of a snapshot into `folder`, which must be new or empty and is its owner's alone from then on. @param policies the folder of versions; none when it is not there */
export async function writeSnapshot(
  folder: string,
  parts: AsyncIterable<SnapshotChunk>,
  policies: string,
): Promise<SnapshotManifest> {
  const there = await readdir(folder).catch(() => []);
  if (there.length > 0) throw new SegueError('ALREADY_EXISTS', `${folder} is not empty: name a new folder`);
  await closeFolder(folder);
  const { head, bytes, sha256 } = await writeParts(join(folder, snapshotFileName), parts);
  if (bytes !== head.fileBytes || sha256 !== head.sha256) {
    throw new SegueError(
      'DATA_LOSS',
      `the snapshot came with ${bytes} bytes that are not the ${head.fileBytes} sent: take it again`,
    );
  }
  for (const run of head.runs.filter(goesOn)) {
    for (const version of versionsOf(run)) {
      const from = versionFolder(policies, run, version);
      const isThere = await readFile(join(from, manifestFileName)).then(
        () => true,
        () => false,
      );
      if (isThere) await copyVersion(from, versionFolder(join(folder, 'policies'), run, version));
    }
  }
  const manifest: SnapshotManifest = {
    formatVersion: 1,
    takenAt: new Date().toISOString(),
    bytes,
    sha256,
    runs: [...head.runs],
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

/** Versions of a run that a snapshot holds, checked: number and folder. @throws SegueError DATA_LOSS */
export async function heldVersions(folder: string, run: SnapshotRun): Promise<ReadonlyMap<number, string>> {
  const held = new Map<number, string>();
  for (const number of versionsOf(run)) {
    const version = versionFolder(join(folder, 'policies'), run, number);
    const text = await readFile(join(version, manifestFileName), 'utf8').catch(() => null);
    if (text === null) continue;
    for (const { name, sha256 } of parsePolicyManifest(text, version).files) {
      if ((await hashOf(join(version, name))) === sha256) continue;
      throw new SegueError('DATA_LOSS', `${join(version, name)} does not match its checksum: use another snapshot`);
    }
    held.set(number, version);
  }
  return held;
}

/** Versions that a run needs in order to go on: the one it stands at, and that which came of its frozen batch, if it was made yet. */
function versionsOf({ policyVersion, iterationState }: SnapshotRun): number[] {
  return iterationState === 'frozen' ? [policyVersion, policyVersion + 1] : [policyVersion];
}

/** Where a version lies. Ids come from a store's answer or a snapshot's file: one that is none would lead elsewhere. */
function versionFolder(policies: string, { id }: SnapshotRun, version: number): string {
  return join(policies, requireId(id, 'run id'), String(version));
}

/** Copies a version's files, synced, so that the copy appears whole. */
export async function copyVersion(from: string, to: string): Promise<void> {
  const staged = `${to}.part`;
  await rm(staged, { recursive: true, force: true });
  await mkdir(dirname(to), { recursive: true });
  await cp(await realpath(from), staged, { recursive: true });
  for (const name of await readdir(staged)) await syncPath(join(staged, name));
  await syncPath(staged);
  await rename(staged, to);
  await syncPath(dirname(to));
}

/** Runs that are over need no weights to go on from. */
function goesOn({ state }: SnapshotRun): boolean {
  return state !== 'finished' && state !== 'stopped';
}

interface Written {
  readonly head: SnapshotChunk;
  readonly bytes: number;
  readonly sha256: string;
}

async function writeParts(path: string, parts: AsyncIterable<SnapshotChunk>): Promise<Written> {
  const hash = createHash('sha256');
  let head: SnapshotChunk | null = null;
  let bytes = 0;
  const file = await open(path, 'wx');
  try {
    for await (const part of parts) {
      head ??= part;
      await file.write(part.data, 0, part.data.length, part.offset);
      hash.update(part.data);
      bytes += part.data.length;
    }
    await file.sync();
  } finally {
    await file.close();
  }
  if (head === null) throw new SegueError('DATA_LOSS', 'the store sent an empty snapshot: take it again');
  return { head, bytes, sha256: hash.digest('hex') };
}

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
