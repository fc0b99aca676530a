/** What runs over micro-batches give back, put together per row of the caller. */
import { SegueError } from '@segue/core';
import type { Tensors } from '../graph/session.js';
import { type MicroBatch, scatterTokens, type TokenRow } from './batches.js';
import type { Objective } from './graphs.js';
import { scalar, vector } from './loss-feeds.js';
import type { GradientResult, LogProbResult } from './training-types.js';

export interface RunResult {
  readonly result: GradientResult;
  /** Per micro-batch. */
  readonly outputs: readonly (readonly [MicroBatch, Tensors])[];
}

export function summary(rows: readonly TokenRow[], outputs: RunResult['outputs']): GradientResult {
  const total = new Totals(rows);
  let loss = 0;
  for (const [batch, tensors] of outputs) {
    for (const value of floats(tensors, 'rowLosses')) loss += value;
    total.add(rows, batch, tensors);
  }
  const sum = (of: (batch: MicroBatch) => number) => outputs.reduce((all, [batch]) => all + of(batch), 0);
  return {
    ...total.result(),
    loss,
    rows: sum(({ indices }) => indices.length),
    microBatches: outputs.length,
    paddedTokens: sum(({ indices, length }) => indices.length * length),
  };
}

/** Where a run of the gradient graph writes its results. */
export function outputsFor(kind: Objective, { indices, tokens }: MicroBatch): Tensors {
  return {
    logProbs: vector(new Float32Array(tokens)),
    entropy: scalar(0),
    rowLosses: vector(new Float32Array(indices.length)),
    ...(kind === 'policy' ? { logRatios: vector(new Float32Array(indices.length)) } : {}),
  };
}

export function floats(outputs: Tensors, name: string): Float32Array {
  const data = outputs[name]?.data;
  if (!(data instanceof Float32Array)) throw new SegueError('INTERNAL', `the graph gives no float32 output ${name}`);
  return data;
}

/** Collects token results over micro-batches. */
export class Totals {
  readonly #logProbs: Float32Array[];
  #entropy = 0;
  #tokens = 0;

  constructor(rows: readonly TokenRow[]) {
    this.#logProbs = rows.map(({ tokens }) => new Float32Array(tokens.length));
  }

  add(rows: readonly TokenRow[], batch: MicroBatch, outputs: Tensors): void {
    scatterTokens(rows, batch, floats(outputs, 'logProbs'), this.#logProbs);
    this.#entropy += floats(outputs, 'entropy')[0]!;
    this.#tokens += batch.tokens;
  }

  result(): LogProbResult {
    return { logProbs: this.#logProbs, entropy: this.#entropy / Math.max(1, this.#tokens), tokens: this.#tokens };
  }
}
