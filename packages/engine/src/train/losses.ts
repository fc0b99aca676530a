/**
 * The losses, as graph functions over the log-probabilities of trained tokens. N trained tokens of B responses; `rowOf` tells the
 * response of each token. A response lies whole in one batch: the squared term couples its tokens.
 */
import type { Builder } from '../graph/builder.js';
import type { Value } from '../graph/value.js';

export interface TokenBatch {
  /** log pi of each trained token, [N]. */
  readonly logProbs: Value;
  /** int64 [N], from 0 to B - 1. */
  readonly rowOf: Value;
}

/** Sums of the tokens of each response: [N] -> [B]. */
export function sumByRow(b: Builder, values: Value, rowOf: Value): Value {
  return b.scatterAdd(b.zeros(['B'], values.dtype), rowOf, values, 0);
}

/**
 * Cross-entropy of supervised fine-tuning: - sum_j scale_j sum_t log pi_t.
 * @param scale [B]: 1 / (trained tokens of the whole step) gives the mean over tokens
 */
export function supervisedLoss(
  b: Builder,
  { logProbs, rowOf }: TokenBatch,
  scale: Value,
): { loss: Value; rowLosses: Value } {
  const rowLosses = b.neg(b.mul(scale, sumByRow(b, logProbs, rowOf))); // [B]
  return { loss: b.reduceSum(rowLosses, [0]), rowLosses };
}

export interface PolicyTerms {
  /** log pi of the reference policy i for each trained token, [N]. */
  readonly referenceLogProbs: Value;
  /** Truncated importance weights, [N]; 1 without. */
  readonly weights: Value;
  /** r_j - baseline, [B]. */
  readonly advantages: Value;
  /** What log pi is divided by, [B]: 1 for the sum over tokens, the count of trained tokens for the mean. */
  readonly lengths: Value;
  /** Share of each response in the loss, [B]: 1 / (responses of the whole step). */
  readonly scale: Value;
  /** tau, []. */
  readonly tau: Value;
}

/**
 * The objective of Kimi k1.5, section 2.3.2, as a loss: the sum over responses j of
 *   scale_j * ( - advantage_j * sum_t w_t log pi_t / length_j  +  (tau / 2) * ( sum_t (log pi_t - log pi_ref_t) / length_j )^2 ).
 * The weights w_t multiply the first term's token gradients alone and carry no gradient themselves.
 */
export function policyLoss(
  b: Builder,
  { logProbs, rowOf }: TokenBatch,
  { referenceLogProbs, weights, advantages, lengths, scale, tau }: PolicyTerms,
): { loss: Value; rowLosses: Value; logRatios: Value } {
  const weighted = b.div(sumByRow(b, b.mul(weights, logProbs), rowOf), lengths); // [B]
  const logRatios = b.div(sumByRow(b, b.sub(logProbs, referenceLogProbs), rowOf), lengths); // [B]
  const reward = b.mul(advantages, weighted);
  const distance = b.mul(b.mul(tau, 0.5), b.mul(logRatios, logRatios));
  const rowLosses = b.mul(scale, b.sub(distance, reward)); // [B]
  return { loss: b.reduceSum(rowLosses, [0]), rowLosses, logRatios };
}
