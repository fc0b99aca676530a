/**
 * Takes a policy version out of the cluster: downloads its files, compares each with the manifest, and puts the folder in place when all are there. What comes out
 * is a checkpoint in the layout of Hugging Face (docs/checkpoints.md).
 */
import { createHash, randomUUID } from 'node:crypto';
import { lstat, mkdir, open, readdir, readFile, rename, rm, rmdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Client } from '@segue/bus';
import {
  type ChunkPlace,
  manifestFileName,
  type PolicyChunk,
  type PolicyManifest,
  type PolicyRef,
  parsePolicyManifest,
  SegueError,
  type TrainerApi,
} from '@segue/core';

export interface ExportOptions {
  /** Left out: the active version. */
  readonly policyVersion?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Told after each part: bytes so far, of all that is known yet. */
  readonly onProgress?: ((bytes: number, totalBytes: number) => void) | undefined;
}

/** Times that the trainer is asked again without a byte in between. */
const maxBarrenTries = 3;

/** @param folder that does not exist yet, or is empty */
export async function exportPolicy(
  trainer: Pick<Client<TrainerApi>, 'downloadPolicy'>,
  runId: string,
  version: number,
  folder: string,
  { signal, onProgress }: ExportOptions,
): Promise<PolicyManifest> {
  const target = resolve(folder);
  await requireFree(target);
  // Whatever has a name that one could guess may be somebody else's.
  const staging = `${target}.part-${randomUUID()}`;
  await mkdir(staging, { recursive: true });
  try {
    // The hash is left out: whatever the version holds now is consistent in itself, and the manifest comes first.
    const chunks = downloadOn(trainer, { runId, version, manifestSha256: '' }, signal);
    const hashes = await writeFiles(chunks, staging, onProgress ?? (() => {}));
    const manifest = parsePolicyManifest(await readFile(join(staging, manifestFileName), 'utf8'), `version ${version}`);
    for (const { name, sha256 } of manifest.files) {
      if (hashes.get(name) === sha256) continue;
      throw new SegueError('DATA_LOSS', `${name} of version ${version} came damaged: export it again`);
    }
    // Refuses a folder that somebody has put something into meanwhile.
    await rmdir(target).catch((error: unknown) => ifMissing(error));
    await rename(staging, target);
    return manifest;
  } catch (error) {
    await rm(staging, { recursive: true, force: true });
    throw SegueError.from(error);
  }
}

/**
 * The chunks of a version, in as many calls as it takes: one that was lost or ran out of time is followed by one that goes on where it was, as long as each brings
 * something. Whether both sent the same version is seen when files are compared with the manifest.
 */
async function* downloadOn(
  trainer: Pick<Client<TrainerApi>, 'downloadPolicy'>,
  policy: PolicyRef,
  signal: AbortSignal | undefined,
): AsyncGenerator<PolicyChunk> {
  let from: ChunkPlace | null = null;
  for (let barren = 0; ; ) {
    try {
      const chunks: AsyncIterable<PolicyChunk> = trainer.downloadPolicy({ policy, from }, { signal });
      for await (const chunk of chunks) {
        const { file, offset, data }: PolicyChunk = chunk;
        if (data.length > 0) barren = 0;
        from = { file, offset: offset + data.length };
        yield chunk;
      }
      return;
    } catch (error) {
      const { code } = SegueError.from(error);
      barren++;
      if ((code !== 'UNAVAILABLE' && code !== 'DEADLINE_EXCEEDED') || barren > maxBarrenTries) throw error;
    }
  }
}

/** Nothing is there, or an empty folder. What cannot be looked at is not free. */
async function requireFree(target: string): Promise<void> {
  const found = await lstat(target).catch((error: unknown) => ifMissing(error));
  if (found === null) return;
  if (!found.isDirectory()) {
    throw new SegueError('ALREADY_EXISTS', `${target} is there already and is no folder: name a new one`);
  }
  const { length } = await readdir(target);
  if (length > 0) throw new SegueError('ALREADY_EXISTS', `${target} holds ${length} files already: name a new folder`);
}

function ifMissing(error: unknown): null {
  const { code, rawMessage } = SegueError.from(error);
  if (code === 'NOT_FOUND') return null;
  throw new SegueError(code, `the folder to export to: ${rawMessage}`, error);
}

/** Answers the sha256 of each file. */
async function writeFiles(
  chunks: AsyncIterable<PolicyChunk>,
  folder: string,
  onProgress: (bytes: number, totalBytes: number) => void,
): Promise<Map<string, string>> {
  const hashes = new Map<string, string>();
  let bytes = 0;
  let totalBytes = 0;
  for await (const [name, parts] of byFile(chunks)) {
    const hash = createHash('sha256');
    const file = await open(join(folder, name), 'wx');
    try {
      for await (const { data, offset, fileBytes } of parts) {
        if (offset === 0) totalBytes += fileBytes;
        hash.update(data);
        await file.writeFile(data);
        bytes += data.length;
        onProgress(bytes, totalBytes);
      }
      await file.sync();
    } finally {
      await file.close();
    }
    hashes.set(name, hash.digest('hex'));
  }
  return hashes;
}

/** Groups a stream whose files follow each other; each group is read to its end before the next one begins. */
async function* byFile(
  chunks: AsyncIterable<PolicyChunk>,
): AsyncGenerator<readonly [string, AsyncGenerator<PolicyChunk>]> {
  const source = chunks[Symbol.asyncIterator]();
  let next = await source.next();
  async function* one(name: string): AsyncGenerator<PolicyChunk> {
    while (!next.done && next.value.file === name) {
      yield next.value;
      next = await source.next();
    }
  }
  while (!next.done) {
    const { file } = next.value;
    // A name is a plain one: a path would leave the folder.
    if (!/^[A-Za-z0-9_-][A-Za-z0-9._-]*$/.test(file)) {
      throw new SegueError('DATA_LOSS', `the trainer sent a file called ${JSON.stringify(file)}`);
    }
    yield [file, one(file)];
  }
}
