/**
 * The decoder over long rows: the same layers, computed in blocks of Q tokens and again for their gradients. Per layer and token it keeps the
 * layer's input, what attention gave, and one number per head, until the gradients have used them; everything else lives as long as a block
 * or one layer's attention. Attention itself is in blocked-attention.ts. E = B*G pairs of row and key-value head.
 */
import { blockwise, mapBlocks, mapBlocksGradients, scoped } from '../graph/blockwise.js';
import type { Builder } from '../graph/builder.js';
import type { Value } from '../graph/value.js';
import { type BlockedHeads, blockedAttention, blockedAttentionGradients } from './blocked-attention.js';
import type { ModelConfig } from './config.js';
import {
  type DecoderWeights,
  embed,
  feedForward,
  type LayerWeights,
  project,
  type RotaryTables,
  rotaryTables,
  splitHeads,
} from './decoder.js';

/** All layers, without the final norm: tokens int64 [B, n, Q], Q a number -> [n, B*Q, C]. */
export function longDecoderStack(b: Builder, config: ModelConfig, weights: DecoderWeights, tokens: Value): Value {
  const [rows, count, block] = tokens.shape as readonly [string, string, number];
  const byBlock = b.transpose(tokens, [1, 0, 2]); // [n, B, Q]
  const stack = [count, b.product([rows, block]), config.hiddenSize];
  const x = b.reshape(embed(b, weights, byBlock), stack);
  // The last block may reach past the longest sequence: its positions need angles too, though nothing reads what they give.
  const positions = Math.ceil(config.maxPositions / block) * block;
  const tables = rotaryTables(b, { ...config, maxPositions: positions }, x.dtype);
  const shape = { config, rows, block, tables };
  return weights.layers.reduce((input, layer) => longLayer(b, shape, layer, input), x);
}

interface LongShape {
  readonly config: ModelConfig;
  /** The number of rows, B. */
  readonly rows: string;
  /** Q */
  readonly block: number;
  readonly tables: RotaryTables;
}

/** One layer: [n, B*Q, C] -> the same. */
function longLayer(b: Builder, shape: LongShape, layer: LayerWeights, x: Value): Value {
  const { config } = shape;
  const attended = attentionOf(b, shape, layer, x);
  const after = (body: Builder, [residual, given]: readonly Value[]) => {
    const sum = body.add(residual!, body.linear(given!, layer.output)); // [B*Q, C]
    const normed = body.rmsNorm(sum, layer.postNorm, config.rmsNormEpsilon);
    return body.add(sum, feedForward(body, config, layer, normed));
  };
  return blockwise(b, [x, attended], [layer.output, layer.postNorm, layer.gateUp, layer.down], after);
}

/** The attention of one layer, norm and projection included: [n, B*Q, C] -> [n, B*Q, H*D]. */
function attentionOf(b: Builder, shape: LongShape, layer: LayerWeights, x: Value): Value {
  const { config } = shape;
  const { inputNorm, qkv, qkvBias, queryNorm, keyNorm } = layer;
  const shared = [inputNorm, qkv, qkvBias, queryNorm, keyNorm].filter((weight) => weight !== undefined);
  const headsOfBlock = (body: Builder, [input]: readonly Value[], number: Value): readonly Value[] => {
    const normed = body.rmsNorm(input!, inputNorm, config.rmsNormEpsilon);
    return foldedHeads(body, shape, project(body, config, layer, normed), number);
  };
  const kept = blockedAttention(b, headsOf(mapBlocks(b, [x], headsOfBlock)));
  const [merged] = mapBlocks(b, [kept.output], (body, [output]) => [mergeFolded(body, shape, output!)]);
  const rule = (gradient: Value) =>
    scoped(b, (inner) => {
      const heads = headsOf(mapBlocks(inner, [x], headsOfBlock));
      const [output, arriving] = mapBlocks(inner, [merged!, gradient], (body, given) =>
        given.map((value) => foldMerged(body, shape, value)),
      );
      const { q, k, v } = blockedAttentionGradients(
        inner,
        heads,
        { output: output!, logSums: kept.logSums },
        arriving!,
      );
      const gradients = mapBlocksGradients(inner, [x], shared, [q, k, v], headsOfBlock);
      return [...gradients.values, ...gradients.shared];
    });
  return b.setGradient(merged!, { inputs: [x, ...shared], rule });
}

function headsOf([q, k, v]: readonly Value[]): BlockedHeads {
  return { q: q!, k: k!, v: v! };
}

/** qkv [B*Q, (H+2G)*D] of the block of that number -> rotated q [E, R*Q, D] and k [E, Q, D], and v [E, Q, D]. */
function foldedHeads(b: Builder, { config, rows, block, tables }: LongShape, qkv: Value, number: Value): Value[] {
  const { heads, kvHeads, headSize } = config;
  const first = b.reshape(b.mul(number, block), [1]);
  const { q, k, v } = splitHeads(b, config, qkv, [rows, block], first, tables);
  const pairs = b.product([rows, kvHeads]);
  return [
    b.reshape(q, [pairs, (heads / kvHeads) * block, headSize]),
    b.reshape(k, [pairs, block, headSize]),
    b.reshape(v, [pairs, block, headSize]),
  ];
}

/** [E, R*Q, D] -> [B*Q, H*D] */
function mergeFolded(b: Builder, { config, rows, block }: LongShape, folded: Value): Value {
  const { heads, headSize } = config;
  const byToken = b.transpose(b.reshape(folded, [rows, heads, block, headSize]), [0, 2, 1, 3]); // [B, Q, H, D]
  return b.reshape(byToken, [b.product([rows, block]), heads * headSize]);
}

/** [B*Q, H*D] -> [E, R*Q, D] */
function foldMerged(b: Builder, { config, rows, block }: LongShape, merged: Value): Value {
  const { heads, kvHeads, headSize } = config;
  const byHead = b.transpose(b.reshape(merged, [rows, block, heads, headSize]), [0, 2, 1, 3]); // [B, H, Q, D]
  return b.reshape(byHead, [b.product([rows, kvHeads]), (heads / kvHeads) * block, headSize]);
}
