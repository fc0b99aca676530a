/**
 * The graphs that the trainer runs: log-probabilities of given tokens (forward), and the gradients of a loss with respect to every
 * parameter block. Weights are inputs, one per block, so that a session outlives policy versions. Sizes are symbols: B rows of
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
import type { ParameterLayout } from '../model/layout.js';
import { longLogProbs, type TokenInputs } from './long-log-probs.js';
import { type PolicyTerms, policyLoss, supervisedLoss } from './losses.js';

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

/** Name of the gradient of a block among the outputs. */
export function gradientName(blockKey: string): string {
  return `gradient.${blockKey}`;
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

/** One input per block, by its key. `blocks` are in the order of the layout. */
export function blockInputs(
  b: Builder,
  layout: ParameterLayout,
  dtype: DType,
): { blocks: Value[]; weights: DecoderWeights } {
  const blocks: Value[] = [];
  const weights = decoderWeights(layout, ({ key, shape }) => {
    const block = b.input(key, dtype, shape);
    blocks.push(block);
    return block;
  });
  return { blocks, weights };
}

/** Log-probs of the targets, with all that lies between kept for the gradient. */
export function plainLogProbs(
  b: Builder,
  config: ModelConfig,
  weights: DecoderWeights,
  { tokens, positions, targets, inverseTemperature }: TokenInputs,
): TokenLogProbs {
  const tables = rotaryTables(b, config, inverseTemperature.dtype);
  const length = b.product(tokens.shape.slice(1));
  const first = b.integers([0]);
  const attend = (qkv: Value) =>
    mergeHeads(b, causalAttention(b, splitHeads(b, config, qkv, ['B', length], first, tables), 'Q'));
  const hidden = decoderStack(b, config, weights, embed(b, weights, tokens), attend, { wantedRows: positions }); // [N, C]
  const scores = b.mul(logits(b, weights, hidden), inverseTemperature); // [N, V]
  const logSoftmax = b.logSoftmax(scores); // [N, V]
  const logProbs = b.reshape(b.gatherElements(logSoftmax, b.unsqueeze(targets, [1]), 1), ['N']);
  return { logProbs, entropy: b.neg(b.reduceSum(b.mul(b.exp(logSoftmax), logSoftmax), [0, 1])) };
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

/** Inputs: blocks by key and `TokenInputs`. Outputs: logProbs [N] at the temperature; entropy [], summed over tokens. */
function forwardGraph(layout: ParameterLayout, { dtype = 'float32', longBlock = 0 }: TrainGraphOptions) {
  const b = new Builder();
  const { blocks, weights } = blockInputs(b, layout, dtype);
  const logProbsOf = longBlock > 0 ? longLogProbs : plainLogProbs;
  const { logProbs, entropy } = logProbsOf(b, layout.config, weights, tokenInputs(b, dtype, longBlock));
  b.output('logProbs', logProbs);
  b.output('entropy', entropy);
  return { b, blocks, logProbs };
}

/** Forward only. */
export function logProbGraph(layout: ParameterLayout, options: TrainGraphOptions = {}): Builder {
  return forwardGraph(layout, options).b;
}

/** The log-prob graph with a loss on top and the gradients. Further inputs: `LossInputs`. Further outputs: `LossOutputs` by row, one gradient per block. */
export function gradientGraph(layout: ParameterLayout, objective: Objective, options: TrainGraphOptions = {}): Builder {
  const { b, blocks, logProbs } = forwardGraph(layout, options);
  const { loss, rowLosses, logRatios } = lossOf(b, logProbs, lossInputs(b, objective, options.dtype ?? 'float32'));
  b.output('rowLosses', rowLosses);
  if (logRatios) b.output('logRatios', logRatios);
  const gradients = differentiate(b, loss, blocks);
  layout.blocks.forEach(({ key }, i) => {
    b.output(gradientName(key), gradients[i]!);
  });
  return b;
}
