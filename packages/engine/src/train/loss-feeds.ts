/** Feeds of the losses: which response each trained token belongs to, and what each response counts. */
import { type Tensors, tensor } from '../graph/session.js';
import { type MicroBatch, markedTokens, type TokenRow } from './batches.js';
import type { SupervisedLossOptions } from './training-types.js';

export const scalar = (value: number) => tensor('float32', [], Float32Array.of(value));
export const vector = (values: Float32Array) => tensor('float32', [values.length], values);

/** What every loss takes: which row each token belongs to, and the share of each row. */
export function rowFeeds(rows: readonly TokenRow[], batch: MicroBatch, shareOf: (index: number) => number): Tensors {
  const rowOf = new BigInt64Array(batch.tokens); // [N]
  let at = 0;
  batch.indices.forEach((index, row) => {
    const count = markedTokens(rows[index]!);
    rowOf.fill(BigInt(row), at, at + count);
    at += count;
  });
  return {
    rowOf: tensor('int64', [batch.tokens], rowOf),
    scale: vector(Float32Array.from(batch.indices, shareOf)),
  };
}

/** What the cross-entropy takes. */
export function supervisedFeeds(
  rows: readonly TokenRow[],
  options: SupervisedLossOptions,
): (batch: MicroBatch) => Tensors {
  const normalizer = options.normalizer ?? rows.reduce((sum, row) => sum + markedTokens(row), 0);
  const inverseTemperature = scalar(1);
  return (batch) => ({ inverseTemperature, ...rowFeeds(rows, batch, () => 1 / normalizer) });
}
