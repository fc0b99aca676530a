/**
 * The keys and values of one long row while it is prefilled: blocks of a fixed number of columns, in arrays of the row's whole length from
 * the start. A window's keys and values are copied in once, and all whole blocks are fed as they lie: nothing is packed again from
 * window to window.
 */
import { assert } from '@segue/core';
import { type Tensors, tensor } from '../graph/session.js';
import { type KvBlock, type KvPiece, type KvShape, newArray, piecesLength } from './kv.js';
import { kvNames } from './kv-tensors.js';

export class KvBlocks {
  readonly #shape: KvShape;
  /** One row per block: [blocks, kvHeads, columns, headSize]. */
  readonly #store: KvBlock;
  #length = 0;

  /** @param capacity columns that the row will have */
  constructor(shape: KvShape, columns: number, capacity: number) {
    const rows = Math.ceil(capacity / columns);
    const size = rows * shape.kvHeads * columns * shape.headSize;
    this.#shape = shape;
    this.#store = { arrays: Array.from({ length: 2 * shape.layers }, () => newArray(shape, size)), rows, columns };
  }

  /** Columns that are there. */
  get length(): number {
    return this.#length;
  }

  /** Columns that the last block has room for; a whole block's when it is full. */
  get room(): number {
    return this.#store.columns - this.#tail;
  }

  get #tail(): number {
    return this.#length % this.#store.columns;
  }

  append(pieces: readonly KvPiece[]): void {
    const { columns, rows } = this.#store;
    assert(
      this.#length + piecesLength(pieces) <= rows * columns,
      'a long row is given no more columns than it has room for',
    );
    for (const piece of pieces) {
      for (let done = 0; done < piece.length; ) {
        const length = Math.min(piece.length - done, this.room);
        this.#copy({ ...piece, from: piece.from + done, length });
        this.#length += length;
        done += length;
      }
    }
  }

  /** Copies columns that fit into the last block. */
  #copy({ block, row, from, length }: KvPiece): void {
    const { kvHeads, headSize } = this.#shape;
    const { columns, arrays } = this.#store;
    const at = Math.floor(this.#length / columns);
    arrays.forEach((target, i) => {
      const source = block.arrays[i]!;
      for (let head = 0; head < kvHeads; head++) {
        const start = ((row * kvHeads + head) * block.columns + from) * headSize;
        const to = ((at * kvHeads + head) * columns + this.#tail) * headSize;
        target.set(source.subarray(start, start + length * headSize), to);
      }
    });
  }

  /** The whole blocks, as they lie, and a copy of what the last one has so far. */
  feeds(): Tensors {
    const { kvHeads, headSize, layers, dtype = 'float32' } = this.#shape;
    const { columns, arrays } = this.#store;
    const whole = Math.floor(this.#length / columns);
    const tail = this.#tail;
    const blockSize = kvHeads * columns * headSize;
    const [wholeNames, tailNames] = [kvNames('past', layers), kvNames('tail', layers)];
    const feeds: Tensors = {};
    arrays.forEach((array, i) => {
      feeds[wholeNames[i]!] = tensor(dtype, [whole, kvHeads, columns, headSize], array.subarray(0, whole * blockSize));
      const last = newArray(this.#shape, kvHeads * tail * headSize);
      for (let head = 0; head < kvHeads; head++) {
        const start = whole * blockSize + head * columns * headSize;
        last.set(array.subarray(start, start + tail * headSize), head * tail * headSize);
      }
      feeds[tailNames[i]!] = tensor(dtype, [kvHeads, tail, headSize], last);
    });
    return feeds;
  }

  /** The columns from an index on. */
  piecesFrom(begin: number): KvPiece[] {
    const { columns } = this.#store;
    const pieces: KvPiece[] = [];
    for (let at = begin; at < this.#length; ) {
      const [row, from] = [Math.floor(at / columns), at % columns];
      const length = Math.min(columns - from, this.#length - at);
      pieces.push({ block: this.#store, row, from, length });
      at += length;
    }
    return pieces;
  }
}
