/** A queue between callbacks and an async iterator. Unbounded: for sources that are slow by nature. */
export class AsyncQueue<T> {
  readonly #values: T[] = [];
  #wake: (() => void) | null = null;
  #closed = false;

  push(value: T): void {
    this.#values.push(value);
    this.#wake?.();
  }

  /** Ends the iteration once what is queued has been read. */
  close(): void {
    this.#closed = true;
    this.#wake?.();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T, void, void> {
    for (;;) {
      while (this.#values.length > 0) yield this.#values.shift()!;
      if (this.#closed) return;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      this.#wake = null;
    }
  }
}
