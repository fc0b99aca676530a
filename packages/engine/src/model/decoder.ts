/**
 * The decoder, defined once. Training and prefill build it over the rows of whole sequences ([B*T] rows), decoding over one row
 * per sequence ([B] rows); they differ in the attention they pass in. RMSNorm, rotary positions (first half against second half of a
 * head), grouped-query attention, SwiGLU; Qwen2 with a bias on queries, keys and values, Qwen3 with a norm on every query and key head.
 * H query heads, G key-value heads, D head size, C hidden size.
 */
import type { Builder } from '../graph/builder.js';
import { type Dim, type DType, divideDim, hasFusedKernels } from '../graph/tensor-type.js';
import { isConstant, type Value } from '../graph/value.js';
import { attendTo } from './attention.js';
import type { ModelConfig } from './config.js';
import {
  type CommonLayerKey,
  layerBlockKey,
  layerKeys,
  type OwnLayerKey,
  type ParameterBlock,
  type ParameterLayout,
} from './layout.js';
import { ropeFrequencies, ropeMagnitude } from './rope.js';
import { swiGlu } from './swiglu.js';

export type LayerWeights = Readonly<Record<CommonLayerKey, Value> & Partial<Record<OwnLayerKey, Value>>>;

export interface DecoderWeights {
  /** [V, C] */
  readonly embedding: Value;
  readonly layers: readonly LayerWeights[];
  readonly finalNorm: Value;
  /** [V, C]; the embedding when tied. */
  readonly head: Value;
}

/** Attention of one layer: qkv [rows, (H+2G)*D] before rotation -> [rows, H*D]. */
export type Attend = (qkv: Value, layer: number) => Value;

export interface DecoderOptions {
  /** Use the fused residual norm, which has no gradient. Default false. */
  readonly inference?: boolean;
  /** Multiply weights by rows rather than rows by weights: for more weights than the cache holds and few rows. Default false. */
  readonly weightsFirst?: boolean;
  /** int64 [N], none twice: the rows that are wanted. The others end with the attention of the last layer. Default: all. */
  readonly wantedRows?: Value;
}

/** The weights as values: `make` turns a block into a graph input (training) or a constant (inference). */
export function decoderWeights(layout: ParameterLayout, make: (block: ParameterBlock) => Value): DecoderWeights {
  const values = new Map(layout.blocks.map((block) => [block.key, make(block)]));
  const layers = Array.from({ length: layout.config.layers }, (_, layer) => {
    const entries = layerKeys.flatMap((key) => {
      const value = values.get(layerBlockKey(layer, key));
      return value ? [[key, value] as const] : [];
    });
    // The layout has the common blocks for every layer.
    return Object.fromEntries(entries) as LayerWeights;
  });
  const embedding = values.get('embedding')!;
  return { embedding, layers, finalNorm: values.get('finalNorm')!, head: values.get('head') ?? embedding };
}

/** tokens int64 [...] -> [rows, C], one row per token. */
export function embed(b: Builder, weights: DecoderWeights, tokens: Value): Value {
  const rows = b.gather(weights.embedding, tokens, 0); // [..., C]
  return b.reshape(rows, [-1, rows.shape.at(-1)!]); // [rows, C]
}

/** All layers and the final norm: x [rows, C] -> [rows, C], or [N, C] of the wanted rows. */
export function decoderStack(
  b: Builder,
  config: ModelConfig,
  weights: DecoderWeights,
  x: Value,
  attend: Attend,
  { inference = false, weightsFirst = false, wantedRows }: DecoderOptions = {},
): Value {
  const { rmsNormEpsilon: epsilon } = config;
  const addNorm = (term: Value, residual: Value, weight: Value) => {
    if (inference && hasFusedKernels(term.dtype)) return b.skipRmsNorm(term, residual, weight, epsilon);
    const sum = b.add(residual, term);
    return { normed: b.rmsNorm(sum, weight, epsilon), sum };
  };
  let residual = x; // [rows, C]
  let normed = b.rmsNorm(x, weights.layers[0]!.inputNorm, epsilon);
  weights.layers.forEach((layer, index) => {
    let attended = attend(project(b, config, layer, normed, weightsFirst), index); // [rows, H*D]
    if (wantedRows && index === weights.layers.length - 1) {
      attended = b.takeRows(attended, wantedRows); // [N, H*D]
      residual = b.takeRows(residual, wantedRows);
    }
    ({ normed, sum: residual } = addNorm(product(b, attended, layer.output, weightsFirst), residual, layer.postNorm));
    const fed = weightsFirst
      ? feedForwardTurned(b, config, layer, normed)
      : feedForward(b, config, layer, normed, inference);
    ({ normed, sum: residual } = addNorm(fed, residual, weights.layers[index + 1]?.inputNorm ?? weights.finalNorm));
  });
  return normed;
}

/** x [rows, in], weight [out, in] -> [rows, out]. */
function product(b: Builder, x: Value, weight: Value, weightsFirst: boolean): Value {
  return weightsFirst ? b.transpose(b.linearTurned(x, weight), [1, 0]) : b.linear(x, weight);
}

/** Queries, keys and values before the rotation: x [rows, C] -> [rows, (H+2G)*D]. */
export function project(b: Builder, config: ModelConfig, layer: LayerWeights, x: Value, weightsFirst = false): Value {
  const { heads, kvHeads, headSize, rmsNormEpsilon } = config;
  const { qkvBias, queryNorm, keyNorm } = layer;
  const projected = product(b, x, layer.qkv, weightsFirst);
  const qkv = qkvBias ? b.add(projected, qkvBias) : projected;
  if (!queryNorm || !keyNorm) return qkv;
  const [q, k, v] = b.split(qkv, [heads * headSize, kvHeads * headSize, kvHeads * headSize], 1);
  const norm = (rows: Value, count: number, weight: Value) => {
    const byHead = b.reshape(rows, [rows.shape[0]!, count, headSize]); // [rows, count, D]
    return b.reshape(b.rmsNorm(byHead, weight, rmsNormEpsilon), rows.shape);
  };
  return b.concat([norm(q!, heads, queryNorm), norm(k!, kvHeads, keyNorm), v!], 1);
}

/** SwiGLU: normed rows [rows, C] -> [rows, C]. */
export function feedForward(
  b: Builder,
  { intermediateSize }: ModelConfig,
  { gateUp, down }: LayerWeights,
  normed: Value,
  inference = false,
): Value {
  const halves = [intermediateSize, intermediateSize];
  // Two products where cutting the weight is free or copies less than cutting the rows: with constants, and in training.
  const [gate, up] =
    inference && !isConstant(gateUp)
      ? b.split(b.linear(normed, gateUp), halves, -1)
      : b.split(gateUp, halves, 0).map((half) => b.linear(normed, half)); // [rows, I]
  return b.linear(swiGlu(b, gate!, up!), down);
}

/** The same with weights first: what lies between the products need not be turned back. */
function feedForwardTurned(
  b: Builder,
  { intermediateSize }: ModelConfig,
  { gateUp, down }: LayerWeights,
  normed: Value,
) {
  const halves = b.split(gateUp, [intermediateSize, intermediateSize], 0);
  const [gate, up] = halves.map((half) => b.linearTurned(normed, half)); // [I, rows]
  return b.transpose(b.matmul(down, swiGlu(b, gate!, up!)), [1, 0]); // [rows, C]
}

/** Hidden rows [N, C] -> logits [N, V]. */
export function logits(b: Builder, weights: DecoderWeights, hidden: Value, weightsFirst = false): Value {
  return product(b, hidden, weights.head, weightsFirst);
}

export interface RotaryTables {
  /** [maxPositions, D/2] */
  readonly cos: Value;
  readonly sin: Value;
}

/** Cosine and sine of the angle of every position and pair; see rope.ts. */
export function rotaryTables(b: Builder, config: ModelConfig, dtype: DType = 'float32'): RotaryTables {
  const frequencies = ropeFrequencies(config);
  const half = frequencies.length;
  const size = config.maxPositions * half;
  const magnitude = ropeMagnitude(config);
  const type = dtype === 'float64' ? dtype : 'float32';
  const table = (of: (angle: number) => number) => {
    const data = type === 'float64' ? new Float64Array(size) : new Float32Array(size);
    for (let position = 0; position < config.maxPositions; position++) {
      for (let i = 0; i < half; i++) data[position * half + i] = magnitude * of(position * frequencies[i]!);
    }
    return b.cast(b.constant(type, [config.maxPositions, half], data), dtype);
  };
  return { cos: table(Math.cos), sin: table(Math.sin) };
}

/** What attention works on: q [B, H, T, D], k and v [B, G, T, D], q and k rotated. For decoding T is 1. */
export interface Heads {
  readonly q: Value;
  readonly k: Value;
  readonly v: Value;
}

/**
 * qkv [B*T, (H+2G)*D] -> heads.
 * @param positions int64 [B, T], or [1]: the position of every row's first token
 */
export function splitHeads(
  b: Builder,
  config: ModelConfig,
  qkv: Value,
  [batch, length]: readonly [Dim, Dim],
  positions: Value,
  tables: RotaryTables,
): Heads {
  const { heads, kvHeads, headSize } = config;
  const all = b.reshape(qkv, [batch, length, heads + 2 * kvHeads, headSize]); // [B, T, H+2G, D]
  const byHead =
    length === 1 ? b.reshape(all, [batch, heads + 2 * kvHeads, 1, headSize]) : b.transpose(all, [0, 2, 1, 3]);
  const [q, k, v] = b.split(byHead, [heads, kvHeads, kvHeads], 1);
  return {
    q: b.rotary(q!, positions, tables.cos, tables.sin),
    k: b.rotary(k!, positions, tables.cos, tables.sin),
    v: v!,
  };
}

/** [B, H, T, D] -> [B*T, H*D]. */
export function mergeHeads(b: Builder, attended: Value): Value {
  const [batch, heads, length, headSize] = attended.shape;
  const byToken = length === 1 ? attended : b.transpose(attended, [0, 2, 1, 3]); // [B, T, H, D]
  return b.reshape(byToken, [b.product([batch!, length!]), b.product([heads!, headSize!])]);
}

/** Added to the score of a position that must not be seen. */
const hidden = -1e30;

/**
 * Every token attends to itself and what came before it: heads -> [B, H, T, D]. The queries are cut into blocks, each with the keys
 * up to its own end, so that most of what the mask would hide is never computed.
 * @param block size of a block; T is a multiple of it
 */
export function causalAttention(b: Builder, { q, k, v }: Heads, block: Dim): Value {
  const [batch, heads, length, headSize] = q.shape as readonly [Dim, number, Dim, number];
  const kvHeads = k.shape[1] as number;
  const blocks = Number(divideDim(length, block));
  const sizes = Array.from({ length: blocks }, () => block);
  const [queries, keys, values] = [q, k, v].map((x) => b.split(x, sizes, 2)) as [Value[], Value[], Value[]];
  const mask = causalMask(b, block, q.dtype);
  // The query heads of one key-value head become rows of one product.
  const folded = b.product([heads / kvHeads, block]);
  const attended = queries.map((query, i) => {
    const seen = b.product([i + 1, block]);
    const rows = b.reshape(query, [batch, kvHeads, folded, headSize]); // [B, G, H/G*Q, D]
    const seenKeys = joinAgain(b, keys.slice(0, i + 1)); // [B, G, (i+1)*Q, D]
    const seenValues = joinAgain(b, values.slice(0, i + 1));
    const bias = b.reshape(maskOf(b, mask, i), [1, block, seen]);
    const repeated = b.reshape(b.expand(bias, [heads / kvHeads, block, seen]), [folded, seen]); // [H/G*Q, (i+1)*Q]
    return b.reshape(attendTo(b, rows, seenKeys, seenValues, repeated), [batch, heads, block, headSize]);
  });
  return b.concat(attended, 2);
}

/** Joined along the third axis; joined again on the way back, as the blocks overlap and would take much more memory than their parts. */
function joinAgain(b: Builder, parts: readonly Value[]): Value {
  const [first, ...rest] = parts;
  const joined = b.concat(parts, 2);
  return rest.length === 0
    ? joined
    : b.setRecipe(joined, (gradient) => b.concat([b.after(first!, gradient), ...rest], 2));
}

/** [Q, Q]: 0 where a query may see a key, else a large negative number. */
export function causalMask(b: Builder, length: Dim, dtype: DType = 'float32'): Value {
  const index = b.range(length); // [Q]
  const later = b.less(b.unsqueeze(index, [1]), b.unsqueeze(index, [0])); // [Q, Q] key after query
  return b.where(later, b.scalar(hidden, dtype), b.scalar(0, dtype));
}

/** The mask of a block that sees `before` whole blocks and, causally, its own: [Q, (before+1)*Q]. */
function maskOf(b: Builder, own: Value, before: number): Value {
  if (before === 0) return own;
  const block = own.shape[0]!;
  return b.concat([b.zeros([block, b.product([before, block])], own.dtype), own], 1);
}
