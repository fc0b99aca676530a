/**
 * The rows of a table that were read or written last, as they were decoded: the same bytes need no second decoding. What is in the file decides; this
 * only saves work, and knows nothing of what rows mean.
 */

type Key = readonly (string | number)[];

interface KnownRow<Row> {
  /** A character for each byte. */
  readonly bytes: string;
  readonly row: Row;
}

export class KnownRows<Row> {
  readonly #rows = new Map<string, KnownRow<Row>>();
  readonly #max: number;
  readonly #maxBytes: number;
  #bytes = 0;

  /** @param maxBytes of all rows together, as they lie in the file: decoded and as bytes they take twice as much, or three times */
  constructor(max: number, maxBytes: number) {
    this.#max = max;
    this.#maxBytes = maxBytes;
  }

  get size(): number {
    return this.#rows.size;
  }

  /** The row that these bytes hold. Only equal bytes count: what a transaction undid, or a disk changed, is not known. */
  get(key: Key, bytes: Buffer): Row | undefined {
    const known = this.#rows.get(key.join());
    if (known?.bytes.length !== bytes.length) return undefined;
    return known.bytes === bytes.toString('latin1') ? known.row : undefined;
  }

  /** The rows that were kept longest ago make room. */
  keep(key: Key, bytes: Buffer, row: Row): void {
    const name = key.join();
    this.#drop(name);
    if (bytes.length > this.#maxBytes) return;
    // A copy, since the database's library may use its buffer again. As text, a character for each byte: a buffer of its own costs many times as much to make,
    // and a piece of a shared one would keep all of that in memory.
    this.#rows.set(name, { bytes: bytes.toString('latin1'), row });
    this.#bytes += bytes.length;
    while (this.#rows.size > this.#max || this.#bytes > this.#maxBytes) {
      const [oldest] = this.#rows.keys();
      if (oldest === undefined) break;
      this.#drop(oldest);
    }
  }

  /** Forgets the rows whose keys begin with `first`. */
  letGo(first: string): void {
    for (const name of this.#rows.keys()) if (name === first || name.startsWith(`${first},`)) this.#drop(name);
  }

  #drop(name: string): void {
    const known = this.#rows.get(name);
    if (known === undefined) return;
    this.#bytes -= known.bytes.length;
    this.#rows.delete(name);
  }
}
