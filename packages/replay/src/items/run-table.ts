/**
 * One table of one run over the store's file. Calls wait in line; a turn serves as many as the table's rules allow, inside one transaction that holds every row
 * that it changed, and answers them when it is on disk. Only turns change the table in memory: after one that could not be committed it
 * is read anew. Between calls, and after a restart, memory and file are thus the same.
 * The rules are core's ItemTable; what items stand for is its owner's business.
 */
import {
  type InsertResult,
  type ItemTable,
  type NewItem,
  noTableCounts,
  SegueError,
  type StoreDamage,
  type TableRules,
  type TableStatistics,
} from '@segue/core';
import { requireRecords } from '../retired.js';
import type { Tables } from '../tables.js';
import type { Writer } from '../writer.js';
import { type Changes, drawFit, insertInto, type SettledDraw } from './changes.js';
import { type ItemTableRow, noWaits, type TurnReport, withWait } from './item-rows.js';
import { loadTable } from './load-table.js';
import { timeoutCode, type WaitingCall, WaitingCalls, type WaitOptions } from './waiting-calls.js';

export interface RunTableOptions {
  readonly runId: string;
  readonly name: string;
  readonly rules: TableRules;
  readonly tables: Tables;
  readonly writer: Writer;
  /** Calls of either kind that wait at most. */
  readonly maxWaitingCalls: number;
  /** Told of every turn after its commit, and of every wait that ended. */
  readonly onTurn: (report: TurnReport) => void;
  /** Whether what an item stands for is there, whole. */
  readonly isFit: (ref: string) => boolean;
  /** Told of records that were lost. */
  readonly onDamage: (damage: StoreDamage) => void;
}

/** Items that are let in one after the other. */
interface InsertRequest {
  readonly items: readonly NewItem[];
  accepted: number;
  repeated: number;
}

/** A change that never waits. Runs inside the turn; `committed` and `failed` end it. */
interface Edit {
  readonly apply: (table: ItemTable, changes: Changes) => void;
  readonly committed: () => void;
  readonly failed: (error: SegueError) => void;
}

interface Turn {
  readonly report: TurnReport;
  readonly answers: readonly (() => void)[];
}

/** Items and draws in one turn at most: bounds how long the process is busy with it. */
const maxTurnItems = 4_096;

export class RunTable {
  readonly runId: string;
  readonly rules: TableRules;
  readonly #options: RunTableOptions;
  readonly #what: string;
  readonly #inserts: WaitingCalls<InsertRequest, InsertResult>;
  readonly #samples: WaitingCalls<{ readonly count: number }, readonly SettledDraw[]>;
  #edits: Edit[] = [];
  #row: ItemTableRow | null = null;
  /** null: to be read. */
  #memory: ItemTable | null = null;
  /** Sequences whose rows cannot be read: the next turn takes them off the disk. */
  #lost: readonly number[] = [];
  #turnComes = false;
  /** Whether the turn that comes has begun to change the memory. */
  #hasBegun = false;
  /** What the turn that is being committed would answer to, if it failed. */
  #touched: { readonly refuse: (error: SegueError) => void }[] = [];

  constructor(options: RunTableOptions) {
    const { name, runId, rules, maxWaitingCalls } = options;
    this.runId = runId;
    this.rules = rules;
    this.#options = options;
    this.#what = `table ${name} of run ${runId}`;
    this.#inserts = new WaitingCalls(`inserts into ${this.#what}`, maxWaitingCalls, (call) =>
      this.#insertTimedOut(call),
    );
    this.#samples = new WaitingCalls(`samples of ${this.#what}`, maxWaitingCalls, (call) => this.#sampleTimedOut(call));
  }

  /** Nobody waits for it, and all of it is on the disk, but for the waits that ended in vain since its last turn. */
  get isIdle(): boolean {
    const isWhole = this.#memory === null || this.#lost.length === 0;
    return isWhole && !this.#turnComes && this.#edits.length + this.#inserts.size + this.#samples.size === 0;
  }

  /** Forgets what it knows of the disk. */
  readAgain(): void {
    this.#memory = null;
  }

  /** Inserts items in order as the limiter lets them in. */
  insert(items: readonly NewItem[], options: WaitOptions): Promise<InsertResult> {
    const answer = this.#inserts.add({ items, accepted: 0, repeated: 0 }, options);
    this.#look();
    return answer;
  }

  /** Draws `count` times in one step. */
  sample(count: number, options: WaitOptions): Promise<readonly SettledDraw[]> {
    const { maxBatch } = this.#options.rules;
    if (count < 1 || count > maxBatch) {
      const message = `${this.#what}: count must be within 1 and its maxBatch ${maxBatch}, got ${count}`;
      return Promise.reject(new SegueError('INVALID_INPUT', message));
    }
    const answer = this.#samples.add({ count }, options);
    this.#look();
    return answer;
  }

  updatePriorities(updates: readonly { readonly key: string; readonly priority: number }[]) {
    return this.#edit((table, changes) => {
      const missing: string[] = [];
      for (const { key, priority } of updates) {
        const item = table.update(key, priority);
        if (item === undefined) missing.push(key);
        else changes.set(item.sequence, item);
      }
      return { updated: updates.length - missing.length, missing };
    });
  }

  removeItems(keys: readonly string[]) {
    return this.#edit((table, changes) => {
      const removed = keys.flatMap((key) => table.remove(key) ?? []);
      for (const { sequence } of removed) changes.set(sequence, null);
      return { removed: removed.length };
    });
  }

  /** Inserts what the store itself fills in, without waiting. @param forget runs inside the transaction */
  fill(item: NewItem, forget: () => void): Promise<void> {
    return this.#edit((table, changes) => {
      if (table.item(item.key) === undefined) insertInto(table, item, changes);
      forget();
    });
  }

  statistics(): TableStatistics {
    const table = this.#load();
    const { counters } = table;
    const { insertCalls, sampleCalls } = this.#rowNow();
    return {
      table: this.#options.name,
      size: table.size,
      inserts: counters.inserts,
      samples: counters.samples,
      priorityUpdates: counters.priorityUpdates,
      removedByReason: counters.removed,
      insertCalls: { ...insertCalls, waiting: this.#inserts.size },
      sampleCalls: { ...sampleCalls, waiting: this.#samples.size },
    };
  }

  /** Ends the calls that wait. */
  close(): void {
    const error = new SegueError('UNAVAILABLE', `${this.#what}: the store is closing`);
    this.#inserts.refuseAll(error);
    this.#samples.refuseAll(error);
  }

  #edit<T>(work: (table: ItemTable, changes: Changes) => T): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      let result: { readonly value: T } | null = null;
      this.#edits.push({
        apply: (table, changes) => {
          result = { value: work(table, changes) };
        },
        committed: () => {
          if (result !== null) resolve(result.value);
        },
        failed: reject,
      });
      this.#look();
    });
  }

  /** Sees to it that a turn comes when there is something to do in it; ends what will not wait for one. */
  #look(): void {
    if (this.#turnComes) return;
    try {
      if (!this.#canProgress()) {
        this.#inserts.endImpatient();
        this.#samples.endImpatient();
        this.#markBlocked();
        return;
      }
    } catch (error) {
      // A row that cannot be read: nobody can be served.
      this.#refuseAll(SegueError.from(error));
      return;
    }
    this.#turnComes = true;
    this.#options.writer
      .run(
        () => this.#turn(),
        (turn) => this.#committed(turn),
      )
      .catch((error: unknown) => this.#failed(SegueError.from(error)));
  }

  #canProgress(): boolean {
    return this.#edits.length > 0 || this.#canInsert() || this.#canSample();
  }

  #canInsert(): boolean {
    const head = this.#inserts.head;
    if (head === undefined) return false;
    const { items, accepted } = head.request;
    const next = items[accepted];
    return next === undefined || this.#load().item(next.key) !== undefined || this.#load().insertBlocker() === null;
  }

  #canSample(): boolean {
    const head = this.#samples.head;
    return head !== undefined && this.#load().sampleBlocker(head.request.count) === null;
  }

  /** Inside a transaction. */
  #turn(): Turn {
    requireRecords(this.#options.tables, this.#options.runId);
    this.#hasBegun = true;
    const table = this.#load();
    const before = this.#rowNow();
    const changes: Changes = new Map(this.#lost.map((sequence) => [sequence, null]));
    const answers: (() => void)[] = [];
    const edits = this.#edits.splice(0);
    this.#touched = edits.map(({ failed }) => ({ refuse: failed }));
    for (const edit of edits) {
      edit.apply(table, changes);
      answers.push(edit.committed);
    }
    let left = maxTurnItems;
    for (let moved = true; moved && left > 0; ) {
      const inserted = this.#insertNext(table, changes, answers);
      const drawn = this.#sampleNext(table, changes, answers);
      moved = inserted + drawn > 0;
      left -= inserted + drawn;
    }
    this.#write(changes);
    return { report: { table: this.#options.name, before, after: this.#rowNow() }, answers };
  }

  /** Lets the first waiting insert go on as far as it can. Answers how far. */
  #insertNext(table: ItemTable, changes: Changes, answers: (() => void)[]): number {
    const call = this.#inserts.head;
    if (call === undefined) return 0;
    const { request } = call;
    const from = request.accepted;
    for (let item = request.items[from]; item !== undefined; item = request.items[request.accepted]) {
      if (table.item(item.key) !== undefined) request.repeated++;
      else if (table.insertBlocker() === null) insertInto(table, item, changes);
      else break;
      request.accepted++;
    }
    const { accepted, repeated, items } = request;
    if (accepted > from) this.#touched.push(call);
    if (accepted < items.length) return accepted - from;
    this.#row = withWait(this.#rowNow(), 'insertCalls', call.blockedAtMs, false);
    this.#inserts.remove(call);
    answers.push(() => call.answer({ accepted, repeated, waitedFor: '' }));
    return accepted - from;
  }

  #sampleNext(table: ItemTable, changes: Changes, answers: (() => void)[]): number {
    const call = this.#samples.head;
    if (call === undefined || table.sampleBlocker(call.request.count) !== null) return 0;
    this.#touched.push(call);
    const draws = drawFit(table, call.request.count, this.#options.isFit, changes);
    // Nothing that was there was fit: it goes on waiting.
    if (draws.length === 0) return 0;
    this.#row = withWait(this.#rowNow(), 'sampleCalls', call.blockedAtMs, false);
    this.#samples.remove(call);
    answers.push(() => call.answer(draws));
    return draws.length;
  }

  #write(changes: Changes): void {
    const { tables, runId, name } = this.#options;
    for (const [sequence, item] of changes) {
      if (item === null) tables.items.remove([runId, name, sequence]);
      else tables.items.put([runId, name, sequence], item);
    }
    tables.itemTables.put([runId, name], this.#rowNow());
  }

  #committed({ report, answers }: Turn): void {
    this.#turnComes = false;
    this.#hasBegun = false;
    this.#lost = [];
    this.#touched = [];
    this.#options.onTurn(report);
    for (const answer of answers) answer();
    this.#endLate();
    this.#look();
  }

  #failed(error: SegueError): void {
    this.#turnComes = false;
    // What it changed is not on the disk.
    if (this.#hasBegun) this.#memory = null;
    this.#hasBegun = false;
    const touched = this.#touched;
    this.#touched = [];
    for (const { refuse } of touched) refuse(error);
    // A turn that was refused before it began touched nobody: whoever it was for is told. A full disk serves nobody, and is not read to find out.
    if (error.code === 'RESOURCE_EXHAUSTED') this.#refuseAll(error);
    else if (touched.length === 0) this.#refuseNext(error);
    this.#endLate();
    this.#look();
  }

  #endLate(): void {
    this.#inserts.endLate();
    this.#samples.endLate();
  }

  #refuseNext(error: SegueError): void {
    for (const { failed } of this.#edits.splice(0)) failed(error);
    try {
      if (this.#canInsert()) this.#inserts.head?.refuse(error);
      if (this.#canSample()) this.#samples.head?.refuse(error);
    } catch (unreadable) {
      this.#refuseAll(SegueError.from(unreadable));
    }
  }

  #refuseAll(error: SegueError): void {
    for (const { failed } of this.#edits.splice(0)) failed(error);
    this.#inserts.refuseAll(error);
    this.#samples.refuseAll(error);
  }

  #insertTimedOut(call: WaitingCall<InsertRequest, InsertResult>): void {
    if (this.#awaitsTurn(call)) return;
    const { accepted, repeated } = call.request;
    const blocker = this.#memory?.insertBlocker() ?? 'their turn';
    const waitedFor = `inserts into ${this.#what} waited ${call.waitMs} ms for ${blocker}`;
    this.#endWait('insertCalls', call);
    if (accepted > 0) call.answer({ accepted, repeated, waitedFor });
    else call.refuse(new SegueError(timeoutCode(call), waitedFor));
  }

  #sampleTimedOut(call: WaitingCall<{ readonly count: number }, readonly SettledDraw[]>): void {
    if (this.#awaitsTurn(call)) return;
    const blocker = this.#memory?.sampleBlocker(call.request.count) ?? 'their turn';
    this.#endWait('sampleCalls', call);
    call.refuse(new SegueError(timeoutCode(call), `samples of ${this.#what} waited ${call.waitMs} ms for ${blocker}`));
  }

  /** While a turn is on its way nobody knows what it does for the call: it decides. */
  #awaitsTurn(call: WaitingCall<unknown, never>): boolean {
    if (this.#turnComes) call.isLate = true;
    return this.#turnComes;
  }

  /** Counts a wait that ended in vain; written with the next turn. */
  #endWait(kind: 'insertCalls' | 'sampleCalls', call: WaitingCall<unknown, never>): void {
    const before = this.#rowNow();
    call.blockedAtMs ??= performance.now() - call.waitMs;
    this.#row = withWait(this.#rowNow(), kind, call.blockedAtMs, true);
    this.#options.onTurn({ table: this.#options.name, before, after: this.#rowNow() });
  }

  #markBlocked(): void {
    const nowMs = performance.now();
    for (const calls of [this.#inserts, this.#samples]) calls.markBlocked(nowMs);
  }

  #rowNow(): ItemTableRow {
    const { insertCalls = noWaits, sampleCalls = noWaits } = this.#row ?? {};
    return { counters: this.#memory?.counters ?? noTableCounts, insertCalls, sampleCalls };
  }

  #load(): ItemTable {
    if (this.#memory !== null) return this.#memory;
    const { table, row, lost } = loadTable(this.#options);
    // Waits that were counted since are kept: they are not the disk's.
    this.#row ??= row;
    this.#lost = lost;
    this.#memory = table;
    return table;
  }
}
