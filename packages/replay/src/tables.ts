/**
 * The store's file: one LMDB environment, a table per kind of row. This is the one place that knows how keys are laid out.
 *
 * | table            | key                                | row |
 * |------------------|------------------------------------|-----|
 * | runs             | run                                | RunRow |
 * | counters         | run                                | Counters |
 * | problems         | run, position in the run           | Problem |
 * | problemPositions | run, problem id                    | position |
 * | problemTallies   | run, problem id                    | ProblemTally |
 * | batches          | run, batch id                      | BatchRow |
 * | iterations       | run, iteration                     | IterationRow |
 * | plans            | run, iteration                     | PlannedTask[] |
 * | groups           | run, group                         | GroupRow |
 * | trajectories     | run, group, member                 | TrajectoryRow |
 * | segments         | run, group, member, index          | SegmentRow |
 * | tokens           | run, group, member, index          | TokensRow |
 * | unfinished       | run, first iteration, group, member | 1: pending and unfinished trajectories, oldest first |
 * | awaiting         | run, group, member                 | 1: finished trajectories without a verdict |
 * | complete         | run, group                         | 1: complete groups that wait to be trained on |
 * | events           | run, sequence                      | StoredEvent |
 * | eventKeys        | run, key                           | sequence |
 * | items            | run, table, sequence               | TableItem |
 * | itemTables       | run, table                         | ItemTableRow |
 * | fills            | run, table, trajectory or group    | 1: to be inserted into the table |
 * | deadLetters      | id                                 | DeadLetterRecord, a message's without its body |
 * | letterBodies     | id                                 | { body } of a message |
 * | recounts         | run                                | 1: records were mended, what follows from them is to be made anew |
 * | retired          | run                                | RetiredRow: its records were let go of |
 *
 * Numbers sort as numbers. Values are checked against their checksum when they are read.
 */
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { decodeRow, encodeRow } from '@segue/bus';
import {
  type DeadLetterRecord,
  type PlannedTask,
  type Problem,
  parseTrajectoryId,
  SegueError,
  type StoredEvent,
  type TableItem,
} from '@segue/core';
import { type Database, open, type RootDatabase } from 'lmdb';
import { createStoreFile, storeFileName } from './create-file.js';
import type { ItemTableRow } from './items/item-rows.js';
import { KnownRows } from './known-rows.js';
import { LateRows } from './late-rows.js';
import type {
  BatchRow,
  Counters,
  GroupRow,
  IterationRow,
  ProblemTally,
  RetiredRow,
  RunRow,
  SegmentRow,
  TokensRow,
  TrajectoryRow,
} from './rows.js';

export type Key = readonly (string | number)[];

/** Sorts behind every number and every id. */
const afterAll = '\uffff';

/** The cause of a DATA_LOSS: which row could not be read. */
export class DamagedRow {
  readonly table: string;
  readonly key: Key;

  constructor(table: string, key: Key) {
    this.table = table;
    this.key = key;
  }
}

interface Life {
  /** Whether the file is open: the library must not be asked for anything afterwards. */
  isOpen: boolean;
  /** Rows that were put or removed so far. */
  changes: number;
  /** Bytes of rows that were put so far, with their keys. */
  bytesPut: number;
  /** Stands for the transaction, or the part of one, that runs and for what was not undone of it; null outside of one. */
  transaction: object | null;
}

/** What a steady table read last. */
interface ReadRow<Row> {
  readonly transaction: object;
  readonly key: Key;
  readonly row: Row | undefined;
}

interface TableOptions {
  /** Of rows that are immutable and read again and again, how many are kept. */
  readonly keptRows?: number;
  /** Of how many bytes together, in the file; left out: of any. */
  readonly keptBytes?: number;
  /** A transaction reads the same row again and again: it is read from the file once in each. */
  readonly isSteady?: boolean;
  /** Rows are written at the end of their transaction. They are read by their keys alone, and never removed in the transaction that put them. */
  readonly isLate?: boolean;
}

/** Marks lie in tables whose keys say everything. */
const markBytes = encodeRow(1);

/** What a row takes beside its value and its key's text: its place in the page, and what tells the parts of the key apart. */
const bytesPerRow = 10;
const bytesPerNumber = 9;

/** Rows of a table whose reading is kept, of runs that go on: many of the small ones, few of those that grow with an iteration. */
const keptSmallRows = 8_192;
const keptLargeRows = 8;
/** Each holds its configuration, and is read by every call for its run. */
const keptRuns = { keptRows: 64, keptBytes: 1024 * 1024 };
/** Prompts, which may be long, and as long as a message where pictures are in them. */
const keptProblems = { keptRows: 512, keptBytes: 16 * 1024 * 1024 };

/** One kind of row. Reads inside a transaction see its writes. After the close every call throws UNAVAILABLE. */
export class Table<Row> {
  readonly #table: Database<Buffer, (string | number)[]>;
  readonly #name: string;
  readonly #life: Life;
  /** What was read or written last, by key: the same bytes need no second decoding. null where rows are read once. */
  readonly #known: KnownRows<Row> | null;
  readonly #late: LateRows<Row> | null;
  readonly #isSteady: boolean;
  /** Of a steady table, what was read last. Good in the transaction, or the part of one, that read it, until this table is changed: each change forgets it. */
  #readLast: ReadRow<Row> | null = null;

  constructor(
    root: RootDatabase<Buffer, (string | number)[]>,
    life: Life,
    name: string,
    { keptRows = 0, keptBytes = Number.POSITIVE_INFINITY, isLate = false, isSteady = false }: TableOptions = {},
  ) {
    this.#isSteady = isSteady;
    this.#known = keptRows > 0 ? new KnownRows(keptRows, keptBytes) : null;
    this.#late = isLate ? new LateRows() : null;
    this.#table = root.openDB<Buffer, (string | number)[]>({ name, encoding: 'binary' });
    this.#name = name;
    this.#life = life;
  }

  get #database(): Database<Buffer, (string | number)[]> {
    if (!this.#life.isOpen) throw new SegueError('UNAVAILABLE', 'the replay store is closed');
    return this.#table;
  }

  get(key: Key): Row | undefined {
    if (!this.#isSteady || this.#life.transaction === null) return this.#read(key);
    const last = this.#readLast;
    if (last !== null && last.transaction === this.#life.transaction && isSameKey(last.key, key)) return last.row;
    const row = this.#read(key);
    this.#readLast = { transaction: this.#life.transaction, key, row };
    return row;
  }

  #read(key: Key): Row | undefined {
    const late = this.#late?.get(key);
    if (late !== undefined) return late;
    const shared = this.#database.getBinaryFast([...key]);
    if (shared === undefined) return undefined;
    // Good until the next reading, and longer than its value; of more than 16 MiB a plain Uint8Array, whatever its type says.
    const bytes = Buffer.from(shared.buffer, shared.byteOffset, shared.length);
    const known = this.#known?.get(key, bytes);
    if (known !== undefined) return known;
    const row = this.#decode(key, bytes);
    this.#known?.keep(key, bytes, row);
    return row;
  }

  has(key: Key): boolean {
    if (this.#late?.get(key) !== undefined) return true;
    return this.#database.doesExist([...key]);
  }

  /** Inside a transaction only. */
  put(key: Key, row: Row): void {
    this.#life.changes++;
    if (this.#late === null) this.#write(key, row);
    else this.#late.put(key, row);
  }

  /** Writes what waits for the end of the transaction. */
  writeLate(): void {
    for (const { key, row } of this.#late?.takeAll() ?? []) this.#write(key, row);
  }

  /** Answers how to undo what is put from now on and waits for the end of the transaction. */
  markLate(): () => void {
    return this.#late?.mark() ?? (() => {});
  }

  #write(key: Key, row: Row): void {
    const bytes = row === 1 ? markBytes : encodeRow(row);
    this.#life.bytesPut += bytesIn(key) + bytes.length;
    this.#readLast = null;
    void this.#database.put([...key], bytes);
    this.#known?.keep(key, bytes, row);
  }

  /** Pages of the file that its rows lie in. */
  get pages(): number {
    return pagesIn(this.#database.getStats());
  }

  /** How many rows it keeps in memory. */
  get keptRows(): number {
    return this.#known?.size ?? 0;
  }

  /** Keeps no row of the run in memory any more: they are read again if they are asked for. */
  letGo(runId: string): void {
    this.#known?.letGo(runId);
  }

  /** Inside a transaction only. */
  remove(key: Key): void {
    this.#life.changes++;
    this.#readLast = null;
    void this.#database.remove([...key]);
  }

  /** Keys that begin with `prefix`, in order, at most `limit` after `after`. */
  keys(prefix: Key, { after, limit }: { readonly after?: Key; readonly limit?: number } = {}): Key[] {
    const range = { ...between(prefix, after), ...(limit === undefined ? {} : { limit }) };
    return Array.from(this.#database.getKeys(range), asKey);
  }

  /** Rows whose keys begin with `prefix`, in order, those after `start` alone, read in pages: what is written meanwhile may or may not show. */
  *rows(prefix: Key, pageSize = 128, start?: Key): Generator<Row> {
    let after = start;
    for (;;) {
      const keys = this.keys(prefix, { limit: pageSize, ...(after === undefined ? {} : { after }) });
      for (const key of keys) {
        const row = this.get(key);
        if (row !== undefined) yield row;
      }
      if (keys.length < pageSize) return;
      after = keys.at(-1);
    }
  }

  /** The greatest key that begins with `prefix`. */
  lastKey(prefix: Key): Key | undefined {
    const { start, end } = between(prefix);
    return Array.from(this.#database.getKeys({ start: end, end: start, reverse: true, limit: 1 }), asKey)[0];
  }

  #decode(key: Key, bytes: Buffer): Row {
    try {
      return decodeRow(bytes) as Row;
    } catch (error) {
      const reason = SegueError.from(error).rawMessage;
      const message = `${this.#name} ${JSON.stringify(key)} in the store cannot be read: ${reason}`;
      throw new SegueError('DATA_LOSS', message, new DamagedRow(this.#name, key));
    }
  }
}

/** The library gives a key of one part as that part. */
function asKey(key: Key | string | number): Key {
  return typeof key === 'string' || typeof key === 'number' ? [key] : key;
}

/** What a row with this key takes in the file beside its value, a little more or less. */
function bytesIn(key: Key): number {
  let bytes = bytesPerRow;
  for (const part of key) bytes += typeof part === 'number' ? bytesPerNumber : part.length + 1;
  return bytes;
}

function isSameKey(a: Key, b: Key): boolean {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return a.length === b.length;
}

function between(prefix: Key, after?: Key) {
  const range = { start: [...(after ?? prefix)], end: [...prefix, afterAll] };
  return after === undefined ? range : { ...range, exclusiveStart: true };
}

/** Counted for each tree of the file, of which a table is one. */
const pageKinds = ['treeBranchPageCount', 'treeLeafPageCount', 'overflowPages'];
/** Where the file says which tree begins where, twice. */
const headPages = 2;

/** The library gives no type to what it tells. */
function pagesIn(stats: object): number {
  return pageKinds.reduce((sum, kind) => sum + numberIn(stats, kind), 0);
}

function numberIn(stats: object, name: string): number {
  const value: unknown = Object.entries(stats).find(([key]) => key === name)?.[1];
  if (typeof value === 'number') return value;
  throw new SegueError('INTERNAL', `lmdb does not tell ${name} of the replay store's file`);
}

export type Tables = ReturnType<typeof openTables>;

/** Opens the store's file in `folder`, which is made when it is missing. */
export function openTables(folder: string) {
  createStoreFile(folder);
  const root = open<Buffer, (string | number)[]>({ path: folder, encoding: 'binary', noSubdir: false, maxDbs: 32 });
  const file = join(folder, storeFileName);
  const life: Life = { isOpen: true, changes: 0, bytesPut: 0, transaction: null };
  const counters = new Table<Counters>(root, life, 'counters', { keptRows: keptSmallRows, isLate: true });
  const tables = {
    runs: new Table<RunRow>(root, life, 'runs', keptRuns),
    counters,
    problems: new Table<Problem>(root, life, 'problems', keptProblems),
    problemPositions: new Table<number>(root, life, 'problemPositions', { keptRows: keptSmallRows }),
    problemTallies: new Table<ProblemTally>(root, life, 'problemTallies', { keptRows: keptSmallRows }),
    batches: new Table<BatchRow>(root, life, 'batches'),
    iterations: new Table<IterationRow>(root, life, 'iterations', { keptRows: keptLargeRows, isSteady: true }),
    plans: new Table<readonly PlannedTask[]>(root, life, 'plans', { keptRows: keptLargeRows }),
    groups: new Table<GroupRow>(root, life, 'groups', { keptRows: keptSmallRows }),
    trajectories: new Table<TrajectoryRow>(root, life, 'trajectories', { keptRows: keptSmallRows }),
    segments: new Table<SegmentRow>(root, life, 'segments'),
    tokens: new Table<TokensRow>(root, life, 'tokens'),
    unfinished: new Table<1>(root, life, 'unfinished'),
    awaiting: new Table<1>(root, life, 'awaiting'),
    complete: new Table<1>(root, life, 'complete'),
    events: new Table<StoredEvent>(root, life, 'events'),
    eventKeys: new Table<number>(root, life, 'eventKeys'),
    items: new Table<TableItem>(root, life, 'items'),
    itemTables: new Table<ItemTableRow>(root, life, 'itemTables'),
    fills: new Table<1>(root, life, 'fills'),
    deadLetters: new Table<DeadLetterRecord>(root, life, 'deadLetters'),
    letterBodies: new Table<{ readonly body: Uint8Array }>(root, life, 'letterBodies'),
    recounts: new Table<1>(root, life, 'recounts'),
    retired: new Table<RetiredRow>(root, life, 'retired'),
  };
  return {
    folder,
    ...tables,
    /**
     * Runs `work` in one transaction: on disk when it returns, undone when it throws. Inside another one it is a part of it that
     * can be undone by itself.
     */
    transact(work: () => void): void {
      const isPart = life.transaction !== null;
      const undoLate = counters.markLate();
      life.transaction = {};
      try {
        // The callback must not return what a put returns: the library would wait for it.
        root.transactionSync(() => {
          work();
          if (!isPart) counters.writeLate();
        });
      } catch (error) {
        undoLate();
        throw error;
      } finally {
        // Another one: what was read in a part may have been undone with it.
        life.transaction = isPart ? {} : null;
      }
    },
    /** Rows that were put or removed so far: whether a piece of work has changed anything yet. */
    changes: () => life.changes,
    /** Copies the state of this moment into the folder `target`, whatever is written meanwhile. The file has the name of ours. */
    backUp: (target: string): Promise<void> => root.backup(target, true),
    /** Bytes of rows that were put so far, with their keys. */
    bytesPut: () => life.bytesPut,
    bytesOnDisk: () => statSync(file).size,
    /** Of the file, what is in use: the rest is written again before it grows. Counting takes a quarter of a millisecond. */
    bytesInUse(): number {
      const stats: object = root.getStats();
      const free: unknown = 'free' in stats ? stats.free : null;
      if (typeof free !== 'object' || free === null)
        throw new SegueError('INTERNAL', 'lmdb tells nothing of free pages');
      const rows = Object.values(tables).reduce((sum, table) => sum + table.pages, 0);
      return (headPages + pagesIn(stats) + pagesIn(free) + rows) * numberIn(stats, 'pageSize');
    },
    close: () => {
      life.isOpen = false;
      return root.close();
    },
  };
}

/** Key of a trajectory; with `index`, of one of its segments. */
export function trajectoryKey(id: string, index?: number): Key {
  const { runId, groupIndex, member } = parseTrajectoryId(id);
  return index === undefined ? [runId, groupIndex, member] : [runId, groupIndex, member, index];
}
