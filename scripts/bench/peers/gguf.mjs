/**
 * Writes a policy as a GGUF file (version 3, llama architecture, float32), as llama.cpp reads it. The tokenizer is a placeholder of the right
 * size: benchmarks feed token ids. Queries and keys are put into llama.cpp's order, where the two parts of a rotated pair lie side by side.
 */
import { writeFile } from 'node:fs/promises';
import { viewOf } from '@segue/engine';

const alignment = 32;
/** Value types of the format. */
const kinds = { uint32: 4, int32: 5, float32: 6, string: 8, array: 9 };
const float32Tensor = 0;
const [normalToken, controlToken] = [1, 3];

class Bytes {
  parts = [];
  length = 0;

  push(buffer) {
    this.parts.push(buffer);
    this.length += buffer.length;
  }
  fixed(size, write, value) {
    const buffer = Buffer.alloc(size);
    buffer[write](value);
    this.push(buffer);
  }
  uint32(value) {
    this.fixed(4, 'writeUInt32LE', value);
  }
  uint64(value) {
    this.fixed(8, 'writeBigUInt64LE', BigInt(value));
  }
  text(value) {
    const bytes = Buffer.from(value);
    this.uint64(bytes.length);
    this.push(bytes);
  }
  value(kind, value) {
    if (kind === 'uint32') this.uint32(value);
    else if (kind === 'int32') this.fixed(4, 'writeInt32LE', value);
    else if (kind === 'float32') this.fixed(4, 'writeFloatLE', value);
    else this.text(value);
  }
  field(name, kind, value) {
    this.text(name);
    if (Array.isArray(value)) {
      this.uint32(kinds.array);
      this.uint32(kinds[kind]);
      this.uint64(value.length);
      for (const item of value) this.value(kind, item);
    } else {
      this.uint32(kinds[kind]);
      this.value(kind, value);
    }
  }
  align() {
    this.push(Buffer.alloc((alignment - (this.length % alignment)) % alignment));
  }
}

function fieldsOf(config) {
  const vocabulary = Array.from({ length: config.vocabularySize }, (_, i) => i);
  const special = ['<unk>', '<s>', '</s>'];
  return [
    ['general.architecture', 'string', 'llama'],
    ['general.name', 'string', 'segue-bench'],
    ['llama.vocab_size', 'uint32', config.vocabularySize],
    ['llama.context_length', 'uint32', config.maxPositions],
    ['llama.embedding_length', 'uint32', config.hiddenSize],
    ['llama.block_count', 'uint32', config.layers],
    ['llama.feed_forward_length', 'uint32', config.intermediateSize],
    ['llama.attention.head_count', 'uint32', config.heads],
    ['llama.attention.head_count_kv', 'uint32', config.kvHeads],
    ['llama.attention.key_length', 'uint32', config.headSize],
    ['llama.attention.value_length', 'uint32', config.headSize],
    ['llama.rope.dimension_count', 'uint32', config.headSize],
    ['llama.rope.freq_base', 'float32', config.ropeTheta],
    ['llama.attention.layer_norm_rms_epsilon', 'float32', config.rmsNormEpsilon],
    ['tokenizer.ggml.model', 'string', 'gpt2'],
    ['tokenizer.ggml.pre', 'string', 'default'],
    ['tokenizer.ggml.tokens', 'string', vocabulary.map((i) => special[i] ?? `t${i}`)],
    ['tokenizer.ggml.merges', 'string', ['t 1']],
    ['tokenizer.ggml.token_type', 'int32', vocabulary.map((i) => (i < special.length ? controlToken : normalToken))],
    ['tokenizer.ggml.bos_token_id', 'uint32', 1],
    ['tokenizer.ggml.eos_token_id', 'uint32', 2],
  ];
}

const names = [
  [/^model\.embed_tokens\./, 'token_embd.'],
  [/^model\.norm\./, 'output_norm.'],
  [/^lm_head\./, 'output.'],
  [/^model\.layers\.(\d+)\./, 'blk.$1.'],
  [/\binput_layernorm\b/, 'attn_norm'],
  [/\bpost_attention_layernorm\b/, 'ffn_norm'],
  [/\bself_attn\.([qkv])_proj\b/, 'attn_$1'],
  [/\bself_attn\.o_proj\b/, 'attn_output'],
  [/\bmlp\.(gate|up|down)_proj\b/, 'ffn_$1'],
];

function ggufName(name) {
  return names.reduce((result, [from, to]) => result.replace(from, to), name);
}

/** Rows of each head: pairs (i, i + D/2) become (2i, 2i + 1). */
function interleave(data, [rows, columns], headSize) {
  const result = new Float32Array(data.length);
  for (let row = 0; row < rows; row++) {
    const [head, at] = [Math.floor(row / headSize), row % headSize];
    const half = headSize / 2;
    const target = head * headSize + (at < half ? 2 * at : 2 * (at - half) + 1);
    result.set(data.subarray(row * columns, (row + 1) * columns), target * columns);
  }
  return result;
}

/** @param {import('@segue/engine').Checkpoint} checkpoint @param {string} path of the file to write */
export async function writeGguf({ config, layout, parameters }, path) {
  const fields = fieldsOf(config);
  const header = new Bytes();
  header.push(Buffer.from('GGUF'));
  header.uint32(3);
  header.uint64(layout.tensors.length);
  header.uint64(fields.length);
  for (const [name, kind, value] of fields) header.field(name, kind, value);
  const body = new Bytes();
  for (const tensor of layout.tensors) {
    header.text(ggufName(tensor.name));
    header.uint32(tensor.shape.length);
    for (const size of [...tensor.shape].reverse()) header.uint64(size);
    header.uint32(float32Tensor);
    header.uint64(body.length);
    let data = viewOf(parameters, tensor);
    if (/self_attn\.[qk]_proj\.weight$/.test(tensor.name)) data = interleave(data, tensor.shape, config.headSize);
    body.push(Buffer.from(data.buffer, data.byteOffset, data.byteLength));
    body.align();
  }
  header.align();
  await writeFile(path, Buffer.concat([...header.parts, ...body.parts]));
}
