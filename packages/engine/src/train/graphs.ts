/**
 * The graphs that the trainer runs: log-probabilities of given tokens (forward), and the gradients of a loss with respect to every
 * weight. Weights are inputs (views of the flat parameters), so that a session outlives policy versions. Sizes are symbols: B rows of
 * T tokens (padded at the end), N trained tokens among them. Logits are computed at trained positions only.
 */
import { Builder } from '../graph/builder.js';
import { differentiate } from '../graph/differentiate.js';
import type { DType } from '../graph/tensor-type.js';
import type { Value } from '../graph/value.js';
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
import { policyLoss, supervisedLoss } from './losses.js';
import { tokenLogProbs } from './token-log-probs.js';

export type Objective = 'policy' | 'supervised';

export interface TrainGraphOptions {
  /** float64 is for tests. Default float32. */
  readonly dtype?: DType;
}

/** Attention goes over the rows in so many blocks of queries; row lengths are multiples of it. */
export const attentionBlocks = 4;

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
 * Inputs: weights by name; tokens int64 [B, blocks, Q] (T = blocks * Q); positions int64 [N], the flat index (row * T + column) of the token before each
 * trained one; targets int64 [N]; inverseTemperature []. Outputs: logProbs [N] at that temperature; entropy [], summed over tokens.
 */
function forward(layout: ParameterLayout, dtype: DType): Forward {
  const b = new Builder();
  const { config } = layout;
  const inputs: Value[] = [];
  const weights: DecoderWeights = decoderWeights(layout, (block) => {
    const parts = weightParts(block).map(({ name, shape }) => b.input(name, dtype, shape));
    inputs.push(...parts);
    return b.concat(parts, 0);
  });
  const tokens = b.input('tokens', 'int64', ['B', attentionBlocks, 'Q']);
  const positions = b.input('positions', 'int64', ['N']);
  const targets = b.input('targets', 'int64', ['N']);
  const inverseTemperature = b.input('inverseTemperature', dtype, []);
  const tables = rotaryTables(b, config, dtype);
  const length = b.product([attentionBlocks, 'Q']);
  const first = b.integers([0]);
  const attend = (qkv: Value) =>
    mergeHeads(b, causalAttention(b, splitHeads(b, config, qkv, ['B', length], first, tables), 'Q'));
  const hidden = decoderStack(b, config, weights, embed(b, weights, tokens), attend, { wantedRows: positions }); // [N, C]
  // The temperature divides the hidden rows: the scores are far wider.
  const scores = logits(b, weights, b.mul(hidden, inverseTemperature)); // [N, V]
  const { logProbs, entropy } = tokenLogProbs(b, scores, targets);
  b.output('logProbs', logProbs);
  b.output('entropy', entropy);
  return { b, weights: inputs, logProbs };
}

/** Forward only. */
export function logProbGraph(layout: ParameterLayout, { dtype = 'float32' }: TrainGraphOptions = {}): Builder {
  return forward(layout, dtype).b;
}

/**
 * The log-prob graph with a loss on top and the gradients. Further inputs: rowOf int64 [N], scale [B]; for the policy objective
 * also referenceLogProbs [N], weights [N], advantages [B], lengths [B], tau []. Further outputs: rowLosses [B], one gradient per
 * weight, and for the policy objective logRatios [B].
 */
export function gradientGraph(
  layout: ParameterLayout,
  objective: Objective,
  { dtype = 'float32' }: TrainGraphOptions = {},
): Builder {
  const { b, weights, logProbs } = forward(layout, dtype);
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
