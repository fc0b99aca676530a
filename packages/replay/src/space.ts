/**
 * Whether the store has room. What counts is what of its file is in use: a file of LMDB never shrinks, but what was removed is written again. Counting that is
 * too dear for each transaction, so it is done when what was put since the last time may have taken the room that was left then. It writes nothing.
 */
import { SegueError } from '@segue/core';
import type { Tables } from './tables.js';

/** Rows take more pages than they have bytes: of the room that is left, so much may be put before it is counted again. */
const sureShare = 0.25;

type Measured = Pick<Tables, 'folder' | 'bytesOnDisk' | 'bytesInUse' | 'bytesPut'>;

export class Space {
  readonly #tables: Measured;
  readonly #maxBytes: number;
  /** Bytes that may have been put, of all time, before it is counted again. */
  #countAt = 0;

  constructor(tables: Measured, maxBytes: number) {
    this.#tables = tables;
    this.#maxBytes = maxBytes;
  }

  /** What to tell who would write; null while there is room. */
  refusal(): SegueError | null {
    const { folder } = this.#tables;
    // A file below the limit has room whatever of it is in use.
    if (this.#tables.bytesOnDisk() < this.#maxBytes || this.#tables.bytesPut() < this.#countAt) return null;
    const bytes = this.#tables.bytesInUse();
    if (bytes < this.#maxBytes) {
      this.#countAt = this.#tables.bytesPut() + sureShare * (this.#maxBytes - bytes);
      return null;
    }
    const what = `the replay store in ${folder} is full: ${bytes} bytes are in use, allowed are ${this.#maxBytes}`;
    return new SegueError(
      'RESOURCE_EXHAUSTED',
      `${what}; stop runs and let those that are over go (retention.finishedRuns), or raise maxStoreBytes`,
    );
  }
}
