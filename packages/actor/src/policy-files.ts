/**
 * Brings a policy version onto this host, checked: the trainer's own folder where it can be read, else a copy
 * downloaded from an actor that serves it, or from the trainer. Every file is compared with the manifest before the engine sees it. It never writes into
 * the trainer's folder.
 */
import { createHash } from 'node:crypto';
import { open, readdir, readFile, realpath, rename, rm, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { manifestFileName, type PolicyRef, parsePolicyManifest, SegueError } from '@segue/core';
import { hashFile } from '@segue/service';
import { downloadFrom, type PolicySource } from './policy-download.js';
import { notWanted, orAborted, SharedWork } from './shared-work.js';

export interface PolicyFilesOptions {
  /** Where downloaded versions lie; made when it is needed. */
  readonly cacheFolder: string;
  readonly trainer: () => Promise<PolicySource>;
  /** Who else may have a version, to be asked before the trainer. Left out: nobody. */
  readonly peers?: (ref: PolicyRef) => Promise<readonly PolicySource[]>;
  /** Something that came was of no use and is fetched again. */
  readonly onRefetch?: (error: SegueError) => void;
  /** Downloaded versions that stay: the newest of the run that downloads, what was asked for last, and beside them what is needed. */
  readonly keepVersions: number;
  /** Whether somebody here serves the version or has pinned it. Left out: nobody has. */
  readonly isNeeded?: (runId: string, version: number) => boolean;
}

export const policySources = ['shared', 'cached', 'peer', 'downloaded'] as const;

/** Where a version was found. */
export interface FoundPolicy {
  readonly folder: string;
  readonly source: (typeof policySources)[number];
  /** Of the content that was checked. */
  readonly manifestSha256: string;
}

type FoundContent = Omit<FoundPolicy, 'folder'>;

/** A look for a version in its folder of the cache, and its download. */
interface Search {
  readonly manifestSha256: string;
  readonly work: SharedWork<FoundContent>;
}

export class PolicyFiles {
  readonly #options: PolicyFilesOptions;
  /** What is searched or downloaded now, by folder. */
  readonly #searches = new Map<string, Search>();
  /** Folders that were asked for last, the newest at the end: who reads one may not have said yet that he needs it. */
  #asked: readonly string[] = [];

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
      const [manifestSha256] = await Promise.all([requireIntact(folder, ref), meanwhile(folder)]);
      return { folder, source: 'shared', manifestSha256 };
    }
    const folder = join(this.#options.cacheFolder, ref.runId, String(ref.version));
    this.#asked = [...this.#asked.filter((other) => other !== folder), folder].slice(-this.#options.keepVersions);
    const found = await this.#search(ref, folder, signal);
    await meanwhile(folder);
    return { folder, ...found };
  }

  /** In the cache, else downloaded: once for all who ask at the same time, whose download ends early only when none of them waits any more. */
  async #search(ref: PolicyRef, folder: string, signal?: AbortSignal): Promise<FoundContent> {
    for (;;) {
      if (signal?.aborted) throw notWanted();
      const { manifestSha256, work } = this.#searches.get(folder) ?? this.#begin(ref, folder);
      if (manifestSha256 === ref.manifestSha256 && !work.isCalledOff) return work.wait(signal);
      // Other content under the same number, or one that nobody wanted any more: its files are out of the way first.
      await orAborted(work.settled, signal);
    }
  }

  #begin(ref: PolicyRef, folder: string): Search {
    const work = new SharedWork<FoundContent>(async (signal) => {
      try {
        const cached = (await isReadable(folder)) ? await requireIntact(folder, ref).catch(() => null) : null;
        if (cached !== null) return { source: 'cached', manifestSha256: cached };
        return await this.#download(ref, folder, signal);
      } finally {
        this.#searches.delete(folder);
      }
    });
    const search = { manifestSha256: ref.manifestSha256, work };
    this.#searches.set(folder, search);
    return search;
  }

  /** From who serves it here and now, else from the trainer. */
  async #download(ref: PolicyRef, folder: string, signal: AbortSignal): Promise<FoundContent> {
    const { peers, trainer, onRefetch } = this.#options;
    const staging = stagingOf(folder);
    const fetch = async (source: PolicySource) => {
      try {
        await downloadFrom(source, ref, staging, signal, onRefetch);
        const manifestSha256 = await requireIntact(staging, ref);
        await rm(folder, { recursive: true, force: true });
        await rename(staging, folder);
        return manifestSha256;
      } finally {
        await rm(staging, { recursive: true, force: true });
      }
    };
    for (const peer of (await peers?.(ref)) ?? []) {
      try {
        const manifestSha256 = await fetch(peer);
        await this.#prune(ref.runId);
        return { source: 'peer', manifestSha256 };
      } catch (cause) {
        if (signal.aborted) throw cause;
        // It may have gone on to another version, or be gone itself: the trainer has them all.
        onRefetch?.(SegueError.from(cause));
      }
    }
    const manifestSha256 = await fetch(await orAborted(trainer(), signal));
    await this.#prune(ref.runId);
    return { source: 'downloaded', manifestSha256 };
  }

  /** Removes older versions of the run, those of other runs, and what a process that was killed had begun to download. */
  async #prune(runId: string): Promise<void> {
    const { cacheFolder, keepVersions } = this.#options;
    for (const run of await foldersIn(cacheFolder)) {
      const folder = join(cacheFolder, run);
      const names = await foldersIn(folder);
      const versions = names.map(Number).filter(Number.isInteger);
      const newest = versions.sort((a, b) => b - a).slice(0, run === runId ? keepVersions : 0);
      const stays = (name: string) => newest.includes(Number(name)) || this.#isInUse(folder, run, name);
      const gone = names.filter((name) => !stays(name));
      for (const name of gone) {
        // Somebody may have asked for it while others were removed.
        if (!this.#isInUse(folder, run, name)) await rm(join(folder, name), { recursive: true, force: true });
      }
      // Unless something was put there meanwhile, or stayed.
      if (gone.length === names.length) await rmdir(folder).catch(() => undefined);
    }
  }

  /** Whether a folder of the cache is served, pinned, read, or filled. */
  #isInUse(runFolder: string, runId: string, name: string): boolean {
    const folder = join(runFolder, name);
    const isAsked = this.#asked.includes(folder) || this.#searches.has(folder);
    const isFilled = [...this.#searches.keys()].some((searched) => stagingOf(searched) === folder);
    return isAsked || isFilled || this.#options.isNeeded?.(runId, Number(name)) === true;
  }
}

function stagingOf(folder: string): string {
  return `${folder}.part`;
}

/** Names of the folders in one; none when it is not there. */
async function foldersIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
}

async function isReadable(folder: string): Promise<boolean> {
  return readFile(join(folder, manifestFileName)).then(
    () => true,
    () => false,
  );
}

/** Compares every file with the manifest, and the manifest with the reference. @returns the manifest's checksum */
async function requireIntact(folder: string, ref: PolicyRef): Promise<string> {
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
  return manifestSha256;
}

async function hashOf(path: string): Promise<string> {
  const file = await open(path);
  try {
    return await hashFile(file);
  } finally {
    await file.close();
  }
}
