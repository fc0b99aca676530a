/**
 * The policy store: the directory of versions, `<root>/<run>/<version>/` with model.safetensors, config.json, tokenizer
 * files and manifest.json. Only the trainer writes here. A version appears whole or not at all: its files are staged,
 * synced and hashed, then one rename makes it visible. It knows nothing of training.
 *
 * On disk `<version>` is a link to a hidden folder named after its content, so that a version can also be replaced in
 * one step (the warm-up replaces version 0) while readers of the old files go on reading them.
 */
import { createHash, randomUUID } from 'node:crypto';
import { mkdir, open, readdir, readFile, readlink, rename, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  formatPolicyManifest,
  isId,
  manifestFileName,
  type PolicyManifest,
  type PolicyVersionInfo,
  parsePolicyManifest,
  requireId,
  SegueError,
} from '@segue/core';

/** A version that is on disk. */
export interface StoredPolicy {
  readonly manifest: PolicyManifest;
  readonly manifestSha256: string;
  /** Stable path of the version. */
  readonly folder: string;
}

/** What a new version says of itself. */
export type PolicyOrigin = Pick<PolicyManifest, 'runId' | 'version' | 'parent' | 'origin' | 'inputHash' | 'metrics'>;

const stagedPrefix = '.staged-';
const contentPrefix = '.content-';

/** Called when a version is staged and synced, before the rename that makes it visible. */
export type BeforeReveal = (origin: PolicyOrigin) => Promise<void>;

export class PolicyStore {
  readonly root: string;
  readonly #beforeReveal: BeforeReveal | undefined;

  /** @param beforeReveal for tests */
  constructor(root: string, beforeReveal?: BeforeReveal) {
    this.root = root;
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

  /** The version with every file compared with the manifest; DATA_LOSS names the damaged one. */
  async verify(runId: string, version: number): Promise<StoredPolicy> {
    const stored = await this.get(runId, version);
    const damaged = (file: string, how: string) =>
      new SegueError('DATA_LOSS', `version ${version} of run ${runId}: ${join(stored.folder, file)} ${how}`);
    if (stored.manifest.runId !== runId || stored.manifest.version !== version) {
      throw damaged(manifestFileName, `is that of version ${stored.manifest.version} of run ${stored.manifest.runId}`);
    }
    for (const { name, bytes, sha256: expected } of stored.manifest.files) {
      const actual = await describeFile(join(stored.folder, name)).catch(ifMissing(null));
      if (actual === null) throw damaged(name, 'is missing');
      if (actual.bytes !== bytes) throw damaged(name, `has ${actual.bytes} bytes instead of ${bytes}`);
      if (actual.sha256 !== expected) throw damaged(name, 'does not match its checksum');
    }
    return stored;
  }

  /** Kept versions of a run, ascending. */
  async versions(runId: string): Promise<number[]> {
    const names = await readdir(this.#runFolder(runId)).catch(ifMissing([]));
    return names
      .filter((name) => /^\d+$/.test(name))
      .map(Number)
      .sort((a, b) => a - b);
  }

  /**
   * Makes a version: `write` puts the files into a folder that does not exist yet, which is then hashed, synced and
   * made visible at once. A version of that number that is there already is replaced.
   */
  async put(origin: PolicyOrigin, write: (folder: string) => Promise<void>): Promise<StoredPolicy> {
    const runFolder = this.#runFolder(origin.runId);
    await mkdir(runFolder, { recursive: true });
    await this.#sweep(runFolder);
    const staged = join(runFolder, `${stagedPrefix}${randomUUID()}`);
    try {
      await write(staged);
      const names = (await readdir(staged)).filter((name) => name !== manifestFileName).sort();
      const files = [];
      for (const name of names) files.push({ name, ...(await describeFile(join(staged, name), true)) });
      const text = formatPolicyManifest({ formatVersion: 1, ...origin, files });
      await writeFile(join(staged, manifestFileName), text, { flush: true });
      await syncFolder(staged);
      await this.#beforeReveal?.(origin);
      await this.#reveal(runFolder, staged, origin.version, sha256(Buffer.from(text)));
    } finally {
      await rm(staged, { recursive: true, force: true });
    }
    return this.get(origin.runId, origin.version);
  }

  /**
   * Removes all but the newest `keep` versions, version 0, where every evaluation of a run begins, and those that are in use.
   */
  async prune(runId: string, keep: number, inUse: ReadonlySet<number>): Promise<void> {
    const versions = await this.versions(runId);
    for (const version of versions.slice(0, -keep)) {
      if (version > 0 && !inUse.has(version)) await rm(this.folder(runId, version), { force: true });
    }
    await this.#sweep(this.#runFolder(runId));
  }

  /** Runs that have versions here. */
  async runs(): Promise<string[]> {
    const names = await readdir(this.root, { withFileTypes: true }).catch(ifMissing([]));
    return names.filter((entry) => entry.isDirectory() && isId(entry.name)).map(({ name }) => name);
  }

  /** Removes all but these versions; answers how many. */
  async keepOnly(runId: string, kept: ReadonlySet<number>): Promise<number> {
    const gone = (await this.versions(runId)).filter((version) => !kept.has(version));
    for (const version of gone) await rm(this.folder(runId, version), { force: true });
    if (gone.length > 0) await this.#sweep(this.#runFolder(runId));
    return gone.length;
  }

  info({ manifest, manifestSha256, folder }: StoredPolicy): PolicyVersionInfo {
    const { runId, version, parent, files } = manifest;
    const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
    return { ref: { runId, version, manifestSha256 }, parent, bytes, folder };
  }

  /** Gives the staged folder the name of its content, and turns the version's link to it. */
  async #reveal(runFolder: string, staged: string, version: number, manifestSha256: string): Promise<void> {
    const content = `${contentPrefix}${version}-${manifestSha256.slice(0, 12)}-${randomUUID().slice(0, 8)}`;
    await rename(staged, join(runFolder, content));
    const link = join(runFolder, `${stagedPrefix}${randomUUID()}`);
    await symlink(content, link);
    await rename(link, join(runFolder, String(version)));
    await syncFolder(runFolder);
  }

  /** Removes what no version points to: half-made ones of a killed process, and replaced ones. */
  async #sweep(runFolder: string): Promise<void> {
    const names = await readdir(runFolder);
    const links = names.filter((name) => /^\d+$/.test(name));
    const used = new Set(await Promise.all(links.map((name) => readlink(join(runFolder, name)))));
    const isLoose = (name: string) =>
      name.startsWith(stagedPrefix) || (name.startsWith(contentPrefix) && !used.has(name));
    for (const name of names.filter(isLoose)) await rm(join(runFolder, name), { recursive: true, force: true });
  }

  #runFolder(runId: string): string {
    return join(this.root, requireId(runId, 'run id'));
  }
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** Size and hash of a file. @param sync writes it through to the disk first */
async function describeFile(path: string, sync = false): Promise<{ bytes: number; sha256: string }> {
  const file = await open(path, 'r');
  try {
    if (sync) await file.sync();
    const hash = createHash('sha256');
    for await (const chunk of file.createReadStream({ highWaterMark: 1 << 20, autoClose: false })) hash.update(chunk);
    return { bytes: (await stat(path)).size, sha256: hash.digest('hex') };
  } finally {
    await file.close();
  }
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

/** Answers a read of something that is not there with `fallback`, and throws any other failure on. */
function ifMissing<T>(fallback: T): (error: unknown) => T {
  return (error) => {
    if (SegueError.from(error).code === 'NOT_FOUND') return fallback;
    throw SegueError.from(error);
  };
}
