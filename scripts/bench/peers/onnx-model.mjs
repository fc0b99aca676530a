/**
 * Writes a policy as an ONNX folder for transformers.js, in the shape of the published exports: input_ids, attention_mask, position_ids and
 * past_key_values in, logits and present out, attention by the runtime's fused operator (GroupQueryAttention, which rotates too). float32.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { formatModelConfig, viewOf } from '@segue/engine';
import { Builder } from '../../../packages/engine/dist/graph/builder.js';
import { emit } from '../../../packages/engine/dist/graph/emit.js';
import {
  decoderStack,
  decoderWeights,
  embed,
  logits,
  rotaryTables,
} from '../../../packages/engine/dist/model/decoder.js';

function exportGraph({ config, layout, parameters }) {
  const { heads, kvHeads, headSize, layers, vocabularySize } = config;
  const b = new Builder();
  const weights = decoderWeights(layout, (block) => b.constant('float32', block.shape, viewOf(parameters, block)));
  const tokens = b.input('input_ids', 'int64', ['batch_size', 'sequence_length']);
  const mask = b.input('attention_mask', 'int64', ['batch_size', 'total_sequence_length']);
  b.input('position_ids', 'int64', ['batch_size', 'sequence_length']);
  const lengths = b.cast(b.sub(b.reduceSum(mask, [1], true), 1), 'int32'); // [batch, 1]
  const total = b.cast(b.reshape(b.dimension('total_sequence_length'), []), 'int32');
  const tables = rotaryTables(b, config);
  const rows = b.product(['batch_size', 'sequence_length']);
  const attend = (qkv, layer) => {
    const [past, present] = ['past_sequence_length', 'total_sequence_length'].map((columns) => [
      'batch_size',
      kvHeads,
      columns,
      headSize,
    ]);
    const packed = b.reshape(qkv, ['batch_size', 'sequence_length', (heads + 2 * kvHeads) * headSize]);
    const caches = ['key', 'value'].map((part) => b.input(`past_key_values.${layer}.${part}`, 'float32', past));
    const attributes = { num_heads: heads, kv_num_heads: kvHeads, do_rotary: 1, rotary_interleaved: 0 };
    const inputs = [packed, null, null, ...caches, lengths, total, tables.cos, tables.sin];
    const [attended, keys, values] = b.node('GroupQueryAttention', inputs, attributes, [
      { dtype: 'float32', shape: ['batch_size', 'sequence_length', heads * headSize] },
      { dtype: 'float32', shape: present },
      { dtype: 'float32', shape: present },
    ]);
    b.output(`present.${layer}.key`, keys);
    b.output(`present.${layer}.value`, values);
    return b.reshape(attended, [rows, heads * headSize]);
  };
  const hidden = decoderStack(b, config, weights, embed(b, weights, tokens), attend, { inference: true });
  b.output('logits', b.reshape(logits(b, weights, hidden), ['batch_size', 'sequence_length', vocabularySize]));
  return emit(b, `${layers} layers`);
}

/** @param {import('@segue/engine').Checkpoint} checkpoint @param {string} folder is made */
export async function writeOnnxModel(checkpoint, folder) {
  await mkdir(join(folder, 'onnx'), { recursive: true });
  await writeFile(join(folder, 'onnx/model.onnx'), exportGraph(checkpoint));
  await writeFile(join(folder, 'config.json'), formatModelConfig(checkpoint.config));
  await writeFile(join(folder, 'generation_config.json'), '{}\n');
}
