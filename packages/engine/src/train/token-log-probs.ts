/**
 * Log-probabilities of given tokens, with a gradient of its own: the scores [N, V] are by far the widest arrays of a graph, and going
 * step by step would pass over them three more times.
 */
import type { Builder } from '../graph/builder.js';
import type { Value } from '../graph/value.js';
import type { TokenLogProbs } from '../model/blocked-log-probs.js';

/**
 * @param scores [N, V]
 * @param targets int64 [N]
 */
export function tokenLogProbs(b: Builder, scores: Value, targets: Value): TokenLogProbs {
  const logSoftmax = b.logSoftmax(scores); // [N, V]
  const at = b.unsqueeze(targets, [1]); // [N, 1]
  const logProbs = b.reshape(b.gatherElements(logSoftmax, at, 1), targets.shape); // [N]
  const probabilities = b.exp(logSoftmax); // [N, V]
  const entropy = b.neg(b.reduceSum(b.mul(probabilities, logSoftmax), [0, 1]));
  // d log p_target = one-hot(target) - p
  const rule = (gradient: Value) => {
    const column = b.unsqueeze(gradient, [1]); // [N, 1]
    // After the entropy, so that the log-probabilities of all tokens need not be held any longer.
    const others = b.mul(b.after(probabilities, entropy), b.neg(column)); // [N, V]
    return [b.scatterAdd(others, at, column, 1)];
  };
  return { logProbs: b.setGradient(logProbs, { inputs: [scores], rule }), entropy };
}
