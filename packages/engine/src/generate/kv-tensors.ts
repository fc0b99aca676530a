/** Host keys and values as feeds and outputs of the graphs: the names and dims both sides agree on. */
import { type Tensor, type Tensors, tensor } from '../graph/session.js';
import type { KvArray, KvBlock, KvShape } from './kv.js';

/** Name of the keys or values of a layer in a graph's inputs or outputs, `past.k0` for example. */
export function kvName(prefix: string, layer: number, part: 'k' | 'v'): string {
  return `${prefix}.${part}${layer}`;
}

/** Names in the order of a block's arrays: per layer keys, then values. */
export function kvNames(prefix: string, layers: number): string[] {
  return Array.from({ length: 2 * layers }, (_, i) => kvName(prefix, i >> 1, i % 2 === 0 ? 'k' : 'v'));
}

/** Feeds of a block, each [rows * kvHeads, columns, headSize]. */
export function kvFeeds(shape: KvShape, block: KvBlock, prefix: string): Tensors {
  const dims = [block.rows * shape.kvHeads, block.columns, shape.headSize];
  const size = dims.reduce((product, dim) => product * dim, 1);
  const names = kvNames(prefix, shape.layers);
  return Object.fromEntries(
    names.map((name, i) => [name, tensor(shape.dtype ?? 'float32', dims, block.arrays[i]!.subarray(0, size))]),
  );
}

/** The arrays of the new keys and values that a graph computed, in a block's order. */
export function kvOutputs(shape: KvShape, outputs: Readonly<Tensors>): KvArray[] {
  return kvNames('new', shape.layers).map((name) => {
    if (shape.dtype !== 'float16') return outputs[name]!.data as Float32Array;
    // Where JavaScript has a Float16Array the runtime gives one; the bits are what is kept.
    const { buffer, byteOffset, length } = outputs[name]!.data as Uint16Array<ArrayBuffer>;
    return new Uint16Array(buffer, byteOffset, length);
  });
}

/** Added to the scores of columns that a row does not have: large enough that their weight is exactly zero. */
export const maskedScore = -1e30;

/** Additive mask [rows * kvHeads, 1, columns]: 0 for each row's first `lengths[row]` columns, `maskedScore` beyond. */
export function lengthMask(lengths: Int32Array, columns: number, kvHeads: number): Tensor {
  const mask = new Float32Array(lengths.length * kvHeads * columns);
  lengths.forEach((length, row) => {
    for (let batch = row * kvHeads; batch < (row + 1) * kvHeads; batch++) {
      mask.fill(maskedScore, batch * columns + length, (batch + 1) * columns);
    }
  });
  return tensor('float32', [lengths.length * kvHeads, 1, columns], mask);
}
