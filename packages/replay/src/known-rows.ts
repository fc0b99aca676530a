/**
 * The rows of a table that were read or written last, as they were decoded: the same bytes need no second decoding. What is in the file decides; this
 * only saves work, and knows nothing of what rows mean.
 */

type Key = readonly (string | number)[];

export class KnownRows<Row> {
  readonly #rows = new Map<string, { readonly bytes: string; readonly row: Row }>();
  readonly #max: number;

  constructor(max: number) {
    this.#max = max;
  }

  get size(): number {
    return this.#rows.size;
  }

  /** The row that these bytes hold. Only equal bytes count: what a transaction undid, or a disk changed, is not known. */
  get(key: Key, bytes: Buffer): Row | undefined {
    const known = this.#rows.get(key.join());
    return known?.bytes === bytes.toString('latin1') ? known.row : undefined;
  }

  /** The row that was used longest ago makes room. */
  keep(key: Key, bytes: Buffer, row: Row): void {
    const name = key.join();
    this.#rows.delete(name);
    // A copy, since the database's library may use its buffer again. As text, a character for each byte: a buffer of its own costs many times as much to make,
    // and a piece of a shared one would keep all of that in memory.
    this.#rows.set(name, { bytes: bytes.toString('latin1'), row });
    const oldest = this.#rows.keys().next().value;
    if (this.#rows.size > this.#max && oldest !== undefined) this.#rows.delete(oldest);
  }

  /** Forgets the rows whose keys begin with `first`. */
  letGo(first: string): void {
    for (const name of this.#rows.keys()) if (name === first || name.startsWith(`${first},`)) this.#rows.delete(name);
  }
}
