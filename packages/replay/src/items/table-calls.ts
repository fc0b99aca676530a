/**
 * What was asked of a table and is not done: inserts and samples, a line of each, and edits, which wait for nothing but the next turn. It knows
 * nothing of how a turn serves them, nor of the disk.
 */
import type { InsertResult, ItemTable, NewItem, SegueError } from '@segue/core';
import type { Changes, SettledDraw } from './changes.js';
import { type WaitingCall, WaitingCalls } from './waiting-calls.js';

/** Items that are let in one after the other. */
export interface InsertRequest {
  readonly items: readonly NewItem[];
  accepted: number;
  repeated: number;
}

/** Draws in one step. */
export interface DrawRequest {
  readonly count: number;
}

export type InsertCall = WaitingCall<InsertRequest, InsertResult>;
export type SampleCall = WaitingCall<DrawRequest, readonly SettledDraw[]>;

/** A change that never waits. Runs inside the turn; `committed` and `failed` end it. */
export interface Edit {
  readonly apply: (table: ItemTable, changes: Changes) => void;
  readonly committed: () => void;
  readonly failed: (error: SegueError) => void;
  /** It removes rows and nothing else: a store that has its limit takes it. */
  readonly relieves: boolean;
}

/** Decide what a call hears whose time is over. */
export interface TimedOut {
  readonly insert: (call: InsertCall) => void;
  readonly sample: (call: SampleCall) => void;
}

export class TableCalls {
  readonly inserts: WaitingCalls<InsertRequest, InsertResult>;
  readonly samples: WaitingCalls<DrawRequest, readonly SettledDraw[]>;
  #edits: Edit[] = [];

  /** @param maxCalls of either kind that wait at most */
  constructor(what: string, maxCalls: number, timedOut: TimedOut) {
    this.inserts = new WaitingCalls(`inserts into ${what}`, maxCalls, timedOut.insert);
    this.samples = new WaitingCalls(`samples of ${what}`, maxCalls, timedOut.sample);
  }

  get isEmpty(): boolean {
    return this.#edits.length + this.inserts.size + this.samples.size === 0;
  }

  /** Puts an edit in line; resolves with what its work answered once that is on disk. */
  edit<T>(work: (table: ItemTable, changes: Changes) => T, relieves = false): Promise<T> {
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
        relieves,
      });
    });
  }

  /** The edits in line, or those of them that relieve, which are in it no more. */
  takeEdits(reliefAlone = false): readonly Edit[] {
    const taken = this.#edits.filter(({ relieves }) => relieves || !reliefAlone);
    this.#edits = this.#edits.filter(({ relieves }) => !relieves && reliefAlone);
    return taken;
  }

  /** Whether a turn would do something. @param load reads the table; is called only when somebody waits for it */
  canProgress(load: () => ItemTable): boolean {
    return this.#edits.length > 0 || this.#canInsert(load) || this.#canSample(load);
  }

  #canInsert(load: () => ItemTable): boolean {
    const head = this.inserts.head;
    if (head === undefined) return false;
    const { items, accepted } = head.request;
    const next = items[accepted];
    return next === undefined || load().item(next.key) !== undefined || load().insertBlocker() === null;
  }

  #canSample(load: () => ItemTable): boolean {
    const head = this.samples.head;
    return head !== undefined && load().sampleBlocker(head.request.count) === null;
  }

  /** Every call that is in line now has to wait; those that would not are ended. */
  block(): void {
    this.inserts.endImpatient();
    this.samples.endImpatient();
    const nowMs = performance.now();
    this.inserts.markBlocked(nowMs);
    this.samples.markBlocked(nowMs);
  }

  /** Ends the calls whose time was over before the turn that has gone. */
  endLate(): void {
    this.inserts.endLate();
    this.samples.endLate();
  }

  /** Refuses those whom the next turn would have served. @throws what `load` throws */
  refuseNext(error: SegueError, load: () => ItemTable): void {
    this.#refuseEdits(error);
    if (this.#canInsert(load)) this.inserts.head?.refuse(error);
    if (this.#canSample(load)) this.samples.head?.refuse(error);
  }

  refuseAll(error: SegueError): void {
    this.#refuseEdits(error);
    this.refuseWaiting(error);
  }

  /** Refuses all but what relieves the store. Answers whether there is such. */
  refuseAllButRelief(error: SegueError): boolean {
    const relief = this.takeEdits(true);
    this.refuseAll(error);
    this.#edits.push(...relief);
    return relief.length > 0;
  }

  /** Refuses inserts and samples; edits are in line still. */
  refuseWaiting(error: SegueError): void {
    this.inserts.refuseAll(error);
    this.samples.refuseAll(error);
  }

  #refuseEdits(error: SegueError): void {
    for (const { failed } of this.takeEdits()) failed(error);
  }
}
