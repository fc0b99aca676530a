/**
 * Weights by place, with their sum: changes one in O(log n) and finds the place that a point of the sum falls on. Every sum is that of its two
 * halves, added anew at each change, so that rounding does not pile up. It knows nothing of items.
 */
import { SegueError } from '../error.js';

export class SumTree {
  /** Power of two. */
  readonly #capacity: number;
  /** Node i has the children 2i and 2i + 1; the leaf of place p is capacity + p. [2 * capacity] */
  readonly #sums: Float64Array;

  /** @param weights of the first places; the others weigh nothing */
  constructor(capacity: number, weights: ArrayLike<number> = []) {
    this.#capacity = 2 ** Math.ceil(Math.log2(Math.max(2, capacity)));
    this.#sums = new Float64Array(2 * this.#capacity);
    this.#sums.set(weights, this.#capacity);
    for (let node = this.#capacity - 1; node > 0; node--)
      this.#sums[node] = this.#at(2 * node) + this.#at(2 * node + 1);
  }

  get total(): number {
    return this.#at(1);
  }

  weightOf(place: number): number {
    return this.#at(this.#capacity + place);
  }

  set(place: number, weight: number): void {
    const sums = this.#sums;
    let node = this.#capacity + place;
    sums[node] = weight;
    for (node >>= 1; node > 0; node >>= 1) sums[node] = sums[2 * node]! + sums[2 * node + 1]!;
  }

  /** The place whose weight covers `point` of [0, total), weights laid end to end. Never one that weighs nothing. */
  find(point: number): number {
    if (this.total <= 0) throw new SegueError('INTERNAL', 'no place weighs anything');
    const sums = this.#sums;
    let node = 1;
    let rest = point;
    while (node < this.#capacity) {
      const left = sums[2 * node]!;
      // Rounding may carry a point past the last weight.
      if (rest < left || sums[2 * node + 1] === 0) {
        node = 2 * node;
      } else {
        rest -= left;
        node = 2 * node + 1;
      }
    }
    return node - this.#capacity;
  }

  #at(node: number): number {
    return this.#sums[node] ?? 0;
  }
}
