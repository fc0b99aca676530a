/**
 * A policy version over the network: from another actor that serves it, so that who joins late does not take the trainer's time, else from the trainer.
 * Every chunk is compared with its checksum; one that is damaged, or that did not come, is asked for again from where the stream was good. What has come
 * is not compared with the manifest here.
 */
import { mkdir, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Client } from '@segue/bus';
import { type ChunkPlace, type PolicyChunk, type PolicyRef, SegueError, type TrainerApi } from '@segue/core';
import { chunkSha256 } from '@segue/service';

export type PolicySource = Pick<Client<TrainerApi>, 'downloadPolicy'>;

/** Times that a source is asked again without a good chunk in between. */
const maxBarrenTries = 3;

/** Fills the folder, which is emptied first. Rejects with what went wrong last when the source gives no more good chunks. */
export async function downloadFrom(
  source: PolicySource,
  policy: PolicyRef,
  folder: string,
  signal?: AbortSignal,
  onRefetch: (error: SegueError) => void = () => undefined,
): Promise<void> {
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  const received = new Received(folder);
  for (let barren = 0; ; ) {
    const before = received.chunks;
    try {
      for await (const chunk of source.downloadPolicy({ policy, from: received.next }, { signal })) {
        await received.add(chunk);
      }
      return;
    } catch (cause) {
      const error = SegueError.from(cause);
      if (signal?.aborted || !(error.retryable || error.code === 'DATA_LOSS')) throw error;
      barren = received.chunks > before ? 0 : barren + 1;
      if (barren === maxBarrenTries) throw error;
      onRefetch(error);
    }
  }
}

/** What has come, and what is to come next. */
class Received {
  readonly #folder: string;
  /** Good ones so far. */
  chunks = 0;
  /** Where to go on; null before anything has come. */
  next: ChunkPlace | null = null;

  constructor(folder: string) {
    this.#folder = folder;
  }

  async add({ file, offset, fileBytes, data, sha256 }: PolicyChunk): Promise<void> {
    requirePlainName(file);
    // A source of an earlier version sends no checksum: the manifest tells in the end.
    if (sha256.length > 0 && Buffer.compare(sha256, chunkSha256(data)) !== 0) {
      throw new SegueError('DATA_LOSS', `the chunk of ${file} at ${offset} does not match its checksum`);
    }
    await writeAt(join(this.#folder, file), data, offset);
    // An empty one may be the end of a file where the stream was begun again: nothing has come with it.
    if (data.length > 0) this.chunks += 1;
    // At its end the next file follows by itself; its name is not known before it comes.
    this.next = { file, offset: Math.min(offset + data.length, fileBytes) };
  }
}

/** Files come in order and each from its start: a chunk is what follows. */
async function writeAt(path: string, data: Uint8Array, offset: number): Promise<void> {
  const file = await open(path, offset === 0 ? 'w' : 'r+');
  try {
    await file.write(data, 0, data.length, offset);
  } finally {
    await file.close();
  }
}

function requirePlainName(name: string): void {
  if (/^[A-Za-z0-9_-][A-Za-z0-9._-]*$/.test(name)) return;
  throw new SegueError('DATA_LOSS', `the source sent a file named ${JSON.stringify(name.slice(0, 100))}`);
}
