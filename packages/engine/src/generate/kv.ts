/**
 * Keys and values on the host: where those of a sequence lie, and how the rows of the next batch are packed from there.
 * A sequence's keys and values are a list of pieces (its prompt's, what it had before, the newest chunk's); packing copies each row's
 * pieces once, so that joining, appending, leaving and compaction are all the same act. Knows nothing of why rows come and go.
 */
import { assert } from '@segue/core';

/** Keys or values on the host: float32, or the bits of float16. */
export type KvArray = Float32Array | Uint16Array;
export type KvType = 'float32' | 'float16';

/** What one token's keys and values measure. */
export interface KvShape {
  readonly layers: number;
  readonly kvHeads: number;
  readonly headSize: number;
  /** Default float32. */
  readonly dtype?: KvType;
}

/** Zeros of the shape's type. */
export function newArray({ dtype }: KvShape, length: number): KvArray {
  return dtype === 'float16' ? new Uint16Array(length) : new Float32Array(length);
}

/** Keys and values of several rows: per layer keys, then values, each [rows, kvHeads, columns, headSize]. */
export interface KvBlock {
  /** 2 * layers arrays; longer than the shape needs where a buffer is used again. */
  readonly arrays: readonly KvArray[];
  readonly rows: number;
  readonly columns: number;
}

/** `length` columns of one row of a block. */
export interface KvPiece {
  readonly block: KvBlock;
  readonly row: number;
  readonly from: number;
  readonly length: number;
}

export function piecesLength(pieces: readonly KvPiece[]): number {
  return pieces.reduce((sum, piece) => sum + piece.length, 0);
}

/** The first `length` columns of a row's pieces. */
export function takePieces(pieces: readonly KvPiece[], length: number): KvPiece[] {
  const taken: KvPiece[] = [];
  let left = length;
  for (const piece of pieces) {
    if (left <= 0) break;
    taken.push(piece.length <= left ? piece : { ...piece, length: left });
    left -= piece.length;
  }
  return taken;
}

/** Two sets of buffers in turn: the next batch is packed into one while its rows still lie in the other. */
export class KvPacker {
  readonly #shape: KvShape;
  #current: KvArray[] = [];
  #spare: KvArray[] = [];

  constructor(shape: KvShape) {
    this.#shape = shape;
  }

  /** Bytes held, in both sets. */
  get bytes(): number {
    return [...this.#current, ...this.#spare].reduce((sum, array) => sum + array.byteLength, 0);
  }

  /** Packs rows into the spare buffers. The block is valid until the call after the next. */
  pack(rows: readonly (readonly KvPiece[])[]): KvBlock {
    const columns = rows.reduce((longest, pieces) => Math.max(longest, piecesLength(pieces)), 0);
    const { layers, kvHeads, headSize } = this.#shape;
    const size = rows.length * kvHeads * columns * headSize;
    const capacity = this.#spare[0]?.length ?? -1;
    // Grown by a half so that a growing batch does not allocate at each chunk; given back when a quarter would do.
    if (capacity < size || capacity > 4 * size + 4096) {
      const room = Math.ceil(size * 1.5);
      this.#spare = Array.from({ length: 2 * layers }, () => newArray(this.#shape, room));
    }
    const block: KvBlock = { arrays: this.#spare, rows: rows.length, columns };
    [this.#current, this.#spare] = [this.#spare, this.#current];
    copyRows(this.#shape, rows, block);
    return block;
  }
}

/** Packs rows into arrays of their own. */
export function packKv(shape: KvShape, rows: readonly (readonly KvPiece[])[]): KvBlock {
  const columns = rows.reduce((longest, pieces) => Math.max(longest, piecesLength(pieces)), 0);
  const size = rows.length * shape.kvHeads * columns * shape.headSize;
  const arrays = Array.from({ length: 2 * shape.layers }, () => newArray(shape, size));
  const block: KvBlock = { arrays, rows: rows.length, columns };
  copyRows(shape, rows, block);
  return block;
}

/** Copies each row's pieces, one after the other, into the row of that index. What lies beyond a row's length is left as it is. */
function copyRows(shape: KvShape, rows: readonly (readonly KvPiece[])[], target: KvBlock): void {
  const { kvHeads, headSize, layers } = shape;
  for (let array = 0; array < 2 * layers; array++) {
    const to = target.arrays[array];
    assert(to, 'a KV block has two arrays per layer');
    for (let row = 0; row < rows.length; row++) {
      let column = 0;
      for (const { block, row: sourceRow, from, length } of rows[row]!) {
        const source = block.arrays[array]!;
        for (let head = 0; head < kvHeads && length > 0; head++) {
          const start = ((sourceRow * kvHeads + head) * block.columns + from) * headSize;
          const end = start + length * headSize;
          to.set(source.subarray(start, end), ((row * kvHeads + head) * target.columns + column) * headSize);
        }
        column += length;
      }
    }
  }
}
