/**
 * The prefill graph for long contexts: keys and values of T further tokens of one row, whose P blocks of earlier keys and values
 * and the t ones after the last whole block are there. Attention meets the earlier blocks one by one, so that a run takes memory for
 * one block of scores, however much came before.
 */
import { Builder } from '../graph/builder.js';
import type { Value } from '../graph/value.js';
import { attendInBlocks } from '../model/blocked-attention.js';
import {
  causalMask,
  decoderStack,
  decoderWeights,
  embed,
  mergeHeads,
  rotaryTables,
  splitHeads,
} from '../model/decoder.js';
import type { ModelWeights } from '../model/weights.js';
import type { KvType } from './kv.js';
import { kvName } from './kv-tensors.js';

/** Tokens of one block of keys and values, and of one run. */
export const prefillBlock = 256;

/** @param dtype of weights, activations, keys and values */
export function longPrefillGraph({ layout, constantOf }: ModelWeights, dtype: KvType = 'float32'): Builder {
  const { config } = layout;
  const { heads, kvHeads, headSize, layers } = config;
  const b = new Builder();
  const weights = decoderWeights(layout, (block) => b.cast(constantOf(b, block), dtype));
  const tokens = b.input('tokens', 'int64', [1, 'T']);
  const first = b.input('first', 'int64', [1]);
  const pair = (prefix: string, layer: number, shape: Value['shape']) => ({
    k: b.input(kvName(prefix, layer, 'k'), dtype, shape),
    v: b.input(kvName(prefix, layer, 'v'), dtype, shape),
  });
  const past = Array.from({ length: layers }, (_, layer) => ({
    whole: pair('past', layer, ['P', kvHeads, prefillBlock, headSize]),
    tail: pair('tail', layer, [kvHeads, 't', headSize]),
  }));
  const tables = rotaryTables(b, config, dtype);
  const count = b.reshape(b.dimension('P'), []);
  const perHead = heads / kvHeads;
  const rows = b.product([perHead, 'T']);
  // Every token sees the whole tail and, causally, the others of its run.
  const seen = b.concat([b.zeros(['T', 't'], dtype), causalMask(b, 'T', dtype)], 1); // [T, t+T]
  const keys = seen.shape[1]!;
  const mask = b.reshape(b.expand(b.unsqueeze(seen, [0]), [perHead, 'T', keys]), [rows, keys]);
  const attend = (qkv: Value, layer: number) => {
    const { q, k, v } = splitHeads(b, config, qkv, [1, 'T'], first, tables);
    const { whole, tail } = past[layer]!;
    const fresh = [k, v].map((value) => b.reshape(value, [kvHeads, 'T', headSize])) as [Value, Value];
    b.output(kvName('new', layer, 'k'), fresh[0]);
    b.output(kvName('new', layer, 'v'), fresh[1]);
    const own = { k: b.concat([tail.k, fresh[0]], 1), v: b.concat([tail.v, fresh[1]], 1) }; // [G, t+T, D]
    const query = b.reshape(q, [kvHeads, rows, headSize]);
    const { output } = attendInBlocks(b, query, { own, mask, earlier: whole, count });
    return mergeHeads(b, b.reshape(output, [1, heads, 'T', headSize]));
  };
  decoderStack(b, config, weights, embed(b, weights, tokens), attend, { inference: true });
  return b;
}
