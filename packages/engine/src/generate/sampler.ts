/**
 * Sampling as graph nodes: from logits and one uniform number per row to a token and its log-prob. The token is the first whose
 * cumulative probability, in vocabulary order, reaches the uniform number. Top-k and top-p only put some probabilities to zero, so a row
 * without limits draws the same token whether its neighbours have limits or not.
 *
 * The log-prob is that of the whole vocabulary at the sampling temperature (1 for greedy rows), whatever the limits.
 */
import type { Builder } from '../graph/builder.js';
import type { Value } from '../graph/value.js';

export interface SamplerInputs {
  /** float32 [B, V] */
  readonly logits: Value;
  /** float32 [B, 1], in (0, 1) */
  readonly uniform: Value;
  /** float32 [B, 1]: 1 / temperature; 1 for greedy rows. */
  readonly inverseTemperature: Value;
  /** bool [B, 1]: rows that take the most likely token; left out when there are none. */
  readonly greedy?: Value;
  readonly limits?: SamplerLimits;
}

export interface SamplerLimits {
  /** int64 [B, 1]: tokens that may be drawn; the vocabulary's size for no limit. */
  readonly topK: Value;
  /** float32 [B, 1]: share of the probability that may be drawn; above 1 for no limit. */
  readonly topP: Value;
}

export interface Sample {
  /** int64 [B, 1] */
  readonly token: Value;
  /** float32 [B, 1] */
  readonly logProb: Value;
}

export function sample(b: Builder, inputs: SamplerInputs): Sample {
  const { logits, uniform, inverseTemperature, greedy, limits } = inputs;
  const logProbs = b.logSoftmax(b.mul(logits, inverseTemperature)); // [B, V]
  const probabilities = b.exp(logProbs);
  const allowed = limits ? b.mul(probabilities, allowedTokens(b, probabilities, limits)) : probabilities;
  const cumulative = b.cumSum(allowed, 1); // [B, V]
  const total = b.reduceMax(cumulative, [1], true); // [B, 1]
  const reached = b.greaterOrEqual(cumulative, b.mul(uniform, total));
  // The first of equal maxima: the first token whose cumulative probability reaches the number.
  let token = b.argMax(b.cast(reached, 'float32'), 1, true); // [B, 1]
  if (greedy) token = b.where(greedy, b.argMax(logits, 1, true), token);
  return { token, logProb: b.gatherElements(logProbs, token, 1) };
}

/**
 * 1 for the tokens that may be drawn, 0 for the others, float32 [B, V]. Of the `topK` most likely tokens, the fewest whose
 * share of those k tokens' probability reaches `topP`; the most likely one always.
 */
function allowedTokens(b: Builder, probabilities: Value, { topK, topP }: SamplerLimits): Value {
  const vocabulary = Number(probabilities.shape[1]);
  const { values, indices } = b.topK(probabilities, vocabulary, 1); // [B, V], most likely first
  const ranks = b.reshape(b.range(vocabulary), [1, vocabulary]);
  const among = b.cast(b.less(ranks, topK), 'float32');
  const first = b.mul(values, among);
  const before = b.sub(b.cumSum(first, 1), first); // probability of the more likely ones
  const total = b.reduceSum(first, [1], true);
  const kept = b.mul(among, b.cast(b.less(before, b.mul(topP, total)), 'float32'));
  return b.op('ScatterElements', [b.mul(probabilities, 0), indices, kept], { axis: 1 });
}
