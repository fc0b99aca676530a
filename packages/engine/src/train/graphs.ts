/**
 * The graphs that the trainer runs: log-probabilities of given tokens (forward), and the gradients of a loss with respect to every
 * weight. Weights are inputs (views of the flat parameters), so that a session outlives policy versions. Sizes are symbols: B rows of
 * T tokens (padded at the end), N trained tokens among them. Logits are computed at trained positions only.
 */
import { Builder } from '../graph/builder.js';
import { differentiate } from '../graph/differentiate.js';
import type { DType } from '../graph/tensor-type.js';
import type { Value } from '../graph/value.js';
import type { TokenLogProbs } from '../model/blocked-log-probs.js';
import type { ModelConfig } from '../model/config.js';
import {
  causalAttention,
  type DecoderWeights,
  decoderStack,
  decoderWeights,
  embed,
  logits,
  mergeHeads,
  rotaryTables,
  splitHeads,
} from '../model/decoder.js';
import type { ParameterBlock, ParameterLayout } from '../model/layout.js';
import { longLogProbs, type TokenInputs } from './long-log-probs.js';
import { type PolicyTerms, policyLoss, supervisedLoss } from './losses.js';
import { tokenLogProbs } from './token-log-probs.js';

export type Objective = 'policy' | 'supervised';

export interface TrainGraphOptions {
  /** float64 is for tests. Default float32. */
  readonly dtype?: DType;
  /**
   * Tokens per block of the graph for long rows, which computes in blocks and again for the gradients; 0, the default, for the plain
   * one. Row lengths are multiples of it.
   */
  readonly longBlock?: number;
}

/** Attention goes over the rows in so many blocks of queries; row lengths are multiples of it. */
export const attentionBlocks = 4;

/** Longest padded row of the plain graph. */
export function longestPadded(maxPositions: number): number {
  return Math.ceil(maxPositions / attentionBlocks) * attentionBlocks;
}

/** Tokens per block of the graph for long rows. Measured at 128, 256 and 512: docs/long-contexts.md. */
export const longBlock = 256;

/** A stretch of the flat parameters that training graphs take as one input, and whose gradient they give. */
export interface WeightInput {
  readonly name: string;
  readonly shape: readonly number[];
  readonly offset: number;
  readonly size: number;
}

/** A block, or the tensors of a block that the decoder cuts apart again: so the cut costs nothing. */
function weightParts({ key, shape, offset, size, tensors }: ParameterBlock): readonly WeightInput[] {
  return key.endsWith('.gateUp') ? tensors : [{ name: key, shape, offset, size }];
}

/** The weights that training graphs take, by name; together they cover the flat parameters. */
export function weightInputs(layout: ParameterLayout): readonly WeightInput[] {
  return layout.blocks.flatMap(weightParts);
}

/** Name of the gradient of a weight among the outputs. */
export function gradientName(weight: string): string {
  return `gradient.${weight}`;
}

/** What the losses read beside log-probs; the policy's own are left out of supervised training. */
export interface LossInputs {
  /** int64 [N] */
  readonly rowOf: Value;
  /** [B] */
  readonly scale: Value;
  readonly policy?: Omit<PolicyTerms, 'scale'>;
}

export interface LossOutputs {
  /** [] */
  readonly loss: Value;
  /** [B] */
  readonly rowLosses: Value;
  /** [B]; of the policy objective. */
  readonly logRatios?: Value;
}

/** One input per weight, in the order of `weightInputs`. */
export function weightValues(b: Builder, layout: ParameterLayout, dtype: DType): Value[] {
  return weightInputs(layout).map(({ name, shape }) => b.input(name, dtype, shape));
}

/** The decoder's weights from `weightValues`, joined in the graph that is differentiated: there the decoder's cuts find the parts again. */
export function joinWeights(b: Builder, layout: ParameterLayout, values: readonly Value[]): DecoderWeights {
  let begin = 0;
  return decoderWeights(layout, (block) => {
    const parts = values.slice(begin, begin + weightParts(block).length);
    begin += parts.length;
    return b.concat(parts, 0);
  });
}

/** Log-probs of the targets, with all that lies between kept for the gradient. */
export function plainLogProbs(
  b: Builder,
  config: ModelConfig,
  weights: DecoderWeights,
  { tokens, positions, targets, inverseTemperature }: TokenInputs,
): TokenLogProbs {
  // Padding may reach past the longest sequence: its positions need angles too, though nothing reads what they give.
  const padded = { ...config, maxPositions: longestPadded(config.maxPositions) };
  const tables = rotaryTables(b, padded, inverseTemperature.dtype);
  const length = b.product(tokens.shape.slice(1));
  const first = b.integers([0]);
  const attend = (qkv: Value) =>
    mergeHeads(b, causalAttention(b, splitHeads(b, config, qkv, ['B', length], first, tables), 'Q'));
  const hidden = decoderStack(b, config, weights, embed(b, weights, tokens), attend, { wantedRows: positions }); // [N, C]
  // The temperature divides the hidden rows: the scores are far wider.
  const scores = logits(b, weights, b.mul(hidden, inverseTemperature)); // [N, V]
  return tokenLogProbs(b, scores, targets);
}

/** The loss of a micro-batch. */
export function lossOf(b: Builder, logProbs: Value, { rowOf, scale, policy }: LossInputs): LossOutputs {
  const batch = { logProbs, rowOf };
  return policy ? policyLoss(b, batch, { ...policy, scale }) : supervisedLoss(b, batch, scale);
}

/** tokens int64 [B, blocks, Q] (T = blocks * Q; in the graph for long rows Q is `longBlock`); positions int64 [N], the flat index (row * T + column) of the token before each trained one. */
function tokenInputs(b: Builder, dtype: DType, longBlock: number): TokenInputs {
  return {
    tokens: b.input('tokens', 'int64', longBlock > 0 ? ['B', 'blocks', longBlock] : ['B', attentionBlocks, 'Q']),
    positions: b.input('positions', 'int64', ['N']),
    targets: b.input('targets', 'int64', ['N']),
    inverseTemperature: b.input('inverseTemperature', dtype, []),
  };
}

function lossInputs(b: Builder, objective: Objective, dtype: DType): LossInputs {
  const shared = { scale: b.input('scale', dtype, ['B']), rowOf: b.input('rowOf', 'int64', ['N']) };
  if (objective === 'supervised') return shared;
  const policy = {
    referenceLogProbs: b.input('referenceLogProbs', dtype, ['N']),
    weights: b.input('weights', dtype, ['N']),
    advantages: b.input('advantages', dtype, ['B']),
    lengths: b.input('lengths', dtype, ['B']),
    tau: b.input('tau', dtype, []),
  };
  return { ...shared, policy };
}

/** Inputs: weights by name and `TokenInputs`. Outputs: logProbs [N] at the temperature; entropy [], summed over tokens. */
function forwardGraph(layout: ParameterLayout, { dtype = 'float32', longBlock = 0 }: TrainGraphOptions) {
  const b = new Builder();
  const weights = weightValues(b, layout, dtype);
  const logProbsOf = longBlock > 0 ? longLogProbs : plainLogProbs;
  const tokens = tokenInputs(b, dtype, longBlock);
  const { logProbs, entropy } = logProbsOf(b, layout.config, joinWeights(b, layout, weights), tokens);
  b.output('logProbs', logProbs);
  b.output('entropy', entropy);
  return { b, weights, logProbs };
}

/** Forward only. */
export function logProbGraph(layout: ParameterLayout, options: TrainGraphOptions = {}): Builder {
  return forwardGraph(layout, options).b;
}

/** The log-prob graph with a loss on top and the gradients. Further inputs: `LossInputs`. Further outputs: `LossOutputs` by row, one gradient per weight. */
export function gradientGraph(layout: ParameterLayout, objective: Objective, options: TrainGraphOptions = {}): Builder {
  const { b, weights, logProbs } = forwardGraph(layout, options);
  const { loss, rowLosses, logRatios } = lossOf(b, logProbs, lossInputs(b, objective, options.dtype ?? 'float32'));
  b.output('rowLosses', rowLosses);
  if (logRatios) b.output('logRatios', logRatios);
  const gradients = differentiate(b, loss, weights);
  weightInputs(layout).forEach(({ name }, i) => {
    b.output(gradientName(name), gradients[i]!);
  });
  return b;
}
