/**
 * Rows of a table that change with almost every write, such as the counters of a run: in memory while a transaction runs, written once at its end. Whoever
 * reads in between sees them. What a part of the transaction changed is undone with it. It knows nothing of what rows mean.
 */

type Key = readonly (string | number)[];

interface LateRow<Row> {
  readonly key: Key;
  readonly row: Row;
}

export class LateRows<Row> {
  #rows = new Map<string, LateRow<Row>>();

  get(key: Key): Row | undefined {
    return this.#rows.size === 0 ? undefined : this.#rows.get(key.join())?.row;
  }

  put(key: Key, row: Row): void {
    this.#rows.set(key.join(), { key, row });
  }

  /** Takes them out, to be written. */
  takeAll(): LateRow<Row>[] {
    const rows = [...this.#rows.values()];
    this.#rows.clear();
    return rows;
  }

  /** Answers how to undo what is put from now on. */
  mark(): () => void {
    const before = new Map(this.#rows);
    return () => {
      this.#rows = before;
    };
  }
}
