/**
 * The rows of a table that were read or written last, as they were decoded: the same bytes need no second decoding. What is in the file decides; this
 * only saves work, and knows nothing of what rows mean.
 */

type Key = readonly (string | number)[];

export class KnownRows<Row> {
  readonly #rows = new Map<string, { readonly bytes: Buffer; readonly row: Row }>();
  readonly #max: number;

  constructor(max: number) {
    this.#max = max;
  }

  get size(): number {
    return this.#rows.size;
  }

  /** The row that these bytes hold. Only equal bytes count: what a transaction undid, or a disk changed, is not known. */
  get(key: Key, bytes: Uint8Array): Row | undefined {
    const known = this.#rows.get(key.join());
    return known?.bytes.equals(bytes) ? known.row : undefined;
  }

  /** The row that was used longest ago makes room. */
  keep(key: Key, bytes: Uint8Array, row: Row): void {
    // A copy, since the database's library may use its buffer again; of its own, since a small piece of a shared pool would keep all 8 KiB of that in memory.
    const copy = Buffer.allocUnsafeSlow(bytes.byteLength);
    copy.set(bytes);
    const name = key.join();
    this.#rows.delete(name);
    this.#rows.set(name, { bytes: copy, row });
    const oldest = this.#rows.keys().next().value;
    if (this.#rows.size > this.#max && oldest !== undefined) this.#rows.delete(oldest);
  }

  /** Forgets the rows whose keys begin with `first`. */
  letGo(first: string): void {
    for (const name of this.#rows.keys()) if (name === first || name.startsWith(`${first},`)) this.#rows.delete(name);
  }
}
