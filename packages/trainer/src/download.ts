/** A version's files in chunks, the manifest first, for actors that do not share the trainer's disk. */
import { open, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { manifestFileName, type PolicyChunk, type PolicyRef, SegueError } from '@segue/core';
import type { PolicyStore } from './policy-store.js';

const chunkBytes = 1024 * 1024;

/**
 * Reads from one state of the version, even when it is replaced meanwhile. FAILED_PRECONDITION when the reference names
 * another content.
 */
export async function* downloadPolicy(store: PolicyStore, ref: PolicyRef): AsyncGenerator<PolicyChunk> {
  const stored = await store.get(ref.runId, ref.version);
  if (ref.manifestSha256 !== '' && ref.manifestSha256 !== stored.manifestSha256) {
    throw new SegueError(
      'FAILED_PRECONDITION',
      `version ${ref.version} of run ${ref.runId} has been replaced: its manifest is ${stored.manifestSha256}, not ${ref.manifestSha256}`,
    );
  }
  const folder = await realpath(stored.folder);
  for (const name of [manifestFileName, ...stored.manifest.files.map((file) => file.name)]) {
    yield* readChunks(folder, name);
  }
}

async function* readChunks(folder: string, name: string): AsyncGenerator<PolicyChunk> {
  const file = await open(join(folder, name), 'r');
  try {
    const { size } = await file.stat();
    let offset = 0;
    do {
      const data = new Uint8Array(Math.min(chunkBytes, size - offset));
      const { bytesRead } = await file.read(data, 0, data.length, offset);
      if (bytesRead !== data.length)
        throw new SegueError('DATA_LOSS', `${join(folder, name)} ended at ${offset + bytesRead}`);
      yield { file: name, offset, fileBytes: size, data };
      offset += data.length;
    } while (offset < size);
  } finally {
    await file.close();
  }
}
