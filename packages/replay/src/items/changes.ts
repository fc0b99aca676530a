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
 * Draws `count` times. An item whose trajectory or group is begun again is taken out instead and counts as no sample, and another one is drawn as far as the
 * table allows: the answer is shorter only then.
 */
export function drawFit(
  table: ItemTable,
  count: number,
  isFit: (ref: string) => boolean,
  changes: Changes,
): SettledDraw[] {
  const settled: SettledDraw[] = [];
  for (let left = count; left > 0 && table.sampleBlocker(left) === null; left = count - settled.length) {
    const { draws, removed } = table.sample(left, ({ ref }) => isFit(ref));
    for (const { item } of draws) changes.set(item.sequence, item);
    for (const { sequence } of removed) changes.set(sequence, null);
    const gone = new Map(removed.map((item) => [item.sequence, item.timesSampled]));
    for (const draw of draws) {
      settled.push({ ...draw, isLast: gone.get(draw.item.sequence) === draw.item.timesSampled });
    }
  }
  return settled;
}
