/**
 * A policy version's files in chunks, the manifest first, for who does not share the disk: each chunk with its checksum, so that one that was damaged
 * on its way is noticed at once and asked for again. Who has a version serves it so, the trainer and actors alike.
 */
import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { type ChunkPlace, manifestFileName, type PolicyChunk, type PolicyManifest, SegueError } from '@segue/core';

const chunkBytes = 1024 * 1024;

/**
 * @param folder it must stay as it is while it is read
 * @param from where to begin; null: at the beginning. INVALID_INPUT for a file that is none of the version's
 */
export async function* policyChunks(
  folder: string,
  { files }: Pick<PolicyManifest, 'files'>,
  from: ChunkPlace | null,
): AsyncGenerator<PolicyChunk> {
  const names = [manifestFileName, ...files.map((file) => file.name)];
  const first = from === null ? 0 : names.indexOf(from.file);
  if (first < 0) throw new SegueError('INVALID_INPUT', `the version has no file ${JSON.stringify(from?.file)}`);
  for (const [i, name] of names.slice(first).entries())
    yield* readChunks(folder, name, i === 0 ? (from?.offset ?? 0) : 0);
}

/** What a receiver compares a chunk with. */
export function chunkSha256(data: Uint8Array): Uint8Array {
  return createHash('sha256').update(data).digest();
}

async function* readChunks(folder: string, name: string, begin: number): AsyncGenerator<PolicyChunk> {
  const file = await open(join(folder, name), 'r');
  try {
    const { size } = await file.stat();
    if (begin > size) throw new SegueError('INVALID_INPUT', `${name} has ${size} bytes: nothing begins at ${begin}`);
    let offset = begin;
    do {
      const data = new Uint8Array(Math.min(chunkBytes, size - offset));
      const { bytesRead } = await file.read(data, 0, data.length, offset);
      if (bytesRead !== data.length)
        throw new SegueError('DATA_LOSS', `${join(folder, name)} ended at ${offset + bytesRead}`);
      yield { file: name, offset, fileBytes: size, data, sha256: chunkSha256(data) };
      offset += data.length;
    } while (offset < size);
  } finally {
    await file.close();
  }
}
