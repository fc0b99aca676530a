/**
 * Log-probabilities of trained tokens over long rows: the decoder, the final norm and the head in blocks. Gives what the plain graph gives, in memory
 * that grows with the length and not with its square.
 */
import type { Builder } from '../graph/builder.js';
import type { Value } from '../graph/value.js';
import { blockedLogProbs, type TokenLogProbs } from '../model/blocked-log-probs.js';
import type { ModelConfig } from '../model/config.js';
import type { DecoderWeights } from '../model/decoder.js';
import { longDecoderStack } from '../model/long-decoder.js';

/** What the graphs over a micro-batch read; see graphs.ts. */
export interface TokenInputs {
  /** int64 [B, n, Q] */
  readonly tokens: Value;
  /** int64 [N] */
  readonly positions: Value;
  /** int64 [N] */
  readonly targets: Value;
  /** [] */
  readonly inverseTemperature: Value;
}

export function longLogProbs(
  b: Builder,
  config: ModelConfig,
  weights: DecoderWeights,
  { tokens, positions, targets, inverseTemperature }: TokenInputs,
): TokenLogProbs {
  const stack = longDecoderStack(b, config, weights, tokens); // [n, B*Q, C]
  const rows = b.reshape(stack, [b.product(stack.shape.slice(0, 2)), config.hiddenSize]);
  const wanted = b.takeRows(rows, placesInBlocks(b, positions, tokens)); // [N, C]
  const hidden = b.rmsNorm(wanted, weights.finalNorm, config.rmsNormEpsilon);
  return blockedLogProbs(b, hidden, weights.head, targets, inverseTemperature);
}

/** Positions row * T + column -> places in a stack of blocks that each hold Q tokens of every row, all int64 [N]. */
function placesInBlocks(b: Builder, positions: Value, { shape: [rows, count, size] }: Value): Value {
  const [batch, block] = [b.dimension(rows!), b.dimension(size!)]; // [1]
  const length = b.mul(b.dimension(count!), block);
  const divide = (value: Value, by: Value) => b.op('Div', [value, by]);
  const rest = (value: Value, by: Value) => b.op('Mod', [value, by]);
  const column = rest(positions, length);
  const blockOfRow = b.add(b.mul(divide(column, block), batch), divide(positions, length));
  return b.add(b.mul(blockOfRow, block), rest(column, block));
}
