/**
 * Brings a policy version onto this host, checked: the trainer's own folder where it can be read, else a copy
 * downloaded from an actor that serves it, or from the trainer. Every file is compared with the manifest before the engine sees it. It never writes into
 * the trainer's folder.
 */
import { createHash } from 'node:crypto';
import { open, readdir, readFile, realpath, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { manifestFileName, type PolicyManifest, type PolicyRef, parsePolicyManifest, SegueError } from '@segue/core';
import { hashFile } from '@segue/service';
import { downloadFrom, type PolicySource } from './policy-download.js';

export interface PolicyFilesOptions {
  /** Where downloaded versions lie; made when it is needed. */
  readonly cacheFolder: string;
  readonly trainer: () => Promise<PolicySource>;
  /** Who else may have a version, to be asked before the trainer. Left out: nobody. */
  readonly peers?: (ref: PolicyRef) => Promise<readonly PolicySource[]>;
  /** Something that came was of no use and is fetched again. */
  readonly onRefetch?: (error: SegueError) => void;
  /** Downloaded versions that stay: the newest of a run, and beside them what is needed. */
  readonly keepVersions: number;
  /** Whether somebody here serves the version or has pinned it. Left out: nobody has. */
  readonly isNeeded?: (runId: string, version: number) => boolean;
}

export const policySources = ['shared', 'cached', 'peer', 'downloaded'] as const;

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
    const source = isCached ? 'cached' : await this.#download(ref, folder, signal);
    await meanwhile(folder);
    return { folder, source };
  }

  /** From who serves it here and now, else from the trainer. */
  async #download(ref: PolicyRef, folder: string, signal?: AbortSignal): Promise<'peer' | 'downloaded'> {
    const { peers, trainer, onRefetch } = this.#options;
    const staging = `${folder}.part`;
    const fetch = async (source: PolicySource) => {
      await downloadFrom(source, ref, staging, signal, onRefetch);
      await requireIntact(staging, ref);
      await rm(folder, { recursive: true, force: true });
      await rename(staging, folder);
      await this.#prune(dirname(folder), ref);
    };
    for (const peer of (await peers?.(ref)) ?? []) {
      try {
        await fetch(peer);
        return 'peer';
      } catch (cause) {
        if (signal?.aborted) throw cause;
        // It may have gone on to another version, or be gone itself: the trainer has them all.
        onRefetch?.(SegueError.from(cause));
      }
    }
    await fetch(await orAborted(trainer(), signal));
    return 'downloaded';
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
    const actual = await hashOf(join(folder, name)).catch(() => null);
    if (actual === null) throw damaged(`${name} cannot be read`);
    if (actual !== sha256) throw damaged(`${name} does not match its checksum`);
  }
  return manifest;
}

async function hashOf(path: string): Promise<string> {
  const file = await open(path);
  try {
    return await hashFile(file);
  } finally {
    await file.close();
  }
}
