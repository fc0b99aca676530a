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
  SegueError,
  type StoreDamage,
  type TableRules,
  type TableStatistics,
} from '@segue/core';
import { requireRecords } from '../retired.js';
import type { Tables } from '../tables.js';
import type { Writer } from '../writer.js';
import { type Changes, insertInto, type SettledDraw } from './changes.js';
import type { TurnReport } from './item-rows.js';
import { type InsertCall, type SampleCall, TableCalls } from './table-calls.js';
import { TableMemory } from './table-memory.js';
import { Turn } from './turn.js';
import { timeoutCode, type WaitingCall, type WaitOptions } from './waiting-calls.js';

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

export class RunTable {
  readonly runId: string;
  readonly rules: TableRules;
  readonly #options: RunTableOptions;
  readonly #what: string;
  readonly #calls: TableCalls;
  readonly #memory: TableMemory;
  #turnComes = false;
  /** The store refused a turn since it has its limit: the next one serves what relieves it. */
  #reliefAlone = false;
  /** The turn that comes, once it has begun to change the memory. */
  #begun: Turn | null = null;

  constructor(options: RunTableOptions) {
    const { name, runId, rules, maxWaitingCalls } = options;
    this.runId = runId;
    this.rules = rules;
    this.#options = options;
    this.#what = `table ${name} of run ${runId}`;
    this.#calls = new TableCalls(this.#what, maxWaitingCalls, {
      insert: (call) => this.#insertTimedOut(call),
      sample: (call) => this.#sampleTimedOut(call),
    });
    this.#memory = new TableMemory(options);
  }

  /** Nobody waits for it, and all of it is on the disk, but for the waits that ended in vain since its last turn. */
  get isIdle(): boolean {
    return this.#memory.isWhole && !this.#turnComes && this.#calls.isEmpty;
  }

  /** Forgets what it knows of the disk. */
  readAgain(): void {
    this.#memory.readAgain();
  }

  /** Inserts items in order as the limiter lets them in. */
  insert(items: readonly NewItem[], options: WaitOptions): Promise<InsertResult> {
    const answer = this.#calls.inserts.add({ items, accepted: 0, repeated: 0 }, options);
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
    const answer = this.#calls.samples.add({ count }, options);
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
    }, true);
  }

  /** Inserts what the store itself fills in, without waiting. @param forget runs inside the transaction */
  fill(item: NewItem, forget: () => void): Promise<void> {
    return this.#edit((table, changes) => {
      if (table.item(item.key) === undefined) insertInto(table, item, changes);
      forget();
    });
  }

  statistics(): TableStatistics {
    const table = this.#memory.load();
    const { counters, insertCalls, sampleCalls } = this.#memory.row;
    return {
      table: this.#options.name,
      size: table.size,
      inserts: counters.inserts,
      samples: counters.samples,
      priorityUpdates: counters.priorityUpdates,
      removedByReason: counters.removed,
      insertCalls: { ...insertCalls, waiting: this.#calls.inserts.size },
      sampleCalls: { ...sampleCalls, waiting: this.#calls.samples.size },
    };
  }

  /** Ends the calls that wait. */
  close(): void {
    const error = new SegueError('UNAVAILABLE', `${this.#what}: the store is closing`);
    this.#calls.refuseWaiting(error);
  }

  #edit<T>(work: (table: ItemTable, changes: Changes) => T, relieves = false): Promise<T> {
    const answer = this.#calls.edit(work, relieves);
    this.#look();
    return answer;
  }

  /** Sees to it that a turn comes when there is something to do in it; ends what will not wait for one. */
  #look(): void {
    if (this.#turnComes) return;
    try {
      if (!this.#calls.canProgress(() => this.#memory.load())) {
        this.#calls.block();
        return;
      }
    } catch (error) {
      // A row that cannot be read: nobody can be served.
      this.#calls.refuseAll(SegueError.from(error));
      return;
    }
    this.#turnComes = true;
    this.#options.writer
      .run(
        () => this.#takeTurn(),
        (report) => this.#committed(report),
        { relieves: this.#reliefAlone },
      )
      .catch((error: unknown) => this.#failed(SegueError.from(error)));
  }

  /** Inside a transaction. */
  #takeTurn(): TurnReport {
    const { tables, runId, name, isFit } = this.#options;
    requireRecords(tables, runId);
    this.#begun = new Turn({ memory: this.#memory, calls: this.#calls, isFit, reliefAlone: this.#reliefAlone });
    const before = this.#begun.serve();
    return { table: name, before, after: this.#memory.row };
  }

  #committed(report: TurnReport): void {
    const turn = this.#endTurn();
    this.#reliefAlone = false;
    this.#memory.committed();
    this.#options.onTurn(report);
    turn?.answer();
    this.#calls.endLate();
    this.#look();
  }

  #failed(error: SegueError): void {
    const turn = this.#endTurn();
    // What it changed is not on the disk.
    if (turn !== null) this.#memory.readAgain();
    const hasRefused = turn?.refuse(error) ?? false;
    const wasRefused = turn === null && !this.#reliefAlone;
    this.#reliefAlone = false;
    // A turn that was refused before it began touched nobody: whoever it was for is told. A full disk serves nobody, and is not read to find out; a store that
    // has its limit lets items go.
    if (error.code === 'RESOURCE_EXHAUSTED' && wasRefused) this.#reliefAlone = this.#calls.refuseAllButRelief(error);
    else if (error.code === 'RESOURCE_EXHAUSTED') this.#calls.refuseAll(error);
    else if (!hasRefused) this.#refuseNext(error);
    this.#calls.endLate();
    this.#look();
  }

  /** The turn that was on its way; null when it never began. */
  #endTurn(): Turn | null {
    const turn = this.#begun;
    this.#begun = null;
    this.#turnComes = false;
    return turn;
  }

  #refuseNext(error: SegueError): void {
    try {
      this.#calls.refuseNext(error, () => this.#memory.load());
    } catch (unreadable) {
      this.#calls.refuseAll(SegueError.from(unreadable));
    }
  }

  #insertTimedOut(call: InsertCall): void {
    if (this.#awaitsTurn(call)) return;
    const { accepted, repeated } = call.request;
    const blocker = this.#memory.known?.insertBlocker() ?? 'their turn';
    const waitedFor = `inserts into ${this.#what} waited ${call.waitMs} ms for ${blocker}`;
    this.#endWait('insertCalls', call);
    if (accepted > 0) call.answer({ accepted, repeated, waitedFor });
    else call.refuse(new SegueError(timeoutCode(call), waitedFor));
  }

  #sampleTimedOut(call: SampleCall): void {
    if (this.#awaitsTurn(call)) return;
    const blocker = this.#memory.known?.sampleBlocker(call.request.count) ?? 'their turn';
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
    const before = this.#memory.row;
    call.blockedAtMs ??= performance.now() - call.waitMs;
    this.#memory.countWait(kind, call.blockedAtMs, true);
    this.#options.onTurn({ table: this.#options.name, before, after: this.#memory.row });
  }
}
