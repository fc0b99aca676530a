/**
 * Attention of some queries to all given keys, with a gradient of its own. Step by step, the softmax needs the sum of gradient times
 * weight over all keys; that equals the sum of gradient times output over the head, which is far shorter (Dao et al., 2022).
 */
import type { Builder } from '../graph/builder.js';
import type { Value } from '../graph/value.js';

/**
 * softmax(q k^T / sqrt(D) + bias) v.
 * @param q [..., M, D]
 * @param k and v [..., S, D]
 * @param bias [M, S], without gradient
 * @returns [..., M, D]
 */
export function attendTo(b: Builder, q: Value, k: Value, v: Value, bias: Value): Value {
  const alpha = 1 / Math.sqrt(Number(q.shape.at(-1)));
  const scores = b.matmul(q, k, { transB: true, alpha }); // [..., M, S]
  const weights = b.softmax(b.add(scores, bias));
  const output = b.matmul(weights, v);
  const rule = (gradient: Value) => {
    const [keys, values] = [b.remade(k, gradient), b.remade(v, gradient)];
    const along = b.reduceSum(b.mul(gradient, output), [-1], true); // [..., M, 1]
    const dWeights = b.matmul(gradient, values, { transB: true }); // [..., M, S]
    const dScores = b.mul(weights, b.sub(dWeights, along));
    return [
      b.matmul(dScores, keys, { alpha }),
      b.matmul(dScores, q, { transA: true, alpha }),
      b.matmul(weights, gradient, { transA: true }),
    ];
  };
  return b.setGradient(output, { inputs: [q, k, v], rule });
}
