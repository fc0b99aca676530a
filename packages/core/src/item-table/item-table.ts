/**
 * A table of items as users of replay stores know it: one selector decides what is sampled, another what makes room, a limiter when either may
 * happen. In memory, without clock and disk; the same calls on the same items give the same choices, also after it was built anew. It knows
 * nothing of what an item stands for, nor of who waits.
 */
import { assert, SegueError } from '../error.js';
import { SeededRandom } from '../random.js';
import { ItemSlots } from './item-slots.js';
import { insertBlocker, sampleBlocker, type TableLevel } from './rate-limiter.js';
import { createSelector, type ItemSelector, maxWeight } from './selectors.js';
import type { TableRules } from './table-rules.js';

/** An item as it is at this moment. */
export interface TableItem {
  /** Unique in its table. */
  readonly key: string;
  /** What it stands for: the id of a trajectory or of a group. */
  readonly ref: string;
  readonly priority: number;
  readonly timesSampled: number;
  /** Position among all items that were ever inserted. */
  readonly sequence: number;
  /** Number of the operation that inserted it or changed its priority last. */
  readonly touched: number;
}

export const removalReasons = ['max-size', 'max-times-sampled', 'request', 'stale'] as const;
/** Made room, was used up, was taken out by a caller, or could not be had any more: what it stood for is made again, or its own record is lost. */
export type RemovalReason = (typeof removalReasons)[number];

/** Counts since the table was made. */
export interface TableCounters {
  /** Operations so far: the n-th one draws the n-th random numbers. */
  readonly operations: number;
  readonly inserts: number;
  readonly samples: number;
  readonly priorityUpdates: number;
  readonly removed: Readonly<Record<RemovalReason, number>>;
}

export const noTableCounts: TableCounters = {
  operations: 0,
  inserts: 0,
  samples: 0,
  priorityUpdates: 0,
  removed: { 'max-size': 0, 'max-times-sampled': 0, request: 0, stale: 0 },
};

/** One draw. */
export interface TableDraw {
  /** With this draw counted. */
  readonly item: TableItem;
  /** Of this draw, among `size` items. */
  readonly probability: number;
  readonly size: number;
}

export interface NewItem {
  readonly key: string;
  readonly ref: string;
  readonly priority: number;
}

export class ItemTable {
  readonly rules: TableRules;
  readonly #purpose: string;
  readonly #slots = new ItemSlots<TableItem>();
  readonly #slotsByKey = new Map<string, number>();
  #sampler: ItemSelector;
  #remover: ItemSelector;
  #counters: TableCounters;
  /** Times that the items have been sampled; an item that is there is always good for one more. */
  #timesUsed = 0;

  /**
   * @param name of the table: two tables of one seed draw differently
   * @param items of a table that was, in the order of their sequence
   */
  constructor(rules: TableRules, name: string, items: Iterable<TableItem> = [], counters = noTableCounts) {
    this.rules = rules;
    this.#purpose = `table ${name}`;
    let [nextSequence, touched] = [0, 0];
    for (const item of items) {
      if (!this.#slots.hasRoom) this.#slots.compact();
      this.#enter(item);
      nextSequence = item.sequence + 1;
      touched = Math.max(touched, item.touched);
    }
    this.#counters = { ...counters, removed: { ...noTableCounts.removed, ...counters.removed } };
    if (counters.inserts < nextSequence) this.#count(countsAfterLoss(rules, nextSequence, touched));
    [this.#sampler, this.#remover] = this.#selectors();
  }

  get size(): number {
    return this.#slots.size;
  }

  get counters(): TableCounters {
    return this.#counters;
  }

  get level(): TableLevel {
    const { inserts, samples } = this.#counters;
    const { maxTimesSampled } = this.rules;
    const unbounded = this.size > 0 ? Number.POSITIVE_INFINITY : 0;
    const samplesLeft = maxTimesSampled === 0 ? unbounded : this.size * maxTimesSampled - this.#timesUsed;
    return { size: this.size, inserts, samples, samplesLeft };
  }

  item(key: string): TableItem | undefined {
    const slot = this.#slotsByKey.get(key);
    return slot === undefined ? undefined : this.#slots.at(slot);
  }

  /** Why another item has to wait; null when it has not. */
  insertBlocker(): string | null {
    return insertBlocker(this.rules.rateLimiter, this.rules.maxSize, this.level);
  }

  /** Why `count` samples have to wait; null when they have not. */
  sampleBlocker(count: number): string | null {
    return sampleBlocker(this.rules.rateLimiter, this.level, count);
  }

  /** Adds an item whose key is not there, in place of others when the table is full. Answers it and those that made room. */
  insert({ key, ref, priority }: NewItem): { readonly item: TableItem; readonly removed: readonly TableItem[] } {
    requirePriority(key, priority, this.rules);
    assert(!this.#slotsByKey.has(key), `${this.#purpose} holds item ${key} already`);
    const random = this.#nextRandom();
    const removed: TableItem[] = [];
    // More than one where maxSize was lowered.
    while (this.size >= this.rules.maxSize) {
      removed.push(this.#take(this.#remover.choose(random).slot, 'max-size'));
    }
    if (!this.#slots.hasRoom) this.#compact();
    const { operations, inserts } = this.#counters;
    const item = { key, ref, priority, timesSampled: 0, sequence: inserts, touched: operations };
    const slot = this.#enter(item);
    this.#sampler.add(slot);
    this.#remover.add(slot);
    this.#count({ inserts: inserts + 1 });
    return { item, removed };
  }

  /**
   * Draws `count` times, or until it meets an item that is not fit, which is taken out and is no draw: neither the limiter nor anybody else counts it.
   * Answers the draws in order, and the items that are gone.
   */
  sample(
    count: number,
    isFit: (item: TableItem) => boolean = () => true,
  ): { readonly draws: readonly TableDraw[]; readonly removed: readonly TableItem[] } {
    assert(this.size > 0, `${this.#purpose} is empty`);
    const random = this.#nextRandom();
    const draws: TableDraw[] = [];
    const removed: TableItem[] = [];
    for (let draw = 0; draw < count && this.size > 0; draw++) {
      const { size } = this;
      const { slot, probability } = this.#sampler.choose(random);
      const before = this.#at(slot);
      if (!isFit(before)) {
        removed.push(this.#take(slot, 'stale'));
        break;
      }
      const item = { ...before, timesSampled: before.timesSampled + 1 };
      this.#slots.replace(slot, item);
      draws.push({ item, probability, size });
      this.#timesUsed += this.#usedOf(item) - this.#usedOf(before);
      const { maxTimesSampled } = this.rules;
      if (maxTimesSampled > 0 && item.timesSampled >= maxTimesSampled) {
        removed.push(this.#take(slot, 'max-times-sampled'));
      }
    }
    this.#count({ samples: this.#counters.samples + draws.length });
    return { draws, removed };
  }

  /** Gives an item another priority; undefined when it is not there. */
  update(key: string, priority: number): TableItem | undefined {
    requirePriority(key, priority, this.rules);
    const slot = this.#slotsByKey.get(key);
    if (slot === undefined) return undefined;
    const { operations, priorityUpdates } = this.#counters;
    const item = { ...this.#at(slot), priority, touched: operations + 1 };
    this.#slots.replace(slot, item);
    this.#sampler.change(slot);
    this.#remover.change(slot);
    this.#count({ operations: operations + 1, priorityUpdates: priorityUpdates + 1 });
    return item;
  }

  /** Takes an item out; undefined when it is not there. */
  remove(key: string, reason: RemovalReason = 'request'): TableItem | undefined {
    const slot = this.#slotsByKey.get(key);
    return slot === undefined ? undefined : this.#take(slot, reason);
  }

  #enter(item: TableItem): number {
    const slot = this.#slots.add(item);
    this.#slotsByKey.set(item.key, slot);
    this.#timesUsed += this.#usedOf(item);
    return slot;
  }

  #take(slot: number, reason: RemovalReason): TableItem {
    const item = this.#at(slot);
    this.#sampler.remove(slot);
    this.#remover.remove(slot);
    this.#slots.remove(slot);
    this.#slotsByKey.delete(item.key);
    this.#timesUsed -= this.#usedOf(item);
    const { removed } = this.#counters;
    this.#count({ removed: { ...removed, [reason]: removed[reason] + 1 } });
    return item;
  }

  /** What the item has used of its times; it may have used more where maxTimesSampled was lowered. */
  #usedOf({ timesSampled }: TableItem): number {
    return Math.min(timesSampled, Math.max(0, this.rules.maxTimesSampled - 1));
  }

  #at(slot: number): TableItem {
    const item = this.#slots.at(slot);
    assert(item !== undefined, `${this.#purpose}: slot ${slot} is empty`);
    return item;
  }

  #compact(): void {
    this.#slots.compact();
    for (const [slot, { key }] of this.#slots.entries()) this.#slotsByKey.set(key, slot);
    [this.#sampler, this.#remover] = this.#selectors();
  }

  #selectors(): [sampler: ItemSelector, remover: ItemSelector] {
    const { sampler, remover, priorityExponent } = this.rules;
    return [
      createSelector(sampler, priorityExponent, this.#slots),
      createSelector(remover, priorityExponent, this.#slots),
    ];
  }

  #nextRandom(): SeededRandom {
    const { operations } = this.#counters;
    this.#count({ operations: operations + 1 });
    return new SeededRandom(this.rules.seed, `${this.#purpose} ${operations}`);
  }

  #count(changed: Partial<TableCounters>): void {
    this.#counters = { ...this.#counters, ...changed };
  }
}

/** Counts to go on from where a table's own are lost: no sequence comes twice, and neither inserts nor samples are owed to the limiter. */
function countsAfterLoss({ rateLimiter }: TableRules, inserts: number, operations: number): Partial<TableCounters> {
  const samples = rateLimiter.kind === 'ratio' ? Math.round(inserts * rateLimiter.samplesPerInsert) : 0;
  return { inserts, samples, operations };
}

/** @throws SegueError INVALID_INPUT also for one whose power no table of ten million items could add up */
export function requirePriority(
  key: string,
  priority: number,
  { sampler, remover, priorityExponent }: Pick<TableRules, 'sampler' | 'remover' | 'priorityExponent'>,
): void {
  const wrong = (what: string) =>
    new SegueError('INVALID_INPUT', `the priority of item ${key} must be ${what}, got ${priority}`);
  if (!Number.isFinite(priority) || priority < 0) throw wrong('a number from 0');
  const isWeighted = sampler === 'prioritized' || remover === 'prioritized';
  if (isWeighted && priority ** priorityExponent > maxWeight) {
    throw wrong(`at most ${maxWeight ** (1 / priorityExponent)} with the priorityExponent ${priorityExponent}`);
  }
}
