/**
 * One turn of a table: serves the calls in line as far as the rules allow, edits first, then inserts and samples by turns, since each may let the
 * other go on. It runs inside a transaction; whoever runs it answers the calls when that is on disk, or refuses them. It knows nothing of when turns come.
 */
import type { ItemTable, SegueError } from '@segue/core';
import { type Changes, drawFit, insertInto } from './changes.js';
import type { ItemTableRow } from './item-rows.js';
import type { TableCalls } from './table-calls.js';
import type { TableMemory } from './table-memory.js';

/** Items and draws in one turn at most: bounds how long the process is busy with it. */
const maxTurnItems = 4_096;

export interface TurnParts {
  readonly memory: TableMemory;
  readonly calls: TableCalls;
  /** Whether what an item stands for is there, whole. */
  readonly isFit: (ref: string) => boolean;
  /** The store has its limit: it serves what removes rows, and nothing else. */
  readonly reliefAlone: boolean;
}

export class Turn {
  readonly #parts: TurnParts;
  readonly #changes: Changes = new Map();
  readonly #answers: (() => void)[] = [];
  readonly #touched: { readonly refuse: (error: SegueError) => void }[] = [];

  constructor(parts: TurnParts) {
    this.#parts = parts;
  }

  /** Inside a transaction. Answers what was counted of the table before. @throws SegueError when the table cannot be read */
  serve(): ItemTableRow {
    const { memory, calls, reliefAlone } = this.#parts;
    const table = memory.load();
    const before = memory.row;
    for (const [sequence, item] of memory.owedChanges()) this.#changes.set(sequence, item);
    const edits = calls.takeEdits(reliefAlone);
    this.#touched.push(...edits.map(({ failed }) => ({ refuse: failed })));
    for (const edit of edits) {
      edit.apply(table, this.#changes);
      this.#answers.push(edit.committed);
    }
    let left = reliefAlone ? 0 : maxTurnItems;
    for (let moved = true; moved && left > 0; ) {
      const inserted = this.#insertNext(table);
      const drawn = this.#sampleNext(table);
      moved = inserted + drawn > 0;
      left -= inserted + drawn;
    }
    memory.write(this.#changes);
    return before;
  }

  /** After it is on disk. */
  answer(): void {
    for (const answer of this.#answers) answer();
  }

  /** Refuses whom it has changed something for. Answers whether there was anybody. */
  refuse(error: SegueError): boolean {
    for (const { refuse } of this.#touched) refuse(error);
    return this.#touched.length > 0;
  }

  /** Lets the first waiting insert go on as far as it can. Answers how far. */
  #insertNext(table: ItemTable): number {
    const { memory, calls } = this.#parts;
    const call = calls.inserts.head;
    if (call === undefined) return 0;
    const { request } = call;
    const from = request.accepted;
    for (let item = request.items[from]; item !== undefined; item = request.items[request.accepted]) {
      if (table.item(item.key) !== undefined) request.repeated++;
      else if (table.insertBlocker() === null) insertInto(table, item, this.#changes);
      else break;
      request.accepted++;
    }
    const { accepted, repeated, items } = request;
    if (accepted > from) this.#touched.push(call);
    if (accepted < items.length) return accepted - from;
    memory.countWait('insertCalls', call.blockedAtMs, false);
    calls.inserts.remove(call);
    this.#answers.push(() => call.answer({ accepted, repeated, waitedFor: '' }));
    return accepted - from;
  }

  #sampleNext(table: ItemTable): number {
    const { memory, calls, isFit } = this.#parts;
    const call = calls.samples.head;
    if (call === undefined || table.sampleBlocker(call.request.count) !== null) return 0;
    this.#touched.push(call);
    const draws = drawFit(table, call.request.count, isFit, this.#changes);
    // Nothing that was there was fit: it goes on waiting.
    if (draws.length === 0) return 0;
    memory.countWait('sampleCalls', call.blockedAtMs, false);
    calls.samples.remove(call);
    this.#answers.push(() => call.answer(draws));
    return draws.length;
  }
}
