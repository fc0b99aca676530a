/**
 * A broker that met a full disk answers nobody any more, also when there is space again, until it is started anew (docs/durability.md has the measurement). So
 * the free space of its disk is watched: once it was full and is not any more, the broker is started again. It loses nothing that matters: the store is the memory.
 */
import { statfs } from 'node:fs/promises';

const mebibyte = 1 << 20;
/** Less than this may not hold the next message. */
const fullBytes = 2 * mebibyte;
/** Enough to go on with. */
const enoughBytes = 8 * mebibyte;
const intervalMs = 1_000;

export class BrokerDisk {
  readonly #restart: (why: string) => void;
  readonly #freeBytes: () => Promise<number>;
  #wasFull = false;
  #timer: NodeJS.Timeout | null = null;

  /** @param freeBytes of the disk that holds the broker's data */
  constructor(freeBytes: () => Promise<number>, restart: (why: string) => void) {
    this.#freeBytes = freeBytes;
    this.#restart = restart;
  }

  start(): void {
    this.#timer = setInterval(() => {
      // A disk that cannot be asked is looked at again.
      this.look().catch(() => undefined);
    }, intervalMs);
    this.#timer.unref();
  }

  stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
  }

  async look(): Promise<void> {
    const free = await this.#freeBytes();
    if (free < fullBytes) this.#wasFull = true;
    if (!this.#wasFull || free < enoughBytes) return;
    this.#wasFull = false;
    this.#restart(`its disk was full and has ${free} bytes free again`);
  }
}

export async function freeBytesOf(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder);
  return bavail * bsize;
}
