/**
 * Puts a snapshot in the place of a cluster's store. The cluster must be down. What was in its place is kept beside it; what the broker still holds belongs to a
 * later time and is removed; policy versions that the snapshot's runs go on from come back, and later
 * ones are moved aside, since their iterations are run again, and so are those of later runs, whose ids are given again. One that was cut off may be run again, and no cluster starts before it was.
 */
import { randomUUID } from 'node:crypto';
import { copyFile, link, mkdir, readdir, readFile, realpath, rename, rm, symlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import {
  adoptingPrefix,
  contentPrefix,
  isId,
  isVersionName,
  manifestFileName,
  SegueError,
  type SnapshotManifest,
  type SnapshotRun,
  snapshotFileName,
  stagedPrefix,
} from '@segue/core';
import { makeClosedFolder } from '../cluster/closed-folder.js';
import { FolderLock } from '../cluster/folder-lock.js';
import { endOrphan } from '../cluster/nats-server.js';
import { hashOf } from './hash-of.js';
import { openSnapshot } from './snapshot-folder.js';
import { syncPath } from './sync-path.js';
import { beginRestore, endRestore } from './unfinished-restore.js';
import { copyFolder, copyVersion, heldVersions, type MissingVersion, missingVersions } from './weights.js';

const restoredPrefix = 'restored-';

export interface Restored {
  readonly manifest: SnapshotManifest;
  /** Where the file that was replaced lies now; null when there was none. */
  readonly replaced: string | null;
  /** Later runs, whose ids will be given again: their versions are aside. */
  readonly unknown: readonly string[];
  /** Versions that runs go on from, and that neither the snapshot nor the data folder has. */
  readonly missing: readonly MissingVersion[];
}

/** @throws SegueError FAILED_PRECONDITION while a cluster runs on the folder */
export async function restoreSnapshot(snapshot: string, dataFolder: string): Promise<Restored> {
  const manifest = await openSnapshot(snapshot);
  const held = new Map<SnapshotRun, ReadonlyMap<number, string>>();
  for (const run of manifest.runs) held.set(run, await heldVersions(snapshot, run));
  // Like the snapshot, of which it is made.
  await makeClosedFolder(dataFolder);
  const lock = await FolderLock.take(dataFolder);
  try {
    await beginRestore(dataFolder, snapshot);
    const stamp = new Date().toISOString().replaceAll(/[:.]/g, '-');
    const policies = join(dataFolder, 'policies');
    const aside = join(policies, `replaced-${stamp}`);
    for (const [run, versions] of held) {
      await moveLater(join(policies, run.id), run.policyVersion, join(aside, run.id));
      for (const [version, folder] of versions) await putVersion(join(policies, run.id), version, folder);
    }
    const unknown = await moveUnknown(policies, manifest, aside);
    const replaced = await putStore(snapshot, manifest, join(dataFolder, 'replay'), stamp);
    const nats = join(dataFolder, 'nats');
    // Before the folder goes, and with it the number of a server that nobody has stopped.
    await endOrphan(nats);
    await rm(nats, { recursive: true, force: true });
    await syncPath(dataFolder);
    await endRestore(dataFolder);
    return { manifest, replaced, unknown, missing: await missingVersions(manifest.runs, policies) };
  } finally {
    await lock.release();
  }
}

/** Answers where the file that was there lies now; null when there was none, or an earlier try has put the snapshot there. */
async function putStore(
  snapshot: string,
  { sha256 }: SnapshotManifest,
  folder: string,
  stamp: string,
): Promise<string | null> {
  await mkdir(folder, { recursive: true });
  const target = join(folder, snapshotFileName);
  const isThere = (await hashOf(target).catch(() => null)) === sha256;
  const replaced = isThere ? null : await swap(join(snapshot, snapshotFileName), target, `replaced-${stamp}.mdb`);
  await rm(join(folder, 'lock.mdb'), { force: true });
  for (const name of await readdir(folder)) if (name.startsWith(restoredPrefix)) await rm(join(folder, name));
  await syncPath(folder);
  return replaced;
}

async function swap(source: string, target: string, keptName: string): Promise<string | null> {
  const folder = dirname(target);
  const staged = join(folder, `${restoredPrefix}${randomUUID()}.mdb`);
  await copyFile(source, staged);
  await syncPath(staged);
  const kept = join(folder, keptName);
  const replaced = await link(target, kept).then(
    () => kept,
    (error: unknown) => ifMissing(error),
  );
  await rename(staged, target);
  return replaced;
}

function ifMissing(error: unknown): null {
  if (SegueError.from(error).code === 'NOT_FOUND') return null;
  throw SegueError.from(error);
}

/** Number of a version by its name, or by that of a folder that the trainer was taking over when it died, and would give its name back; -1 of any other. */
function versionOf(name: string): number {
  const number = name.startsWith(adoptingPrefix) ? name.slice(adoptingPrefix.length) : name;
  return isVersionName(number) ? Number(number) : -1;
}

/** Moves versions of a later time out of the way: other ones will have their numbers. */
async function moveLater(runFolder: string, policyVersion: number, aside: string): Promise<void> {
  const names = (await readdir(runFolder).catch((error: unknown) => ifMissing(error))) ?? [];
  const later = names
    .filter((name) => versionOf(name) > policyVersion)
    .sort((a, b) => Number(a.startsWith('.')) - Number(b.startsWith('.')));
  const taken = new Set<number>();
  // Links before hidden folders, which are taken over only where no link leads anywhere.
  for (const name of later) {
    // A link without its content is what a restore leaves that was cut off here.
    const content = await realpath(join(runFolder, name)).catch((error: unknown) => ifMissing(error));
    const version = versionOf(name);
    if (content !== null) {
      await moveAside(content, join(aside, taken.has(version) ? `${version}-again` : String(version)));
      taken.add(version);
    }
    await rm(join(runFolder, name), { force: true });
  }
  if (later.length > 0) await syncPath(runFolder);
}

/**
 * Moves the versions of runs of a later time out of the way: other runs will have their ids. What holds no versions is left alone, and so is all where a
 * snapshot of an earlier version does not say which runs its store had let go of.
 */
async function moveUnknown(policies: string, manifest: SnapshotManifest, aside: string): Promise<string[]> {
  if (manifest.retiredRuns === undefined) return [];
  const known = new Set([...manifest.runs.map(({ id }) => id), ...manifest.retiredRuns]);
  const names = (await readdir(policies).catch((error: unknown) => ifMissing(error))) ?? [];
  const unknown: string[] = [];
  for (const name of names.filter((one) => isId(one) && !known.has(one)).sort()) {
    const inside = await readdir(join(policies, name)).catch(() => []);
    if (!inside.some((one) => versionOf(one) >= 0)) continue;
    await moveAside(join(policies, name), join(aside, name));
    unknown.push(name);
  }
  return unknown;
}

/** Renames, so that it lasts: a note that the restore has ended must not come to the disk before what it did. @param to two or three levels below `policies` */
async function moveAside(from: string, to: string): Promise<void> {
  const folder = dirname(to);
  await mkdir(folder, { recursive: true });
  try {
    await rename(from, to);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EXDEV')) throw error;
    // Another file system: a version that a killed trainer had in memory alone, or whose link somebody has led elsewhere.
    await copyFolder(from, to);
    await rm(from, { recursive: true });
  }
  for (const changed of [folder, dirname(folder), dirname(dirname(folder)), dirname(from)]) await syncPath(changed);
}

/** A version as the policy store keeps it: a hidden folder of its content, and a link with its number. One that is there already stays. */
async function putVersion(runFolder: string, version: number, source: string): Promise<void> {
  const target = join(runFolder, String(version));
  const manifestOf = (folder: string) => readFile(join(folder, manifestFileName), 'utf8').catch(() => null);
  if ((await manifestOf(target)) === (await manifestOf(source))) return;
  const content = `${contentPrefix}${version}-restored-${randomUUID().slice(0, 8)}`;
  await copyVersion(source, join(runFolder, content));
  const staged = join(runFolder, `${stagedPrefix}${randomUUID()}`);
  await symlink(content, staged);
  await rename(staged, target);
  await syncPath(runFolder);
  await syncPath(dirname(runFolder));
}
