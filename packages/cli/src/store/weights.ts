/**
 * The policy versions that the runs of a snapshot go on from: which they are, copies of them, and what is missing. A trainer that goes on removes old versions
 * meanwhile, so a copy is compared with its manifest, and a version that was left behind fails the snapshot: another one is taken. It knows nothing of the store.
 */
import type { CopyOptions } from 'node:fs';
import { cp, mkdir, readdir, readFile, realpath, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import {
  isVersionName,
  manifestFileName,
  parsePolicyManifest,
  requireId,
  SegueError,
  type SnapshotRun,
} from '@segue/core';
import { hashOf } from './hash-of.js';
import { syncPath } from './sync-path.js';

export interface MissingVersion {
  readonly runId: string;
  readonly version: number;
}

/**
 * Copies what the runs go on from.
 * @param warn of weights that are not there, where another snapshot would not have them either
 * @throws SegueError UNAVAILABLE when a run has gone on meanwhile and left its version behind
 */
export async function copyWeights(
  runs: readonly SnapshotRun[],
  policies: string,
  target: string,
  warn: (text: string) => void,
): Promise<void> {
  const unfinished = runs.filter(goesOn);
  const isHere = (await readdir(policies).catch(() => null)) !== null;
  if (!isHere && unfinished.some(hasBegun)) {
    const names = unfinished.filter(hasBegun).map(({ id }) => id);
    warn(
      `there is no folder ${policies}: the snapshot holds no weights, without which ${names.join(', ')} cannot go on`,
    );
  }
  for (const run of unfinished) {
    for (const version of versionsOf(run)) {
      const [from, to] = [versionFolder(policies, run, version), versionFolder(target, run, version)];
      let copied = await copyCurrent(from, to);
      // One that was made anew at this moment is whole now.
      if (copied === 'missing' && isHere && isNeeded(run, version)) copied = await copyCurrent(from, to);
      if (copied === 'damaged') warn(`the weights of version ${version} of run ${run.id} are damaged, and left out`);
      if (copied !== 'missing') continue;
      if (!isHere || !isNeeded(run, version)) continue;
      const named = await versionsIn(dirname(from));
      if (named.includes(version)) {
        // What is broken for good must not keep the store from being saved.
        warn(`files of version ${version} of run ${run.id} are missing in ${policies}: its weights are left out`);
        continue;
      }
      if (named.some((one) => one > version)) {
        const message = `run ${run.id} has gone on while the snapshot was taken, and the weights of version ${version} are not in ${policies} any more: take it again`;
        throw new SegueError('UNAVAILABLE', message);
      }
      warn(`run ${run.id} goes on from version ${version}, whose weights are not in ${policies}`);
    }
  }
}

async function copyCurrent(from: string, to: string): Promise<'whole' | 'damaged' | 'missing'> {
  try {
    await copyVersion(from, to);
    return 'whole';
  } catch (error) {
    const { code } = SegueError.from(error);
    if (code !== 'NOT_FOUND' && code !== 'DATA_LOSS') throw error;
    await rm(`${to}.part`, { recursive: true, force: true });
    return code === 'DATA_LOSS' ? 'damaged' : 'missing';
  }
}

/** Versions of unfinished runs that are needed and not there, after a restore. */
export async function missingVersions(runs: readonly SnapshotRun[], policies: string): Promise<MissingVersion[]> {
  const missing: MissingVersion[] = [];
  for (const run of runs.filter(goesOn)) {
    for (const version of versionsOf(run)) {
      const isThere = await readFile(join(versionFolder(policies, run, version), manifestFileName)).then(
        () => true,
        () => false,
      );
      if (!isThere && isNeeded(run, version)) missing.push({ runId: run.id, version });
    }
  }
  return missing;
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

/** Copies a version's files, synced, so that the copy appears whole. NOT_FOUND when it, or a part of it, is not there (any more), DATA_LOSS when it is damaged. */
export function copyVersion(from: string, to: string): Promise<void> {
  return copyWhole(from, to, { dereference: true }, requireSizes);
}

/** Copies a folder as it is, its links too, synced, so that the copy appears whole. */
export function copyFolder(from: string, to: string): Promise<void> {
  return copyWhole(from, to, { verbatimSymlinks: true });
}

/** @param check of the copy, before it appears */
async function copyWhole(
  from: string,
  to: string,
  links: Pick<CopyOptions, 'dereference' | 'verbatimSymlinks'>,
  check?: (copy: string) => Promise<void>,
): Promise<void> {
  const staged = `${to}.part`;
  await rm(staged, { recursive: true, force: true });
  await mkdir(dirname(to), { recursive: true });
  await cp(await realpath(from), staged, { recursive: true, ...links });
  await check?.(staged);
  for (const entry of await readdir(staged, { withFileTypes: true })) {
    // A link lies in its folder; it may lead nowhere.
    if (!entry.isSymbolicLink()) await syncPath(join(staged, entry.name));
  }
  await syncPath(staged);
  await rename(staged, to);
  await syncPath(dirname(to));
}

/** A folder that is removed while it is copied gives a part of its files. */
async function requireSizes(folder: string): Promise<void> {
  const manifest = parsePolicyManifest(await readFile(join(folder, manifestFileName), 'utf8'), folder);
  for (const { name, bytes } of manifest.files) {
    const { size } = await stat(join(folder, name));
    if (size !== bytes)
      throw new SegueError('DATA_LOSS', `${join(folder, name)} has ${size} bytes instead of ${bytes}`);
  }
}

/** Versions of a run that have a name, whether their files are there or not. */
async function versionsIn(runFolder: string): Promise<number[]> {
  const names = await readdir(runFolder).catch(() => []);
  return names.filter(isVersionName).map(Number);
}

/** Versions that a run may need in order to go on: the one it stands at, and that which came of its frozen batch, if it was made yet. */
function versionsOf({ policyVersion, iterationState }: SnapshotRun): number[] {
  return iterationState === 'frozen' ? [policyVersion, policyVersion + 1] : [policyVersion];
}

/** It cannot go on without. Before its first iteration a run may have no version yet, and what comes of a frozen batch is made anew. */
function isNeeded(run: SnapshotRun, version: number): boolean {
  return hasBegun(run) && version === run.policyVersion;
}

function hasBegun({ iteration }: SnapshotRun): boolean {
  return iteration !== null;
}

/** Where a version lies. Ids come from a store's answer or a snapshot's file: one that is none would lead elsewhere. */
function versionFolder(policies: string, { id }: SnapshotRun, version: number): string {
  return join(policies, requireId(id, 'run id'), String(version));
}

/** Runs that are over need no weights to go on from. */
function goesOn({ state }: SnapshotRun): boolean {
  return state !== 'finished' && state !== 'stopped';
}
