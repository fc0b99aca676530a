/** What inserts and draws change in the rows of a table, collected for one write. It knows nothing of who waits, nor of the disk. */
import type { ItemTable, NewItem, TableDraw, TableItem } from '@segue/core';

/** Rows to write, by sequence: null removes. */
export type Changes = Map<number, TableItem | null>;

/** One draw; `isLast`: it used the item up. */
export type SettledDraw = TableDraw & { readonly isLast: boolean };

export function insertInto(table: ItemTable, item: NewItem, changes: Changes): void {
  const { item: inserted, removed } = table.insert(item);
  for (const { sequence } of removed) changes.set(sequence, null);
  changes.set(inserted.sequence, inserted);
}

/**
 * Draws `count` times. An item whose trajectory or group is begun again is taken out instead, and another one is drawn as far as the table allows: the
 * answer is shorter only then.
 */
export function drawFit(
  table: ItemTable,
  count: number,
  isFit: (ref: string) => boolean,
  changes: Changes,
): SettledDraw[] {
  const settled: SettledDraw[] = [];
  for (let left = count; left > 0 && table.sampleBlocker(left) === null; left = count - settled.length) {
    const { draws, removed } = table.sample(left);
    for (const { item } of draws) changes.set(item.sequence, item);
    for (const { sequence } of removed) changes.set(sequence, null);
    const gone = new Map(removed.map((item) => [item.sequence, item.timesSampled]));
    for (const draw of draws) {
      const { item } = draw;
      if (isFit(item.ref)) settled.push({ ...draw, isLast: gone.get(item.sequence) === item.timesSampled });
      else if (table.remove(item.key, 'stale') !== undefined) changes.set(item.sequence, null);
    }
  }
  return settled;
}
