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
import { policyLoss, supervisedLoss } from './losses.js';
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

/** Tokens per block of the graph for long rows. Measured at 64, 128, 256 and 512: docs/long-contexts.md. */
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

interface Forward {
  readonly b: Builder;
  /** In the order of `weightInputs`. */
  readonly weights: readonly Value[];
  /** [N] */
  readonly logProbs: Value;
}

/**
 * Inputs: weights by name; tokens int64 [B, blocks, Q] (T = blocks * Q; in the graph for long rows Q is `longBlock`); positions int64 [N], the flat index (row * T + column) of the token before each
 * trained one; targets int64 [N]; inverseTemperature []. Outputs: logProbs [N] at that temperature; entropy [], summed over tokens.
 */
function forward(layout: ParameterLayout, dtype: DType, longBlock: number): Forward {
  const b = new Builder();
  const { config } = layout;
  const inputs: Value[] = [];
  const weights: DecoderWeights = decoderWeights(layout, (block) => {
    const parts = weightParts(block).map(({ name, shape }) => b.input(name, dtype, shape));
    inputs.push(...parts);
    return b.concat(parts, 0);
  });
  const tokens = b.input('tokens', 'int64', longBlock > 0 ? ['B', 'blocks', longBlock] : ['B', attentionBlocks, 'Q']);
  const read: TokenInputs = {
    tokens,
    positions: b.input('positions', 'int64', ['N']),
    targets: b.input('targets', 'int64', ['N']),
    inverseTemperature: b.input('inverseTemperature', dtype, []),
  };
  const { logProbs, entropy } = (longBlock > 0 ? longLogProbs : plainLogProbs)(b, config, weights, read);
  b.output('logProbs', logProbs);
  b.output('entropy', entropy);
  return { b, weights: inputs, logProbs };
}

/** Log-probs of the targets, with all that lies between kept for the gradient. */
function plainLogProbs(b: Builder, config: ModelConfig, weights: DecoderWeights, read: TokenInputs): TokenLogProbs {
  const { tokens, positions, targets, inverseTemperature } = read;
  const tables = rotaryTables(b, config, inverseTemperature.dtype);
  const length = b.product(tokens.shape.slice(1));
  const first = b.integers([0]);
  const attend = (qkv: Value) =>
    mergeHeads(b, causalAttention(b, splitHeads(b, config, qkv, ['B', length], first, tables), 'Q'));
  const hidden = decoderStack(b, config, weights, embed(b, weights, tokens), attend, { wantedRows: positions }); // [N, C]
  // The temperature divides the hidden rows: the scores are far wider.
  const scores = logits(b, weights, b.mul(hidden, inverseTemperature)); // [N, V]
  return tokenLogProbs(b, scores, targets);
}

/** Forward only. */
export function logProbGraph(
  layout: ParameterLayout,
  { dtype = 'float32', longBlock = 0 }: TrainGraphOptions = {},
): Builder {
  return forward(layout, dtype, longBlock).b;
}

/**
 * The log-prob graph with a loss on top and the gradients. Further inputs: rowOf int64 [N], scale [B]; for the policy objective
 * also referenceLogProbs [N], weights [N], advantages [B], lengths [B], tau []. Further outputs: rowLosses [B], one gradient per
 * weight, and for the policy objective logRatios [B].
 */
export function gradientGraph(
  layout: ParameterLayout,
  objective: Objective,
  { dtype = 'float32', longBlock = 0 }: TrainGraphOptions = {},
): Builder {
  const { b, weights, logProbs } = forward(layout, dtype, longBlock);
  const scale = b.input('scale', dtype, ['B']);
  const rowOf = b.input('rowOf', 'int64', ['N']);
  const batch = { logProbs, rowOf };
  const loss = objective === 'supervised' ? supervised() : policy();
  const gradients = differentiate(b, loss, weights);
  weightInputs(layout).forEach(({ name }, i) => {
    b.output(gradientName(name), gradients[i]!);
  });
  return b;

  function supervised(): Value {
    const { loss, rowLosses } = supervisedLoss(b, batch, scale);
    b.output('rowLosses', rowLosses);
    return loss;
  }

  function policy(): Value {
    const { loss, rowLosses, logRatios } = policyLoss(b, batch, {
      scale,
      referenceLogProbs: b.input('referenceLogProbs', dtype, ['N']),
      weights: b.input('weights', dtype, ['N']),
      advantages: b.input('advantages', dtype, ['B']),
      lengths: b.input('lengths', dtype, ['B']),
      tau: b.input('tau', dtype, []),
    });
    b.output('rowLosses', rowLosses);
    b.output('logRatios', logRatios);
    return loss;
  }
}
