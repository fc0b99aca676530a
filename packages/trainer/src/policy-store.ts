/**
 * The policy store: the directory of versions, `<root>/<run>/<version>/` with model.safetensors, config.json, tokenizer
 * files and manifest.json. Only the trainer writes here. A version appears whole or not at all: its files are staged,
 * synced and hashed, then one rename makes it visible. It knows nothing of training.
 *
 * On disk `<version>` is a link to a hidden folder named after its content, so that a version can also be replaced in
 * one step (the warm-up replaces version 0) while readers of the old files go on reading them. A version may also lie in a folder in
 * memory first, where readers of this host find it at once, until it has been copied to the disk.
 */
import { createHash, randomUUID } from 'node:crypto';
import { copyFile, mkdir, open, readdir, readFile, readlink, rename, rm, stat, writeFile } from 'node:fs/promises';
import { isAbsolute, join, resolve } from 'node:path';
import {
  formatPolicyManifest,
  isId,
  isVersionName,
  manifestFileName,
  type PolicyManifest,
  type PolicyVersionInfo,
  parsePolicyManifest,
  requireId,
  SegueError,
  stagedPrefix,
} from '@segue/core';
import type { FileSums } from '@segue/engine';
import { hashFile } from '@segue/service';
import {
  adoptFolders,
  contentName,
  contentOf,
  ifMissing,
  linkVersion,
  needsSweep,
  sweepRun,
  sweepShared,
  syncPath,
} from './run-folder.js';

/** A version that is on disk. */
export interface StoredPolicy {
  readonly manifest: PolicyManifest;
  readonly manifestSha256: string;
  /** Stable path of the version. */
  readonly folder: string;
}

/** What a new version says of itself. */
export type PolicyOrigin = Pick<
  PolicyManifest,
  'runId' | 'version' | 'parent' | 'origin' | 'inputHash' | 'startHash' | 'metrics'
>;

const maxRememberedSums = 256;
/** An empty file beside the runs' folders for each run whose versions somebody held at the last look: its name ends with the run's. */
const heldPrefix = '.held-';

/** Puts a version's files into a folder that does not exist yet; tells the SHA-256 of those that it has summed while it wrote them. */
export type WriteVersion = (folder: string) => Promise<FileSums> | Promise<void>;

/** Called when a version is staged and synced, before the rename that makes it visible. */
export type BeforeReveal = (origin: PolicyOrigin) => Promise<void>;

export class PolicyStore {
  readonly root: string;
  readonly #sharedFolder: string | null;
  readonly #beforeReveal: BeforeReveal | undefined;
  /** Sums of files that this process has written or compared, by what the system tells of the file: changed or replaced, it is another one. */
  readonly #sums = new Map<string, string>();
  /** By run, contents whose versions this process has removed or replaced: only their readers still need them. */
  readonly #givenUp = new Map<string, ReadonlySet<string>>();

  /** @param sharedFolder in memory, for new versions; null: they are made on the disk @param beforeReveal for tests */
  constructor(root: string, sharedFolder: string | null = null, beforeReveal?: BeforeReveal) {
    this.root = root;
    this.#sharedFolder = sharedFolder === null ? null : resolve(sharedFolder);
    this.#beforeReveal = beforeReveal;
  }

  folder(runId: string, version: number): string {
    return join(this.#runFolder(runId), String(version));
  }

  /** The version, or null when it is not kept. DATA_LOSS when its manifest cannot be read. */
  async find(runId: string, version: number): Promise<StoredPolicy | null> {
    const folder = this.folder(runId, version);
    const bytes = await readFile(join(folder, manifestFileName)).catch(ifMissing(null));
    if (bytes === null) return null;
    const manifest = parsePolicyManifest(bytes.toString('utf8'), folder);
    return { manifest, manifestSha256: sha256(bytes), folder };
  }

  /** The version; NOT_FOUND when it is not kept. */
  async get(runId: string, version: number): Promise<StoredPolicy> {
    const found = await this.find(runId, version);
    if (found) return found;
    const kept = await this.versions(runId);
    throw new SegueError(
      'NOT_FOUND',
      `version ${version} of run ${runId} is not in the policy store ${this.root}; kept are: ${kept.join(', ') || 'none'}`,
    );
  }

  /**
   * The version with every file compared with the manifest; DATA_LOSS names the damaged one. A file that this process has written or compared, and that
   * nobody has touched since as far as the system knows, is not read again.
   */
  async verify(runId: string, version: number): Promise<StoredPolicy> {
    const stored = await this.get(runId, version);
    const damaged = (file: string, how: string) =>
      new SegueError('DATA_LOSS', `version ${version} of run ${runId}: ${join(stored.folder, file)} ${how}`);
    if (stored.manifest.runId !== runId || stored.manifest.version !== version) {
      throw damaged(manifestFileName, `is that of version ${stored.manifest.version} of run ${stored.manifest.runId}`);
    }
    for (const { name, bytes, sha256: expected } of stored.manifest.files) {
      const path = join(stored.folder, name);
      const identity = await identityOf(path).catch(ifMissing(null));
      if (identity !== null && this.#sums.get(identity) === expected) continue;
      const actual = await describeFile(path).catch(ifMissing(null));
      if (actual === null) throw damaged(name, 'is missing');
      if (actual.bytes !== bytes) throw damaged(name, `has ${actual.bytes} bytes instead of ${bytes}`);
      if (actual.sha256 !== expected) throw damaged(name, 'does not match its checksum');
      if (identity !== null) this.#remember(identity, expected);
    }
    return stored;
  }

  /** Kept versions of a run, ascending. */
  async versions(runId: string): Promise<number[]> {
    const names = await readdir(this.#runFolder(runId)).catch(ifMissing([]));
    return names
      .filter(isVersionName)
      .map(Number)
      .sort((a, b) => a - b);
  }

  /**
   * Makes a version: `write` puts the files into a folder that does not exist yet, which is then hashed, synced and
   * made visible at once. A version of that number that is there already is replaced.
   */
  async put(origin: PolicyOrigin, write: WriteVersion): Promise<StoredPolicy> {
    const runFolder = this.#runFolder(origin.runId);
    await mkdir(runFolder, { recursive: true });
    await this.sweep(origin.runId);
    return this.#make(origin, write, runFolder);
  }

  /** As `put`, but in the shared folder, where there is one: `persist` makes it last. */
  async putShared(origin: PolicyOrigin, write: WriteVersion): Promise<StoredPolicy> {
    if (this.#sharedFolder === null) return this.put(origin, write);
    await mkdir(this.#runFolder(origin.runId), { recursive: true });
    const shared = join(this.#sharedFolder, origin.runId);
    await mkdir(shared, { recursive: true, mode: 0o700 });
    await sweepShared(shared);
    return this.#make(origin, write, shared);
  }

  /** Copies a version that lies in the shared folder to the disk; its name then leads there, and who reads the copy in memory goes on. */
  async persist({ manifest: { runId, version, files }, manifestSha256 }: StoredPolicy): Promise<void> {
    const runFolder = this.#runFolder(runId);
    await adoptFolders(runFolder);
    const source = await readlink(this.folder(runId, version));
    if (!isAbsolute(source)) return;
    await this.sweep(runId);
    const staged = join(runFolder, `${stagedPrefix}${randomUUID()}`);
    try {
      await mkdir(staged);
      for (const name of [...files.map((file) => file.name), manifestFileName]) {
        await copyFile(join(source, name), join(staged, name));
        await syncPath(join(staged, name));
      }
      await this.#rememberAll(staged, files);
      await syncPath(staged);
      const content = contentName(version, manifestSha256.slice(0, 12));
      await rename(staged, join(runFolder, content));
      await this.#link(runId, version, content);
    } finally {
      await rm(staged, { recursive: true, force: true });
    }
  }

  /** @param home the folder that holds the version: the run's own, whose files last, or the shared one */
  async #make(origin: PolicyOrigin, write: WriteVersion, home: string): Promise<StoredPolicy> {
    const { runId, version } = origin;
    const isOnDisk = home === this.#runFolder(runId);
    const staged = join(home, `${stagedPrefix}${randomUUID()}`);
    try {
      const written = await write(staged);
      const sums = typeof written === 'object' ? written : {};
      const names = (await readdir(staged)).filter((name) => name !== manifestFileName).sort();
      const files = [];
      for (const name of names) files.push({ name, ...(await describeFile(join(staged, name), isOnDisk, sums[name])) });
      await this.#rememberAll(staged, files);
      const text = formatPolicyManifest({ formatVersion: 1, ...origin, files });
      await writeFile(join(staged, manifestFileName), text, { flush: isOnDisk });
      if (isOnDisk) await syncPath(staged);
      await this.#beforeReveal?.(origin);
      const content = contentName(version, sha256(Buffer.from(text)).slice(0, 12));
      await rename(staged, join(home, content));
      await this.#link(runId, version, isOnDisk ? content : join(home, content));
    } finally {
      await rm(staged, { recursive: true, force: true });
    }
    return this.get(runId, version);
  }

  /**
   * Removes all but the newest `keep` versions, version 0, where every evaluation of a run begins, and those that are in use.
   */
  async prune(runId: string, keep: number, inUse: ReadonlySet<number>): Promise<void> {
    const versions = await this.versions(runId);
    for (const version of versions.slice(0, -keep)) {
      if (version > 0 && !inUse.has(version)) await this.#remove(runId, version);
    }
    await this.sweep(runId);
  }

  /** Runs of which `noteHeld` was told so last, by this process or one before it. */
  async heldRuns(): Promise<string[]> {
    const names = await readdir(this.root).catch(ifMissing([]));
    const runs = names.filter((name) => name.startsWith(heldPrefix)).map((name) => name.slice(heldPrefix.length));
    return runs.filter(isId);
  }

  async noteHeld(runId: string, isHeld: boolean): Promise<void> {
    const note = join(this.root, heldPrefix + requireId(runId, 'run id'));
    await (isHeld ? writeFile(note, '') : rm(note, { force: true }));
  }

  /** Runs that have versions here. */
  async runs(): Promise<string[]> {
    const names = await readdir(this.root, { withFileTypes: true }).catch(ifMissing([]));
    return names.filter((entry) => entry.isDirectory() && isId(entry.name)).map(({ name }) => name);
  }

  /** Removes all but these versions; answers how many. */
  async keepOnly(runId: string, kept: ReadonlySet<number>): Promise<number> {
    const gone = (await this.versions(runId)).filter((version) => !kept.has(version));
    if (gone.length === 0) return 0;
    for (const version of gone) await this.#remove(runId, version);
    await this.sweep(runId);
    return gone.length;
  }

  /** Runs with contents that no version points to and that nobody has looked at since, or long enough ago. */
  async runsToSweep(): Promise<string[]> {
    const runs: string[] = [];
    for (const runId of await this.runs()) {
      if (await needsSweep(this.#runFolder(runId), this.#givenUpOf(runId))) runs.push(runId);
    }
    return runs;
  }

  /** Removes what no version points to, and takes over versions that lie here as plain folders, which needs a little space; not while one of the run is being written. */
  async sweep(runId: string): Promise<void> {
    const runFolder = this.#runFolder(runId);
    await sweepRun(runFolder, this.#givenUpOf(runId));
    this.#givenUp.delete(runId);
    await adoptFolders(runFolder);
  }

  info({ manifest, manifestSha256, folder }: StoredPolicy): PolicyVersionInfo {
    const { runId, version, parent, files } = manifest;
    const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
    return { ref: { runId, version, manifestSha256 }, parent, bytes, folder };
  }

  /** Turns the version's link to a folder. */
  async #link(runId: string, version: number, content: string): Promise<void> {
    const runFolder = this.#runFolder(runId);
    await adoptFolders(runFolder);
    const before = await contentOf(runFolder, version);
    await linkVersion(runFolder, version, content);
    this.#giveUp(runId, before);
  }

  async #remove(runId: string, version: number): Promise<void> {
    const runFolder = this.#runFolder(runId);
    const content = await contentOf(runFolder, version);
    if (content === null) {
      // Not half of it under its name: it may be a plain folder. A link into memory goes alike.
      const going = join(runFolder, `${stagedPrefix}${randomUUID()}`);
      await rename(this.folder(runId, version), going);
      await rm(going, { recursive: true, force: true });
      return;
    }
    await rm(this.folder(runId, version), { force: true });
    this.#giveUp(runId, content);
  }

  #giveUp(runId: string, content: string | null): void {
    if (content !== null) this.#givenUp.set(runId, new Set(this.#givenUpOf(runId)).add(content));
  }

  #givenUpOf(runId: string): ReadonlySet<string> {
    return this.#givenUp.get(runId) ?? new Set();
  }

  async #rememberAll(folder: string, files: PolicyManifest['files']): Promise<void> {
    for (const { name, sha256 } of files) this.#remember(await identityOf(join(folder, name)), sha256);
  }

  /** Of the newest files alone: older ones are read again, should they be asked for. */
  #remember(identity: string, sha256: string): void {
    this.#sums.delete(identity);
    this.#sums.set(identity, sha256);
    const [oldest] = this.#sums.keys();
    if (this.#sums.size > maxRememberedSums && oldest !== undefined) this.#sums.delete(oldest);
  }

  #runFolder(runId: string): string {
    return join(this.root, requireId(runId, 'run id'));
  }
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** Tells a file from any other, and from itself once it has been changed. */
async function identityOf(path: string): Promise<string> {
  const { dev, ino, size, mtimeNs, ctimeNs } = await stat(path, { bigint: true });
  return [dev, ino, size, mtimeNs, ctimeNs].join(':');
}

/** Size and hash of a file. @param sync writes it through to the disk first @param known its hash, where that was taken while it was written */
async function describeFile(path: string, sync = false, known?: string): Promise<{ bytes: number; sha256: string }> {
  const file = await open(path, 'r');
  try {
    if (sync) await file.sync();
    if (known !== undefined) return { bytes: (await file.stat()).size, sha256: known };
    const sha256 = await hashFile(file);
    return { bytes: (await file.stat()).size, sha256 };
  } finally {
    await file.close();
  }
}
