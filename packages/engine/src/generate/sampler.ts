/**
 * Sampling as graph nodes: from logits and one uniform number per row to a token and its log-prob. The token is the first whose
 * cumulative probability, in vocabulary order, reaches the uniform number; in a large vocabulary first the block of tokens that reaches it is
 * found, then the token inside it, since cumulative sums are the slowest step. Top-k and top-p only put some probabilities to zero, so a row
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
  const probabilities = b.softmax(b.mul(logits, inverseTemperature)); // [B, V]
  const allowed = limits ? b.mul(probabilities, allowedTokens(b, probabilities, limits)) : probabilities;
  let token = draw(b, allowed, uniform); // [B, 1]
  if (greedy) token = b.where(greedy, b.argMax(logits, 1, true), token);
  // A token that is drawn has a probability far from underflow.
  return { token, logProb: b.log(b.gatherElements(probabilities, token, 1)) };
}

/** Vocabularies up to this size are searched in one go. */
const wholeSearch = 256;

/** weights [B, V], uniform [B, 1] -> int64 [B, 1]: the first token whose cumulative weight reaches that share of the total. */
function draw(b: Builder, weights: Value, uniform: Value): Value {
  const [rows, vocabulary] = [weights.shape[0]!, Number(weights.shape[1])];
  if (vocabulary <= wholeSearch) {
    const cumulative = b.cumSum(weights, 1);
    return firstReaching(b, cumulative, b.mul(uniform, b.reduceMax(cumulative, [1], true)));
  }
  const width = Math.ceil(Math.sqrt(vocabulary));
  const count = Math.ceil(vocabulary / width);
  const missing = count * width - vocabulary;
  const filled = missing === 0 ? weights : b.concat([weights, b.zeros([rows, missing], 'float32')], 1);
  const blocks = b.reshape(filled, [rows, count, width]);
  const sums = b.reduceSum(blocks, [2]); // [B, blocks]
  const ends = b.cumSum(sums, 1);
  const target = b.mul(uniform, b.reduceMax(ends, [1], true)); // [B, 1]
  const block = firstReaching(b, ends, target);
  // Exactly the end of the block before, so that what is left to reach is above 0 and a token of weight 0 is never drawn.
  const before = b.gatherElements(b.cumSum(sums, 1, { exclusive: true }), block, 1);
  const blockRow = b.add(block, b.reshape(b.mul(b.range(rows), count), [rows, 1]));
  const inside = b.cumSum(
    b.reshape(b.gather(b.reshape(blocks, [b.product([rows, count]), width]), blockRow), [rows, width]),
    1,
  );
  // Summed in another order, the block's own total may fall short of its sum.
  const rest = b.min(b.sub(target, before), b.reduceMax(inside, [1], true));
  return b.add(b.mul(block, width), firstReaching(b, inside, rest));
}

/** cumulative [B, n], target [B, 1] -> int64 [B, 1] */
function firstReaching(b: Builder, cumulative: Value, target: Value): Value {
  // The first of equal maxima.
  return b.argMax(b.cast(b.greaterOrEqual(cumulative, target), 'float32'), 1, true);
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
