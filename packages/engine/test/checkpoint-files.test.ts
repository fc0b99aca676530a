/** Reading weights: element types, and every way in which a checkpoint can be wrong, cut off or foreign, told by the name of what is wrong. */
import { cp, mkdir, readFile, rename, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t, { type Test } from 'tap';
import { companionFiles, readCheckpoint } from '../dist/model/checkpoint.js';
import { formatModelConfig, type ModelConfig, parseModelConfig } from '../dist/model/config.js';
import { parameterLayout } from '../dist/model/layout.js';
import { ropeFrequencies, ropeMagnitude } from '../dist/model/rope.js';
import { narrowed, narrowPart, type WeightType, widen } from '../dist/model/weight-types.js';
import { tinyConfig } from './tiny-policy.js';

const root = fileURLToPath(new URL('./data/checkpoints', import.meta.url));

/** What comes back of bits in a narrow type. */
function widened(type: WeightType, bits: Uint16Array): Float32Array {
  const floats = new Float32Array(bits.length);
  narrowPart(type, floats).set(new Uint8Array(bits.buffer, bits.byteOffset, bits.byteLength));
  widen(type, floats);
  return floats;
}

const everyBits = Uint16Array.from({ length: 1 << 16 }, (_, bits) => bits);

t.test('every float16 and bfloat16 widens exactly, in place, and narrows back to itself', async (t) => {
  const half = widened('float16', everyBits);
  const known = [0x3c00, 0xc000, 0x7bff, 0x0400, 0x0001, 0x83ff, 0x7c00, 0xfc00, 0x8000];
  t.same(
    known.map((bits) => half[bits]),
    [1, -2, 65504, 2 ** -14, 2 ** -24, -1023 * 2 ** -24, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -0],
  );
  const brain = widened('bfloat16', everyBits);
  t.same(
    [0x3f80, 0xc000, 0x0001].map((bits) => brain[bits]),
    [1, -2, 2 ** -133],
  );
  for (const [type, floats] of [
    ['float16', half],
    ['bfloat16', brain],
  ] as const) {
    const back = new Uint16Array(narrowed(type, floats).slice().buffer);
    const changed = everyBits.filter((bits) => back[bits] !== bits && !Number.isNaN(floats[bits]));
    t.same([...changed], [], type);
    t.ok(everyBits.every((bits) => !Number.isNaN(floats[bits]) || Number.isNaN(widened(type, back)[bits])));
  }
});

t.test('narrowing rounds to nearest, ties to even', async (t) => {
  const cases: readonly [WeightType, number, number][] = [
    ['float16', 1 + 2 ** -11, 0x3c00],
    ['float16', 1 + 3 * 2 ** -11, 0x3c02],
    ['float16', 1 + 2 ** -11 + 2 ** -20, 0x3c01],
    ['float16', 65519, 0x7bff],
    ['float16', 65520, 0x7c00],
    ['float16', 2 ** -25, 0x0000],
    ['float16', 3 * 2 ** -25, 0x0002],
    ['float16', -(2 ** -14 - 2 ** -26), 0x8400],
    ['bfloat16', 1 + 2 ** -8, 0x3f80],
    ['bfloat16', 1 + 3 * 2 ** -8, 0x3f82],
    ['bfloat16', -3.4e38, 0xff80],
  ];
  for (const [type, value, bits] of cases) {
    const bytes = narrowed(type, Float32Array.of(value)).slice();
    t.equal(new Uint16Array(bytes.buffer)[0], bits, `${type} ${value}`);
  }
});

type Entry = { dtype: string; shape: number[]; data_offsets: [number, number] };
type Header = Record<string, Entry>;

/** Copies a checkpoint into a new folder. */
async function copyOf(t: Test, name: string): Promise<string> {
  const folder = t.testdir({});
  await cp(join(root, name), folder, { recursive: true });
  return folder;
}

/** Rewrites the header of a safetensors file, and the data after it. */
async function rewrite(path: string, change: (header: Header, data: Buffer) => Buffer | undefined): Promise<void> {
  const file = await readFile(path);
  const length = Number(file.readBigUInt64LE());
  const header = JSON.parse(file.subarray(8, 8 + length).toString());
  const data = file.subarray(8 + length);
  const changed = change(header, data) ?? data;
  const json = Buffer.from(JSON.stringify(header));
  const prefix = Buffer.alloc(8);
  prefix.writeBigUInt64LE(BigInt(json.length));
  await writeFile(path, Buffer.concat([prefix, json, changed]));
}

const norm = 'model.layers.1.input_layernorm.weight';

t.test('a file whose header does not describe it is refused with the name of the tensor', async (t) => {
  const folder = await copyOf(t, 'qwen3-tied');
  const weights = join(folder, 'model.safetensors');
  const whole = await readFile(weights);
  const refuses = async (name: string, message: RegExp, change: Parameters<typeof rewrite>[1]) => {
    await rewrite(weights, change);
    await t.rejects(readCheckpoint(folder), { code: 'DATA_LOSS', message }, name);
    await writeFile(weights, whole);
  };
  const lastOf = (header: Header) =>
    Object.entries(header)
      .filter(([name]) => name !== '__metadata__')
      .sort(([, a], [, b]) => b.data_offsets[1] - a.data_offsets[1])[0]!;
  await refuses('missing', new RegExp(`${norm} is missing`), (header, data) => {
    // Renamed, so that the bytes still belong to a tensor.
    header['model.layers.1.other.weight'] = header[norm]!;
    delete header[norm];
    return data;
  });
  await refuses('unexpected', /model\.layers\.9\.extra is not part of the model/, (header, data) => {
    const end = data.length;
    header['model.layers.9.extra'] = { dtype: 'F32', shape: [2], data_offsets: [end, end + 8] };
    return Buffer.concat([data, Buffer.alloc(8)]);
  });
  await refuses('shape', new RegExp(`${norm} has shape \\[4,4\\], the model needs \\[16\\]`), (header) => {
    header[norm]!.shape = [4, 4];
    return undefined;
  });
  await refuses('type', new RegExp(`${norm} is of type I32, which is none of F32, F16, BF16`), (header) => {
    header[norm]!.dtype = 'I32';
    return undefined;
  });
  await refuses('size', new RegExp(`${norm} has 64 bytes, its shape \\[16\\] in F16 needs 32`), (header) => {
    header[norm]!.dtype = 'F16';
    return undefined;
  });
  await refuses('overlap', /tensor model\.\S+ overlaps model\.\S+/, (header) => {
    const entry = header[norm]!;
    entry.data_offsets = [entry.data_offsets[0] - 4, entry.data_offsets[1] - 4];
    return undefined;
  });
  await refuses('gap', /tensor model\.\S+ begins 8 bytes after the end of model\.\S+/, (header, data) => {
    const [, last] = lastOf(header);
    last.data_offsets = [last.data_offsets[0] + 8, last.data_offsets[1] + 8];
    return Buffer.concat([data, Buffer.alloc(8)]);
  });
  await refuses('past the end', /tensor \S+ is cut off: it ends at byte/, (_, data) =>
    data.subarray(0, data.length - 4),
  );
  await refuses('trailing bytes', /4 bytes at its end belong to no tensor/, (_, data) =>
    Buffer.concat([data, Buffer.alloc(4)]),
  );
  await refuses('no tensor', new RegExp(`tensor ${norm} is not described as safetensors does`), (header) => {
    header[norm] = { dtype: 'F32', shape: [-1], data_offsets: [0, 4] };
    return undefined;
  });
  const long = Buffer.from(whole);
  long.writeBigUInt64LE(BigInt(whole.length));
  await writeFile(weights, long);
  await t.rejects(readCheckpoint(folder), { message: /no safetensors header: its first bytes tell a length of \d+/ });
  await writeFile(weights, whole);
  await truncate(weights, 4);
  await t.rejects(readCheckpoint(folder), { message: /too short/ });
  await rm(weights);
  await writeFile(join(folder, 'pytorch_model.bin'), '');
  await t.rejects(readCheckpoint(folder), { code: 'NOT_FOUND', message: /pytorch_model\.bin is not read/ });
});

t.test('an index that does not fit its files is refused by the key or file', async (t) => {
  const folder = await copyOf(t, 'qwen3-untied-sharded');
  const path = join(folder, 'model.safetensors.index.json');
  const index = JSON.parse(await readFile(path, 'utf8'));
  const files: string[] = [...new Set<string>(Object.values(index.weight_map))];
  const refuses = async (message: RegExp, change: (map: Record<string, unknown>) => void, code = 'DATA_LOSS') => {
    const changed = structuredClone(index);
    change(changed.weight_map);
    await writeFile(path, JSON.stringify(changed));
    await t.rejects(readCheckpoint(folder), { code, message });
  };
  for (const file of ['../model.safetensors', '/etc/passwd', 'sub/x.safetensors', '.safetensors', 'x.bin', 7]) {
    await refuses(/weight_map\.model\.norm\.weight must be the plain name of a \.safetensors file/, (map) => {
      map['model.norm.weight'] = file;
    });
  }
  await refuses(/index\.json: tensor model\.norm\.weight is missing/, (map) => {
    delete map['model.norm.weight'];
  });
  await refuses(/index\.json: tensor model\.extra\.weight is not part of the model/, (map) => {
    map['model.extra.weight'] = files[0];
  });
  await refuses(
    /names other\.safetensors, which is not there/,
    (map) => {
      map['model.norm.weight'] = 'other.safetensors';
    },
    'NOT_FOUND',
  );
  await refuses(/tensor model\.norm\.weight is (missing|in another file by model\.safetensors\.index\.json)/, (map) => {
    map['model.norm.weight'] = files.find((file) => file !== map['model.norm.weight']);
  });
  await writeFile(path, '{"weight_map":[]}');
  await t.rejects(readCheckpoint(folder), { message: /weight_map is missing/ });
  await writeFile(path, '{');
  await t.rejects(readCheckpoint(folder), { message: /is not JSON/ });
  await writeFile(path, JSON.stringify(index));
  await rename(join(folder, files[0]!), join(folder, 'away'));
  await t.rejects(readCheckpoint(folder), { code: 'NOT_FOUND', message: new RegExp(`names ${files[0]}`) });
});

t.test('what a tied checkpoint repeats and what follows from its configuration is passed over', async (t) => {
  const folder = await copyOf(t, 'qwen3-tied');
  const before = await readCheckpoint(folder);
  await rewrite(join(folder, 'model.safetensors'), (header, data) => {
    const end = data.length;
    header['lm_head.weight'] = { dtype: 'F32', shape: [1], data_offsets: [end, end + 4] };
    header['model.layers.0.self_attn.rotary_emb.inv_freq'] = {
      dtype: 'F32',
      shape: [1],
      data_offsets: [end + 4, end + 8],
    };
    return Buffer.concat([data, Buffer.alloc(8)]);
  });
  const after = await readCheckpoint(folder);
  t.same(after.parameters, before.parameters);
  await mkdir(join(folder, 'none'));
  t.same(await companionFiles(join(folder, 'none')), []);
});

const fields = JSON.parse(formatModelConfig({ ...tinyConfig, architecture: 'Qwen3ForCausalLM' }));
const parse = (changes: object) => parseModelConfig(JSON.stringify({ ...fields, ...changes }));

t.test('a configuration that asks for something else is refused by its key', async (t) => {
  const cases: readonly [object, RegExp][] = [
    [
      { architectures: ['GemmaForCausalLM'] },
      /architectures \["GemmaForCausalLM"\] is not supported, only one of Llama/,
    ],
    [{ architectures: undefined }, /architectures undefined/],
    [{ architectures: ['LlamaForCausalLM', 'Qwen2ForCausalLM'] }, /architectures/],
    [{ hidden_act: 'gelu_pytorch_tanh' }, /hidden_act gelu_pytorch_tanh/],
    [{ attention_bias: true }, /attention_bias is not supported/],
    [{ architectures: ['LlamaForCausalLM'], mlp_bias: true }, /mlp_bias is not supported/],
    [{ quantization_config: { quant_method: 'gptq' } }, /quantization_config/],
    [{ use_sliding_window: true }, /use_sliding_window/],
    [{ layer_types: ['full_attention', 'sliding_attention'] }, /layer_types "sliding_attention"/],
    [{ rope_scaling: { rope_type: 'dynamic', factor: 2 } }, /rope_scaling\.rope_type "dynamic" is not supported, only/],
    [{ rope_parameters: { rope_type: 'longrope' } }, /rope_parameters\.rope_type "longrope"/],
    [{ rope_scaling: { type: 'linear' } }, /rope_scaling\.factor must be a number above 0/],
    [{ rope_scaling: [] }, /rope_scaling must be an object/],
    [{ rope_parameters: { full_attention: { rope_theta: 1 } } }, /rope_parameters\.full_attention/],
    [{ rope_parameters: { partial_rotary_factor: 0.5 } }, /partial_rotary_factor 0.5/],
    [{ rope_theta: 'big' }, /rope_theta must be a number/],
    [{ rope_scaling: { rope_type: 'llama3', factor: 8, low_freq_factor: 4, high_freq_factor: 1 } }, /low_freq_factor/],
    [{ num_key_value_heads: 3 }, /heads \(4\) must be a multiple of kvHeads \(3\)/],
  ];
  for (const [changes, message] of cases) t.throws(() => parse(changes), { message }, JSON.stringify(changes));
});

t.test('both spellings of rotary positions and element type are read, and written back as they came', async (t) => {
  const scaling = { factor: 8, low_freq_factor: 1, high_freq_factor: 4, original_max_position_embeddings: 64 };
  const four = parse({ rope_theta: 5e5, rope_scaling: { ...scaling, rope_type: 'llama3' } });
  const older = parse({ rope_theta: 5e5, rope_scaling: { ...scaling, type: 'llama3' } });
  const five = parse({ rope_theta: undefined, rope_parameters: { ...scaling, rope_type: 'llama3', rope_theta: 5e5 } });
  t.same(five, four);
  t.same(older, four);
  t.match(four, { ropeTheta: 5e5, ropeScaling: { type: 'llama3', factor: 8, originalPositions: 64 } });
  t.notOk('ropeScaling' in parse({ rope_scaling: { rope_type: 'default' } }));
  for (const ropeScaling of [
    four.ropeScaling!,
    { type: 'linear', factor: 2 } as const,
    parse({ rope_scaling: { rope_type: 'yarn', factor: 4, truncate: false } }).ropeScaling!,
  ]) {
    const config: ModelConfig = { ...tinyConfig, ropeScaling };
    t.same(parseModelConfig(formatModelConfig(config)), config, ropeScaling.type);
  }
});

t.test(
  'stretched rotary positions: fast pairs are kept, slow ones divided, vectors lengthened by yarn alone',
  async (t) => {
    const plain = ropeFrequencies({ ...tinyConfig, headSize: 64 });
    const stretched = (rope: object) => {
      const config = { ...parse({ head_dim: 64, rope_scaling: { factor: 4, ...rope } }) };
      return { magnitude: ropeMagnitude(config), ratios: ropeFrequencies(config).map((value, i) => plain[i]! / value) };
    };
    const original = { original_max_position_embeddings: 4096 };
    t.ok(stretched({ rope_type: 'linear' }).ratios.every((ratio) => Math.abs(ratio - 4) < 1e-12));
    for (const rope of [
      { rope_type: 'llama3', low_freq_factor: 1, high_freq_factor: 4, ...original },
      { rope_type: 'yarn', ...original },
    ]) {
      const { ratios, magnitude } = stretched(rope);
      t.equal(ratios[0], 1);
      t.ok(Math.abs(ratios.at(-1)! - 4) < 1e-12);
      t.ok(ratios.every((ratio, i) => i === 0 || ratio >= ratios[i - 1]!));
      t.equal(magnitude, rope.rope_type === 'yarn' ? 0.1 * Math.log(4) + 1 : 1);
    }
    t.equal(stretched({ rope_type: 'yarn', attention_factor: 1.5 }).magnitude, 1.5);
    t.ok(stretched({ rope_type: 'yarn', mscale: 1, mscale_all_dim: 1 }).magnitude === 1);
  },
);

t.test('the tensors of each architecture have their Hugging Face names', async (t) => {
  const namesOf = (config: ModelConfig) => parameterLayout(config).tensors.map(({ name }) => name);
  const common = namesOf(tinyConfig);
  const beside = (architecture: 'Qwen2ForCausalLM' | 'Qwen3ForCausalLM') =>
    namesOf({ ...tinyConfig, architecture }).filter((name) => !common.includes(name) && name.includes('layers.1'));
  t.same(
    beside('Qwen2ForCausalLM'),
    ['q', 'k', 'v'].map((part) => `model.layers.1.self_attn.${part}_proj.bias`),
  );
  t.same(
    beside('Qwen3ForCausalLM'),
    ['q', 'k'].map((part) => `model.layers.1.self_attn.${part}_norm.weight`),
  );
});
