/**
 * Items by slot: slots are numbers in the order of insertion, so that the first and the last item, and any structure over slots, say which item is
 * older. A structure built anew from the same items is thus the same, whatever was removed before. When the slots are used up the items are moved
 * together, and whoever keeps slots has to begin anew. It knows nothing of what an item is.
 */

const firstCapacity = 1024;

export class ItemSlots<Item> {
  #items: (Item | undefined)[] = [];
  /** No item is before it. */
  #first = 0;
  #size = 0;
  #capacity = firstCapacity;

  get size(): number {
    return this.#size;
  }

  /** Slots are below it. */
  get capacity(): number {
    return this.#capacity;
  }

  /** Whether `add` has a slot to give; else `compact` first. */
  get hasRoom(): boolean {
    return this.#items.length < this.#capacity;
  }

  add(item: Item): number {
    this.#size++;
    return this.#items.push(item) - 1;
  }

  /** Another item in the place of one that is there. */
  replace(slot: number, item: Item): void {
    this.#items[slot] = item;
  }

  remove(slot: number): void {
    this.#items[slot] = undefined;
    this.#size--;
    // The end is given back, so that a stack never grows; the beginning is passed over, each slot once.
    while (this.#items.length > this.#first && this.#items.at(-1) === undefined) this.#items.pop();
    while (this.#first < this.#items.length && this.#items[this.#first] === undefined) this.#first++;
    if (this.#size > 0) return;
    this.#items = [];
    this.#first = 0;
  }

  at(slot: number): Item | undefined {
    return this.#items[slot];
  }

  /** The slot of the oldest item. */
  get first(): number | undefined {
    return this.#size === 0 ? undefined : this.#first;
  }

  /** The slot of the newest item. */
  get last(): number | undefined {
    return this.#size === 0 ? undefined : this.#items.length - 1;
  }

  /** Slots in use with their items, oldest first. */
  *entries(): Generator<readonly [slot: number, item: Item]> {
    for (let slot = this.#first; slot < this.#items.length; slot++) {
      const item = this.#items[slot];
      if (item !== undefined) yield [slot, item];
    }
  }

  /** Moves the items together and makes room for as many again: every slot changes. */
  compact(): void {
    this.#items = this.#items.filter((item) => item !== undefined);
    this.#first = 0;
    while (this.#capacity < 2 * this.#items.length) this.#capacity *= 2;
  }
}
