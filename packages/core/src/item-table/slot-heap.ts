/**
 * A binary heap of slots with their positions, so that any slot can be taken out or moved in O(log n). The order is the caller's. It knows
 * nothing of items.
 */

export class SlotHeap {
  readonly #isBefore: (a: number, b: number) => boolean;
  readonly #heap: number[] = [];
  /** Position in the heap by slot. */
  readonly #positions = new Map<number, number>();

  /** @param isBefore a strict order of all slots that are ever in the heap */
  constructor(isBefore: (a: number, b: number) => boolean) {
    this.#isBefore = isBefore;
  }

  /** The slot before all others. */
  get first(): number | undefined {
    return this.#heap[0];
  }

  add(slot: number): void {
    this.#put(this.#heap.length, slot);
    this.#rise(slot);
  }

  /** Puts a slot where it belongs after its rank has changed. */
  move(slot: number): void {
    this.#rise(slot);
    this.#sink(slot);
  }

  remove(slot: number): void {
    const position = this.#positions.get(slot);
    const last = this.#heap.pop();
    if (position === undefined || last === undefined) return;
    this.#positions.delete(slot);
    if (last === slot) return;
    this.#put(position, last);
    this.move(last);
  }

  #rise(slot: number): void {
    let position = this.#positionOf(slot);
    while (position > 0) {
      const parent = (position - 1) >> 1;
      if (!this.#isBefore(slot, this.#at(parent))) break;
      this.#put(position, this.#at(parent));
      position = parent;
    }
    this.#put(position, slot);
  }

  #sink(slot: number): void {
    let position = this.#positionOf(slot);
    for (;;) {
      const left = 2 * position + 1;
      const right = left + 1;
      if (left >= this.#heap.length) break;
      const child = right < this.#heap.length && this.#isBefore(this.#at(right), this.#at(left)) ? right : left;
      if (!this.#isBefore(this.#at(child), slot)) break;
      this.#put(position, this.#at(child));
      position = child;
    }
    this.#put(position, slot);
  }

  #put(position: number, slot: number): void {
    this.#heap[position] = slot;
    this.#positions.set(slot, position);
  }

  #at(position: number): number {
    return this.#heap[position] ?? 0;
  }

  #positionOf(slot: number): number {
    return this.#positions.get(slot) ?? 0;
  }
}
