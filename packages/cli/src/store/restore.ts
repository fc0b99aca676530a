/**
 * Puts a snapshot in the place of a cluster's store. The cluster must be down. What was in its place is kept beside it; what the broker still holds belongs to a
 * later time and is removed; policy versions that the snapshot's runs go on from come back, and later
 * ones are moved aside, since their iterations are run again.
 */
import { randomUUID } from 'node:crypto';
import { copyFile, link, mkdir, readdir, readFile, realpath, rename, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import {
  manifestFileName,
  requireId,
  SegueError,
  type SnapshotManifest,
  type SnapshotRun,
  snapshotFileName,
} from '@segue/core';
import { FolderLock } from '../cluster/folder-lock.js';
import { copyVersion, heldVersions, openSnapshot, syncPath } from './snapshot-folder.js';

export interface Restored {
  readonly manifest: SnapshotManifest;
  /** Where the file that was replaced lies now; null when there was none. */
  readonly replaced: string | null;
}

/** @throws SegueError FAILED_PRECONDITION while a cluster runs on the folder */
export async function restoreSnapshot(snapshot: string, dataFolder: string): Promise<Restored> {
  const manifest = await openSnapshot(snapshot);
  const held = new Map<SnapshotRun, ReadonlyMap<number, string>>();
  for (const run of manifest.runs) {
    requireId(run.id, 'run id');
    held.set(run, await heldVersions(snapshot, run));
  }
  const lock = await FolderLock.take(dataFolder);
  try {
    const stamp = new Date().toISOString().replaceAll(/[:.]/g, '-');
    const policies = join(dataFolder, 'policies');
    for (const [run, versions] of held) {
      await moveLater(join(policies, run.id), run.policyVersion, join(policies, `replaced-${stamp}`, run.id));
      for (const [version, folder] of versions) await putVersion(join(policies, run.id), version, folder);
    }
    const replaced = await putStore(join(snapshot, snapshotFileName), join(dataFolder, 'replay'), stamp);
    await rm(join(dataFolder, 'nats'), { recursive: true, force: true });
    return { manifest, replaced };
  } finally {
    await lock.release();
  }
}

async function putStore(source: string, folder: string, stamp: string): Promise<string | null> {
  await mkdir(folder, { recursive: true });
  const target = join(folder, snapshotFileName);
  const staged = join(folder, `restored-${randomUUID()}.mdb`);
  await copyFile(source, staged);
  await syncPath(staged);
  const kept = join(folder, `replaced-${stamp}.mdb`);
  const replaced = await link(target, kept).then(
    () => kept,
    (error: unknown) => ifMissing(error),
  );
  await rename(staged, target);
  await rm(join(folder, 'lock.mdb'), { force: true });
  await syncPath(folder);
  return replaced;
}

function ifMissing(error: unknown): null {
  if (SegueError.from(error).code === 'NOT_FOUND') return null;
  throw SegueError.from(error);
}

/** Moves versions of a later time out of the way: other ones will have their numbers. */
async function moveLater(runFolder: string, policyVersion: number, aside: string): Promise<void> {
  const names = await readdir(runFolder).catch((error: unknown) => ifMissing(error));
  for (const name of names ?? []) {
    if (!/^\d+$/.test(name) || Number(name) <= policyVersion) continue;
    await mkdir(aside, { recursive: true });
    await rename(await realpath(join(runFolder, name)), join(aside, name));
    await rm(join(runFolder, name));
  }
}

/** A version as the policy store keeps it: a hidden folder of its content, and a link with its number. One that is there already stays. */
async function putVersion(runFolder: string, version: number, source: string): Promise<void> {
  const target = join(runFolder, String(version));
  const manifestOf = (folder: string) => readFile(join(folder, manifestFileName), 'utf8').catch(() => null);
  if ((await manifestOf(target)) === (await manifestOf(source))) return;
  const content = `.content-${version}-restored-${randomUUID().slice(0, 8)}`;
  await copyVersion(source, join(runFolder, content));
  const staged = join(runFolder, `.staged-${randomUUID()}`);
  await symlink(content, staged);
  await rename(staged, target);
  await syncPath(runFolder);
}
