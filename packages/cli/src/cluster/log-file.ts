/**
 * A log that never stops the one who writes it: lines that cannot be written, because the disk is full, are dropped and counted, and the file is tried again.
 */
import { createWriteStream, type WriteStream } from 'node:fs';

const retryMs = 1_000;

export class LogFile {
  readonly #path: string;
  #stream: WriteStream | null = null;
  #dropped = 0;
  #retryAtMs = 0;
  #closed = false;

  constructor(path: string) {
    this.#path = path;
  }

  write(line: string): void {
    const stream = this.#closed ? null : (this.#stream ?? this.#open());
    if (stream === null) {
      this.#dropped++;
      return;
    }
    if (this.#dropped > 0) stream.write(`${this.#dropped} lines could not be written here\n`);
    this.#dropped = 0;
    stream.write(`${line}\n`);
  }

  /** Resolves when what was written is in the file. */
  async close(): Promise<void> {
    this.#closed = true;
    const stream = this.#stream;
    this.#stream = null;
    if (stream === null || stream.destroyed) return;
    await new Promise<void>((resolve) => {
      stream.once('close', resolve);
      stream.end();
    });
  }

  #open(): WriteStream | null {
    if (Date.now() < this.#retryAtMs) return null;
    const stream = createWriteStream(this.#path, { flags: 'a' });
    stream.on('error', () => {
      if (this.#stream === stream) this.#stream = null;
      this.#dropped++;
      this.#retryAtMs = Date.now() + retryMs;
    });
    this.#stream = stream;
    return stream;
  }
}
