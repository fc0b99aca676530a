/** Reads rows that a disk may have damaged. It knows nothing of what they hold, nor of what becomes of one that cannot be read. */
import { SegueError } from '@segue/core';
import type { Key, Table } from './tables.js';

/** A row, or what is wrong with it. */
type Found<Row> = { readonly row: Row; readonly fault: null } | { readonly row: null; readonly fault: string };

/** Reads a row whatever state it is in. */
export function find<Row>(table: Table<Row>, key: Key): Found<Row> {
  try {
    const row = table.get(key);
    return row === undefined ? { row: null, fault: 'is missing' } : { row, fault: null };
  } catch (error) {
    const { code, rawMessage } = SegueError.from(error);
    if (code !== 'DATA_LOSS') throw error;
    return { row: null, fault: `cannot be read: ${rawMessage}` };
  }
}
