/**
 * Which item of a table is next: the six selectors that users of replay stores know, each for sampling and for removal alike, each with the
 * probability of its choice. Deterministic given the random numbers. FIFO and LIFO take O(1), all others O(log n).
 */
import { assert } from '../error.js';
import type { SeededRandom } from '../random.js';
import type { ItemSlots } from './item-slots.js';
import { SlotHeap } from './slot-heap.js';
import { SumTree } from './sum-tree.js';

export const itemSelectorKinds = ['fifo', 'lifo', 'uniform', 'prioritized', 'min-heap', 'max-heap'] as const;
export type ItemSelectorKind = (typeof itemSelectorKinds)[number];

/** Of one item among ten million: their sum is a number still. */
export const maxWeight = 1e300;

/** What of an item a selector looks at. */
export interface Ranked {
  /** From 0. */
  readonly priority: number;
  /** Grows with every insertion and every change of a priority: of equal priorities a heap takes the one that was longest left alone. */
  readonly touched: number;
}

export interface Choice {
  readonly slot: number;
  /** Of this choice among the items that are there; 1 where chance has no part. */
  readonly probability: number;
}

/** Follows a table's items. Told of each one after it was added or changed, and before it is removed. */
export interface ItemSelector {
  add(slot: number): void;
  change(slot: number): void;
  remove(slot: number): void;
  /** There must be an item. */
  choose(random: SeededRandom): Choice;
}

/** A selector over the items that are in the slots now. @param exponent power to which priorities are raised by `prioritized` */
export function createSelector(kind: ItemSelectorKind, exponent: number, slots: ItemSlots<Ranked>): ItemSelector {
  switch (kind) {
    case 'fifo':
      return new OrderSelector(() => slots.first);
    case 'lifo':
      return new OrderSelector(() => slots.last);
    case 'uniform':
      return new WeightSelector(slots, () => 1);
    case 'prioritized':
      return new PrioritizedSelector(slots, exponent);
    case 'min-heap':
      return new HeapSelector(slots, 1);
    case 'max-heap':
      return new HeapSelector(slots, -1);
  }
}

/** Oldest or newest: the slots know. */
class OrderSelector implements ItemSelector {
  readonly #next: () => number | undefined;

  constructor(next: () => number | undefined) {
    this.#next = next;
  }

  add(): void {}
  change(): void {}
  remove(): void {}

  choose(): Choice {
    const slot = this.#next();
    assert(slot !== undefined, 'a table without items was asked for one');
    return { slot, probability: 1 };
  }
}

/** In proportion to a weight. */
class WeightSelector implements ItemSelector {
  readonly #slots: ItemSlots<Ranked>;
  readonly #weightOf: (item: Ranked) => number;
  readonly #tree: SumTree;

  constructor(slots: ItemSlots<Ranked>, weightOf: (item: Ranked) => number) {
    this.#slots = slots;
    this.#weightOf = weightOf;
    const weights = new Float64Array(slots.capacity);
    for (const [slot, item] of slots.entries()) weights[slot] = weightOf(item);
    this.#tree = new SumTree(slots.capacity, weights);
  }

  get total(): number {
    return this.#tree.total;
  }

  add(slot: number): void {
    this.change(slot);
  }

  change(slot: number): void {
    const item = this.#slots.at(slot);
    assert(item !== undefined, `slot ${slot} is empty`);
    this.#tree.set(slot, this.#weightOf(item));
  }

  remove(slot: number): void {
    this.#tree.set(slot, 0);
  }

  choose(random: SeededRandom): Choice {
    const { total } = this.#tree;
    const slot = this.#tree.find(random.next() * total);
    return { slot, probability: this.#tree.weightOf(slot) / total };
  }
}

/** In proportion to priority ** exponent; evenly while every priority is zero. */
class PrioritizedSelector implements ItemSelector {
  readonly #slots: ItemSlots<Ranked>;
  readonly #weighted: WeightSelector;
  /** Made when it is first needed, gone when some priority is above zero. */
  #even: WeightSelector | null = null;

  constructor(slots: ItemSlots<Ranked>, exponent: number) {
    this.#slots = slots;
    // 0 ** 0 is 1, but an item of priority zero is not to be drawn beside others. Items may be of a time when the exponent was smaller.
    const weightOf = ({ priority }: Ranked) => (priority === 0 ? 0 : Math.min(maxWeight, priority ** exponent));
    this.#weighted = new WeightSelector(slots, weightOf);
  }

  add(slot: number): void {
    this.#weighted.add(slot);
    this.#even?.add(slot);
  }

  change(slot: number): void {
    this.#weighted.change(slot);
  }

  remove(slot: number): void {
    this.#weighted.remove(slot);
    this.#even?.remove(slot);
  }

  choose(random: SeededRandom): Choice {
    if (this.#weighted.total > 0) {
      this.#even = null;
      return this.#weighted.choose(random);
    }
    this.#even ??= new WeightSelector(this.#slots, () => 1);
    return this.#even.choose(random);
  }
}

/** The least or greatest priority; of equal ones the item that was longest left alone. */
class HeapSelector implements ItemSelector {
  readonly #heap: SlotHeap;

  /** @param sign 1: the least first, -1: the greatest */
  constructor(slots: ItemSlots<Ranked>, sign: 1 | -1) {
    this.#heap = new SlotHeap((a, b) => {
      const [one, other] = [slots.at(a), slots.at(b)];
      assert(one !== undefined && other !== undefined, `slot ${a} or ${b} is empty`);
      if (one.priority !== other.priority) return sign * (one.priority - other.priority) < 0;
      return one.touched < other.touched;
    });
    for (const [slot] of slots.entries()) this.#heap.add(slot);
  }

  add(slot: number): void {
    this.#heap.add(slot);
  }

  change(slot: number): void {
    this.#heap.move(slot);
  }

  remove(slot: number): void {
    this.#heap.remove(slot);
  }

  choose(): Choice {
    const slot = this.#heap.first;
    assert(slot !== undefined, 'a table without items was asked for one');
    return { slot, probability: 1 };
  }
}
