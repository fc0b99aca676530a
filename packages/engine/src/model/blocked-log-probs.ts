/**
 * Log-probabilities of N tokens from their hidden rows, some rows at a time: the logits of all of them never exist at once, neither
 * forward nor in the gradient, which computes them again.
 */
import { mapBlocks, mapBlocksGradients, scoped } from '../graph/blockwise.js';
import type { Builder } from '../graph/builder.js';
import type { Value } from '../graph/value.js';

/** Logits of one block, in elements, as far as that leaves enough rows: each block reads the whole head, and its gradient writes it. */
const blockLogits = 1 << 21;
const blockRows = { least: 128, most: 512 };

export interface TokenLogProbs {
  /** [N] */
  readonly logProbs: Value;
  /** Summed over the tokens, []. Carries no gradient. */
  readonly entropy: Value;
}

/**
 * @param hidden [N, C]
 * @param head [V, C], V a number
 * @param targets int64 [N]
 * @param inverseTemperature []
 */
export function blockedLogProbs(
  b: Builder,
  hidden: Value,
  head: Value,
  targets: Value,
  inverseTemperature: Value,
): TokenLogProbs {
  const fitting = 2 ** Math.floor(Math.log2(blockLogits / Number(head.shape[0])));
  const block = Math.min(blockRows.most, Math.max(blockRows.least, fitting));
  const { rows, valid } = rowBlocks(b, hidden, block);
  const score = (body: Builder, [taken]: readonly Value[], wanted: Value): [Value, Value] => {
    const logSoftmax = body.logSoftmax(body.mul(body.linear(taken!, head), inverseTemperature)); // [R, V]
    const ofTargets = body.gatherElements(logSoftmax, body.unsqueeze(wanted, [1]), 1); // [R, 1]
    return [body.reshape(ofTargets, [block]), logSoftmax];
  };
  const [all, entropies] = mapBlocks(b, [rows, valid], (body, [at, real]) => {
    const [ofTargets, logSoftmax] = score(body, [body.gather(hidden, at!)], body.gather(targets, at!));
    const entropy = body.neg(body.reduceSum(body.mul(body.exp(logSoftmax), logSoftmax), [1])); // [R]
    return [ofTargets, body.where(real!, entropy, 0)];
  });
  const logProbs = firstRows(b, all!, hidden);
  const rule = (gradient: Value) => {
    return scoped(b, (inner) => {
      const [taken, wanted, arriving] = mapBlocks(inner, [rows, valid], (body, [at, real]) => [
        body.gather(hidden, at!),
        body.gather(targets, at!),
        body.where(real!, body.gather(gradient, at!), 0),
      ]);
      const gradients = mapBlocksGradients(inner, [taken!], [head], [arriving!], (body, [block], number) => [
        score(body, [block!], body.gather(wanted!, number))[0],
      ]);
      return [firstRows(inner, gradients.values[0]!, hidden), gradients.shared[0]!];
    });
  };
  b.setGradient(logProbs, { inputs: [hidden, head], rule });
  return { logProbs, entropy: b.reduceSum(entropies!, [0, 1]) };
}

/** Numbers of the rows of x, in blocks: int64 [m, R] and whether each is there; places past the end name the last row. */
function rowBlocks(b: Builder, x: Value, block: number): { readonly rows: Value; readonly valid: Value } {
  const count = b.reshape(b.dimension(x.shape[0]!), []);
  const starts = b.node('Range', [b.scalar(0, 'int64'), count, b.scalar(block, 'int64')], {}, [
    { dtype: 'int64', shape: ['rowBlocks'] },
  ])[0]!;
  const places = b.add(b.unsqueeze(starts, [1]), b.unsqueeze(b.range(block), [0])); // [m, R]
  return { rows: b.min(places, b.sub(count, 1)), valid: b.less(places, count) };
}

/** [m, R, ...] -> [N, ...], as many rows as x has. */
function firstRows(b: Builder, blocks: Value, x: Value): Value {
  const [count, block, ...rest] = blocks.shape;
  return b.slice(b.reshape(blocks, [b.product([count!, block!]), ...rest]), 0, x.shape[0]!, 0);
}
