/**
 * On which side of a decode step's products the weights stand. The runtime multiplies rows by weights in blocks of weights, with a pass over
 * each block for every dozen rows: memory is busy in the first pass only. Weights by rows reads every weight once while the product goes on, which
 * is faster where the weights come from main memory, but computes sixteen rows where there are fewer. Knows the sizes, builds no graph.
 *
 * Measured by `npm run bench -- decode --parts share`; the figures are in docs/decoding.md.
 */
import type { EngineDevice } from './engine-options.js';

/** Weights of fewer bytes are read from the caches, at a rate that either order keeps up with. */
const cachedBytes = 32 * 2 ** 20;
/** With fewer rows the filling up to sixteen costs more; with more the memory is no longer what is waited for. */
const [fewestRows, mostRows] = [12, 96];

/** Whether a batch of `rows` is multiplied faster with the weights on the left. */
export function weightsFirstPays(rows: number, parameters: number, device: EngineDevice): boolean {
  const bytes = parameters * Float32Array.BYTES_PER_ELEMENT;
  return device === 'cpu' && bytes > cachedBytes && rows >= fewestRows && rows <= mostRows;
}
