/**
 * Writes a policy as a GGUF file (version 3, float32), as llama.cpp reads it. The tokenizer in it is a placeholder of the right size, since token ids
 * alone go in and out: every token's text is plain ASCII, so that a server holds none back until a character is whole. Queries and keys
 * of Llama are put into llama.cpp's order, where the two parts of a rotated pair lie side by side.
 */
import { open } from 'node:fs/promises';
import { SegueError } from '@segue/core';
import { type Architecture, type Checkpoint, type ModelConfig, viewOf } from '@segue/engine';

const alignment = 32;
/** Value types of the format. */
const kinds = { uint32: 4, int32: 5, float32: 6, string: 8, array: 9 } as const;
const float32Tensor = 0;
const [normalToken, controlToken] = [1, 3];
/** A server ends a completion a token or two short of the context that the file names. */
const spareContextTokens = 16;

/** By architecture: its name in the format, and whether rotated pairs lie side by side there. */
const architectures: Readonly<Record<Architecture, { readonly name: string; readonly interleaved: boolean }>> = {
  LlamaForCausalLM: { name: 'llama', interleaved: true },
  Qwen2ForCausalLM: { name: 'qwen2', interleaved: false },
  Qwen3ForCausalLM: { name: 'qwen3', interleaved: false },
};

type Field =
  | readonly [name: string, kind: 'string', value: string | readonly string[]]
  | readonly [name: string, kind: 'uint32' | 'int32' | 'float32', value: number | readonly number[]];

class Bytes {
  readonly #parts: Uint8Array[] = [];
  length = 0;

  push(part: Uint8Array): void {
    this.#parts.push(part);
    this.length += part.length;
  }

  uint32(value: number): void {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32LE(value);
    this.push(bytes);
  }

  uint64(value: number): void {
    const bytes = Buffer.alloc(8);
    bytes.writeBigUInt64LE(BigInt(value));
    this.push(bytes);
  }

  text(value: string): void {
    const bytes = Buffer.from(value);
    this.uint64(bytes.length);
    this.push(bytes);
  }

  field([name, kind, value]: Field): void {
    this.text(name);
    const items: readonly (string | number)[] = typeof value === 'object' ? value : [value];
    if (typeof value === 'object') {
      this.uint32(kinds.array);
      this.uint32(kinds[kind]);
      this.uint64(items.length);
    } else this.uint32(kinds[kind]);
    for (const item of items) this.#value(kind, item);
  }

  /** Fills up to the next multiple of the alignment. */
  align(): void {
    this.push(new Uint8Array(padding(this.length)));
  }

  joined(): Uint8Array {
    return Buffer.concat(this.#parts);
  }

  #value(kind: Field[1], value: string | number): void {
    if (typeof value === 'string') {
      this.text(value);
      return;
    }
    const bytes = Buffer.alloc(4);
    if (kind === 'float32') bytes.writeFloatLE(value);
    else if (kind === 'int32') bytes.writeInt32LE(value);
    else bytes.writeUInt32LE(value);
    this.push(bytes);
  }
}

function padding(length: number): number {
  return (alignment - (length % alignment)) % alignment;
}

function fieldsOf(config: ModelConfig): Field[] {
  const { name } = architectures[config.architecture ?? 'LlamaForCausalLM'];
  const special = new Set([...config.eosTokenIds, ...(config.bosTokenId === null ? [] : [config.bosTokenId])]);
  const vocabulary = Array.from({ length: config.vocabularySize }, (_, i) => i);
  const ends = config.eosTokenIds[0];
  return [
    ['general.architecture', 'string', name],
    ['general.name', 'string', 'segue'],
    [`${name}.vocab_size`, 'uint32', config.vocabularySize],
    [`${name}.context_length`, 'uint32', config.maxPositions + spareContextTokens],
    [`${name}.embedding_length`, 'uint32', config.hiddenSize],
    [`${name}.block_count`, 'uint32', config.layers],
    [`${name}.feed_forward_length`, 'uint32', config.intermediateSize],
    [`${name}.attention.head_count`, 'uint32', config.heads],
    [`${name}.attention.head_count_kv`, 'uint32', config.kvHeads],
    [`${name}.attention.key_length`, 'uint32', config.headSize],
    [`${name}.attention.value_length`, 'uint32', config.headSize],
    [`${name}.rope.dimension_count`, 'uint32', config.headSize],
    [`${name}.rope.freq_base`, 'float32', config.ropeTheta],
    [`${name}.attention.layer_norm_rms_epsilon`, 'float32', config.rmsNormEpsilon],
    ['tokenizer.ggml.model', 'string', 'gpt2'],
    ['tokenizer.ggml.pre', 'string', 'default'],
    ['tokenizer.ggml.tokens', 'string', vocabulary.map((i) => `t${i}`)],
    ['tokenizer.ggml.merges', 'string', ['t 1']],
    ['tokenizer.ggml.token_type', 'int32', vocabulary.map((i) => (special.has(i) ? controlToken : normalToken))],
    ['tokenizer.ggml.bos_token_id', 'uint32', config.bosTokenId ?? 0],
    ...(ends === undefined ? [] : [['tokenizer.ggml.eos_token_id', 'uint32', ends] as const]),
  ];
}

const names: readonly (readonly [RegExp, string])[] = [
  [/^model\.embed_tokens\./, 'token_embd.'],
  [/^model\.norm\./, 'output_norm.'],
  [/^lm_head\./, 'output.'],
  [/^model\.layers\.(\d+)\./, 'blk.$1.'],
  [/\binput_layernorm\b/, 'attn_norm'],
  [/\bpost_attention_layernorm\b/, 'ffn_norm'],
  [/\bself_attn\.([qkv])_proj\b/, 'attn_$1'],
  [/\bself_attn\.([qk])_norm\b/, 'attn_$1_norm'],
  [/\bself_attn\.o_proj\b/, 'attn_output'],
  [/\bmlp\.(gate|up|down)_proj\b/, 'ffn_$1'],
];

function ggufName(name: string): string {
  return names.reduce((result, [from, to]) => result.replace(from, to), name);
}

/** Rows of each head: pairs (i, i + D/2) become (2i, 2i + 1). */
function interleave(data: Float32Array, [rows = 0, columns = 1]: readonly number[], headSize: number): Float32Array {
  const result = new Float32Array(data.length);
  const half = headSize / 2;
  for (let row = 0; row < rows; row++) {
    const at = row % headSize;
    const target = row - at + (at < half ? 2 * at : 2 * (at - half) + 1);
    result.set(data.subarray(row * columns, (row + 1) * columns), target * columns);
  }
  return result;
}

/** @param path of the file to write @throws UNIMPLEMENTED for a model that the writer does not know */
export async function writeGguf({ config, layout, parameters }: Checkpoint, path: string): Promise<void> {
  if (config.ropeScaling) {
    throw new SegueError(
      'UNIMPLEMENTED',
      'rope_scaling: no GGUF file is written of a policy with scaled rotary positions; use a server that reads the Hugging Face folder',
    );
  }
  const { interleaved } = architectures[config.architecture ?? 'LlamaForCausalLM'];
  const fields = fieldsOf(config);
  const header = new Bytes();
  header.push(Buffer.from('GGUF'));
  header.uint32(3);
  header.uint64(layout.tensors.length);
  header.uint64(fields.length);
  for (const field of fields) header.field(field);
  let offset = 0;
  for (const { name, shape, size } of layout.tensors) {
    header.text(ggufName(name));
    header.uint32(shape.length);
    for (const length of [...shape].reverse()) header.uint64(length);
    header.uint32(float32Tensor);
    header.uint64(offset);
    const bytes = size * Float32Array.BYTES_PER_ELEMENT;
    offset += bytes + padding(bytes);
  }
  header.align();
  const file = await open(path, 'w');
  try {
    await file.writeFile(header.joined());
    for (const tensor of layout.tensors) {
      const pairs = interleaved && /self_attn\.[qk]_proj\.weight$/.test(tensor.name);
      const view = viewOf(parameters, tensor);
      const data = pairs ? interleave(view, tensor.shape, config.headSize) : view;
      // Appends: a file handle goes on where it has written.
      await file.writeFile(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
      await file.writeFile(new Uint8Array(padding(data.byteLength)));
    }
  } finally {
    await file.close();
  }
}
