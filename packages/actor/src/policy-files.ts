/**
 * Brings a policy version onto this host, checked: the trainer's own folder where it can be read, else a copy
 * downloaded from the trainer. Every file is compared with the manifest before the engine sees it. It never writes into
 * the trainer's folder.
 */
import { createHash } from 'node:crypto';
import { mkdir, open, readdir, readFile, realpath, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Client } from '@segue/bus';
import {
  manifestFileName,
  type PolicyManifest,
  type PolicyRef,
  parsePolicyManifest,
  SegueError,
  type TrainerApi,
} from '@segue/core';

export interface PolicyFilesOptions {
  /** Where downloaded versions lie; made when it is needed. */
  readonly cacheFolder: string;
  readonly trainer: () => Promise<Pick<Client<TrainerApi>, 'downloadPolicy'>>;
  /** Downloaded versions that stay: the newest of a run, and beside them what is needed. */
  readonly keepVersions: number;
  /** Whether somebody here serves the version or has pinned it. Left out: nobody has. */
  readonly isNeeded?: (runId: string, version: number) => boolean;
}

export const policySources = ['shared', 'cached', 'downloaded'] as const;

/** Where a version was found. */
export interface FoundPolicy {
  readonly folder: string;
  readonly source: (typeof policySources)[number];
}

export class PolicyFiles {
  readonly #options: PolicyFilesOptions;

  constructor(options: PolicyFilesOptions) {
    this.#options = options;
  }

  /**
   * A folder with the version's checked files. A shared one is the folder behind the version's name, so that what was checked is what is read
   * even when the version is written anew.
   * @param sharedFolder where the trainer keeps it; null when that is not known
   * @param meanwhile what may be done with the files beside their checking; its result must not be used when this rejects
   * @throws SegueError DATA_LOSS for a version that does not match its manifest, NOT_FOUND when nobody has it any more
   */
  async locate(
    ref: PolicyRef,
    sharedFolder: string | null,
    signal?: AbortSignal,
    meanwhile: (folder: string) => Promise<void> = async () => undefined,
  ): Promise<FoundPolicy> {
    if (sharedFolder && (await isReadable(sharedFolder))) {
      const folder = await realpath(sharedFolder);
      await Promise.all([requireIntact(folder, ref), meanwhile(folder)]);
      return { folder, source: 'shared' };
    }
    const folder = join(this.#options.cacheFolder, ref.runId, String(ref.version));
    const isCached = (await isReadable(folder)) && (await isIntact(folder, ref));
    if (!isCached) await this.#download(ref, folder, signal);
    await meanwhile(folder);
    return { folder, source: isCached ? 'cached' : 'downloaded' };
  }

  async #download(ref: PolicyRef, folder: string, signal?: AbortSignal): Promise<void> {
    const staging = `${folder}.part`;
    await rm(staging, { recursive: true, force: true });
    await mkdir(staging, { recursive: true });
    const trainer = await orAborted(this.#options.trainer(), signal);
    for await (const chunk of trainer.downloadPolicy({ policy: ref }, { signal })) {
      requirePlainName(chunk.file);
      await appendAt(join(staging, chunk.file), chunk.data, chunk.offset);
    }
    await requireIntact(staging, ref);
    await rm(folder, { recursive: true, force: true });
    await rename(staging, folder);
    await this.#prune(dirname(folder), ref);
  }

  async #prune(runFolder: string, { runId, version: added }: PolicyRef): Promise<void> {
    const { keepVersions, isNeeded } = this.#options;
    const versions = (await readdir(runFolder))
      .map(Number)
      .filter(Number.isInteger)
      .sort((a, b) => b - a);
    for (const version of versions.slice(keepVersions)) {
      if (version === added || isNeeded?.(runId, version)) continue;
      await rm(join(runFolder, String(version)), { recursive: true, force: true });
    }
  }
}

/** Stops waiting when the signal fires. */
function orAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return work;
  return new Promise((resolve, reject) => {
    const stop = () => reject(new SegueError('CANCELLED', 'a newer version was announced'));
    if (signal.aborted) stop();
    signal.addEventListener('abort', stop, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop));
  });
}

async function isReadable(folder: string): Promise<boolean> {
  return readFile(join(folder, manifestFileName)).then(
    () => true,
    () => false,
  );
}

async function isIntact(folder: string, ref: PolicyRef): Promise<boolean> {
  return requireIntact(folder, ref).then(
    () => true,
    () => false,
  );
}

/** Compares every file with the manifest, and the manifest with the reference. */
async function requireIntact(folder: string, ref: PolicyRef): Promise<PolicyManifest> {
  const damaged = (what: string) =>
    new SegueError('DATA_LOSS', `version ${ref.version} of run ${ref.runId} in ${folder} is damaged: ${what}`);
  const bytes = await readFile(join(folder, manifestFileName));
  const manifestSha256 = createHash('sha256').update(bytes).digest('hex');
  if (ref.manifestSha256 !== '' && ref.manifestSha256 !== manifestSha256) {
    throw damaged(`${manifestFileName} is not the one that was announced`);
  }
  const manifest = parsePolicyManifest(bytes.toString('utf8'), folder);
  if (manifest.version !== ref.version) throw damaged(`it holds version ${manifest.version}`);
  for (const { name, sha256 } of manifest.files) {
    const actual = await hashFile(join(folder, name)).catch(() => null);
    if (actual === null) throw damaged(`${name} cannot be read`);
    if (actual !== sha256) throw damaged(`${name} does not match its checksum`);
  }
  return manifest;
}

/** Files come in order and each from its start: a chunk is what follows. */
async function appendAt(path: string, data: Uint8Array, offset: number): Promise<void> {
  const file = await open(path, offset === 0 ? 'w' : 'r+');
  try {
    await file.write(data, 0, data.length, offset);
  } finally {
    await file.close();
  }
}

async function hashFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  const handle = await open(path);
  try {
    for await (const chunk of handle.createReadStream({ highWaterMark: 1 << 20 })) hash.update(chunk);
  } finally {
    await handle.close();
  }
  return hash.digest('hex');
}

function requirePlainName(name: string): void {
  if (/^[A-Za-z0-9_-][A-Za-z0-9._-]*$/.test(name)) return;
  throw new SegueError('DATA_LOSS', `the trainer sent a file named ${JSON.stringify(name.slice(0, 100))}`);
}
