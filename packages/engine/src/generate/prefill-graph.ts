/**
 * The prefill graph: keys and values of T further tokens per row, after P columns that are there already. It computes no logits: the
 * decode loop reads the newest token itself. B rows, padded at the end where they are shorter than T: what lies beyond a row's own
 * tokens is never seen by them, and left out by the caller.
 */
import { Builder } from '../graph/builder.js';
import type { Value } from '../graph/value.js';
import {
  causalMask,
  decoderStack,
  decoderWeights,
  embed,
  type Heads,
  mergeHeads,
  rotaryTables,
  splitHeads,
} from '../model/decoder.js';
import type { ModelWeights } from '../model/weights.js';
import type { KvType } from './kv.js';
import { kvName } from './kv-tensors.js';

/** @param dtype of weights, activations, keys and values */
export function prefillGraph({ layout, constantOf }: ModelWeights, dtype: KvType = 'float32'): Builder {
  const { config } = layout;
  const { kvHeads, headSize, layers } = config;
  const b = new Builder();
  const weights = decoderWeights(layout, (block) => b.cast(constantOf(b, block), dtype));
  const tokens = b.input('tokens', 'int64', ['B', 'T']);
  const first = b.input('first', 'int64', ['B', 1]);
  const rows = b.product(['B', kvHeads]);
  const pastMask = b.cast(b.input('pastMask', 'float32', [rows, 1, 'P']), dtype);
  const past = Array.from({ length: layers }, (_, layer) => ({
    k: b.input(kvName('past', layer, 'k'), dtype, [rows, 'P', headSize]),
    v: b.input(kvName('past', layer, 'v'), dtype, [rows, 'P', headSize]),
    mask: pastMask,
  }));
  const tables = rotaryTables(b, config, dtype);
  // Padding of a row that is shorter than T may reach past the context; what it computes there is never seen.
  const positions = b.min(b.add(first, b.reshape(b.range('T'), [1, 'T'])), config.maxPositions - 1); // [B, T]
  const causal = causalMask(b, 'T', dtype);
  decoderStack(
    b,
    config,
    weights,
    embed(b, weights, tokens),
    (qkv, layer) => {
      const heads = splitHeads(b, config, qkv, ['B', 'T'], positions, tables);
      b.output(kvName('new', layer, 'k'), b.reshape(heads.k, [rows, 'T', headSize]));
      b.output(kvName('new', layer, 'v'), b.reshape(heads.v, [rows, 'T', headSize]));
      return mergeHeads(b, attendPast(b, heads, past[layer]!, causal));
    },
    { inference: true },
  );
  return b;
}

/** Attention of T new tokens to the past and, causally, to themselves: heads -> [B, H, T, D]. */
function attendPast(
  b: Builder,
  { q, k, v }: Heads,
  past: { readonly k: Value; readonly v: Value; readonly mask: Value },
  causal: Value,
): Value {
  const [heads, headSize] = [Number(q.shape[1]), Number(q.shape[3])];
  const kvHeads = Number(k.shape[1]);
  const rows = b.product(['B', kvHeads]);
  const alpha = 1 / Math.sqrt(headSize);
  // The query heads of one key-value head become rows of one product: [B*G, R*T, D].
  const queries = b.product([heads / kvHeads, 'T']);
  const [query, keys, values] = [
    b.reshape(q, [rows, queries, headSize]),
    b.reshape(k, [rows, 'T', headSize]),
    b.reshape(v, [rows, 'T', headSize]),
  ];
  const before = b.add(b.matmul(query, past.k, { transB: true, alpha }), past.mask); // [B*G, R*T, P]
  const among = b.reshape(b.matmul(query, keys, { transB: true, alpha }), [rows, heads / kvHeads, 'T', 'T']);
  const masked = b.reshape(b.add(among, causal), [rows, queries, 'T']);
  const [ofPast, ofNew] = b.split(b.softmax(b.concat([before, masked], 2)), ['P', 'T'], 2);
  const attended = b.add(b.matmul(ofPast!, past.v), b.matmul(ofNew!, values)); // [B*G, R*T, D]
  return b.reshape(attended, ['B', heads, 'T', headSize]);
}
