/**
 * Checkpoints that the transformers library wrote, and what the engine computes from them against what that library computed: every
 * architecture tied and untied, every kind of rotary positions, every element type. The data is that of scripts/reference/checkpoints.py.
 */
import { createHash } from 'node:crypto';
import { copyFile, mkdir, readdir, readFile, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { LocalEngine } from '../dist/generate/local-engine.js';
import { Builder } from '../dist/graph/builder.js';
import { emit } from '../dist/graph/emit.js';
import { Session, tensor } from '../dist/graph/session.js';
import { type Checkpoint, companionFiles, readCheckpoint, writeCheckpoint } from '../dist/model/checkpoint.js';
import {
  causalAttention,
  decoderStack,
  decoderWeights,
  embed,
  logits,
  mergeHeads,
  rotaryTables,
  splitHeads,
} from '../dist/model/decoder.js';
import { viewOf } from '../dist/model/layout.js';
import { readSafetensorsHeader, readTensors } from '../dist/model/safetensors.js';
import { TrainingEngine } from '../dist/train/training-engine.js';
import type { PolicyRow } from '../dist/train/training-types.js';
import { relativeError } from './reference-data.js';
import { generate, request } from './tiny-policy.js';

const root = fileURLToPath(new URL('./data/checkpoints', import.meta.url));
const names = [
  'llama-llama3-untied',
  'llama-linear-tied',
  'qwen2-tied',
  'qwen2-yarn-untied',
  'qwen3-tied',
  'qwen3-untied-sharded',
];

interface Facts {
  readonly tokens: readonly (readonly number[])[];
  readonly mask: readonly (readonly number[])[];
  readonly reference: readonly (readonly number[])[];
  readonly advantages: readonly number[];
  readonly logProbs: readonly (readonly number[])[];
  readonly loss: number;
  readonly gradientNorm: number;
  readonly tau: number;
  readonly temperature: number;
  readonly learningRate: number;
  readonly weightDecay: number;
  readonly maxGradientNorm: number;
  readonly prompt: readonly number[];
  readonly continuation: readonly number[];
}

async function factsOf(name: string): Promise<Facts> {
  return JSON.parse(await readFile(join(root, name, 'reference.json'), 'utf8'));
}

/** The arrays of a safetensors file, by name. */
async function arraysOf(path: string): Promise<ReadonlyMap<string, Float32Array>> {
  const header = await readSafetensorsHeader(path);
  const arrays = new Map<string, Float32Array>();
  for (const [name, { shape }] of header.entries) {
    const size = shape.reduce((product, dim) => product * dim, 1);
    const flat = new Float32Array(size);
    await readTensors(header, [{ name, shape, offset: 0, size }], flat);
    arrays.set(name, flat);
  }
  return arrays;
}

/** Logits of every position of one sequence. */
async function logitsOf({ config, layout, parameters }: Checkpoint, tokens: readonly number[]): Promise<Float32Array> {
  const b = new Builder();
  const weights = decoderWeights(layout, (block) => b.constant('float32', block.shape, viewOf(parameters, block)));
  const input = b.input('tokens', 'int64', ['B', 'T']);
  const tables = rotaryTables(b, config);
  const attend = (qkv: Parameters<Parameters<typeof decoderStack>[4]>[0]) =>
    mergeHeads(b, causalAttention(b, splitHeads(b, config, qkv, ['B', 'T'], b.integers([0]), tables), 'T'));
  b.output('logits', logits(b, weights, decoderStack(b, config, weights, embed(b, weights, input), attend)));
  const session = await Session.create(emit(b));
  const outputs = await session.run({
    tokens: tensor('int64', [1, tokens.length], BigInt64Array.from(tokens, BigInt)),
  });
  await session.dispose();
  return outputs.logits!.data as Float32Array;
}

function rowsOf({ tokens, mask, reference, advantages }: Facts): PolicyRow[] {
  return tokens.map((row, i) => ({
    tokens: Int32Array.from(row),
    mask: Uint8Array.from(mask[i]!),
    advantage: advantages[i]!,
    referenceLogProbs: Float32Array.from(reference[i]!),
  }));
}

/** Largest absolute difference. */
function distance(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  let largest = actual.length === expected.length ? 0 : Number.POSITIVE_INFINITY;
  for (let i = 0; i < expected.length; i++) largest = Math.max(largest, Math.abs(actual[i]! - expected[i]!));
  return largest;
}

for (const name of names) {
  const folder = join(root, name);

  t.test(`${name}: logits and a greedy continuation of 128 tokens`, async (t) => {
    const facts = await factsOf(name);
    const expected = (await arraysOf(join(folder, 'reference.safetensors'))).get('logits')!;
    const checkpoint = await readCheckpoint(folder);
    const error = distance(await logitsOf(checkpoint, [...facts.prompt, ...facts.continuation]), expected);
    t.ok(error <= 1e-4, `logits within ${error.toExponential(1)}`);

    const engine = new LocalEngine({ slots: 1 });
    await engine.loadVersion({ version: 0, folder });
    const ask = request('greedy', {
      promptTokens: Int32Array.from(facts.prompt),
      sampling: { temperature: 0, topK: 0, topP: 1 },
      stopTokens: [],
      budgetTokens: 128,
      capTokens: 128,
    });
    const results = await generate(engine, [ask]);
    await engine.stop();
    t.same(Array.from(results.get('greedy')!.tokens), facts.continuation);
  });

  t.test(`${name}: log-probs, the gradient of the loss, and one optimiser step`, async (t) => {
    const facts = await factsOf(name);
    const arrays = await arraysOf(join(folder, 'reference.safetensors'));
    const { learningRate, maxGradientNorm, weightDecay, temperature, tau } = facts;
    const engine = await TrainingEngine.open(folder, { threads: 1, maxGradientNorm, optimizer: { weightDecay } });
    const rows = rowsOf(facts);
    const { logProbs } = await engine.logProbs(rows, { temperature });
    for (const [row, values] of logProbs.entries()) {
      t.ok(distance(values, facts.logProbs[row]!) <= 1e-4, `log-probs of row ${row}`);
    }
    const { loss } = await engine.policyGradients(rows, { tau, temperature });
    t.ok(Math.abs(loss - facts.loss) <= 1e-5 * Math.abs(facts.loss), `loss ${loss}, expected ${facts.loss}`);
    for (const at of engine.layout.tensors) {
      const error = relativeError(viewOf(engine.gradient, at), arrays.get(`gradient.${at.name}`)!);
      t.ok(error <= 1e-4, `gradient of ${at.name} within ${error.toExponential(1)}`);
    }
    const { gradientNorm } = await engine.step(learningRate);
    t.ok(Math.abs(gradientNorm / facts.gradientNorm - 1) <= 1e-5, `norm ${gradientNorm}`);
    for (const at of engine.layout.tensors) {
      const error = distance(viewOf(engine.parameters, at), arrays.get(`stepped.${at.name}`)!);
      t.ok(error <= 1e-5, `${at.name} after the step within ${error.toExponential(1)}`);
    }
    await engine.dispose();
  });

  t.test(`${name}: goes out as it came in`, async (t) => {
    const parent = t.testdir({});
    const read = await readCheckpoint(folder);
    const fields = JSON.parse(await readFile(join(folder, 'config.json'), 'utf8'));
    t.equal(read.origin?.weightType, fields.dtype);
    for (const weightType of new Set(['float32', read.origin!.weightType] as const)) {
      const out = join(parent, weightType);
      const sums = await writeCheckpoint(out, read, await companionFiles(folder), { weightType });
      t.same(sums, await sumsOf(out, ['model.safetensors']), 'summed while it was written, as it lies there');
      t.same(JSON.parse(await readFile(join(out, 'config.json'), 'utf8')), { ...fields, dtype: weightType });
      t.equal(
        await readFile(join(out, 'generation_config.json'), 'utf8'),
        await readFile(join(folder, 'generation_config.json'), 'utf8'),
      );
      const again = await readCheckpoint(out);
      t.same(again.config, read.config);
      t.ok(
        again.parameters.every((value, i) => value === read.parameters[i]),
        `${weightType}: bit by bit`,
      );
    }
  });
}

t.test('weights in several files: written, read, and linked as a download cache links them', async (t) => {
  const parent = t.testdir({});
  const source = join(root, 'qwen3-untied-sharded');
  const shards = (await readdir(source)).filter((file) => file.startsWith('model'));
  t.ok(shards.length > 2, shards.join());
  const linked = join(parent, 'linked');
  await mkdir(linked);
  for (const file of shards) await symlink(join(source, file), join(linked, file));
  await copyFile(join(source, 'config.json'), join(linked, 'config.json'));
  const read = await readCheckpoint(linked);

  const out = join(parent, 'out');
  const sums = await writeCheckpoint(out, read, [], { weightType: 'bfloat16', maxFileBytes: 4000 });
  const files = (await readdir(out)).sort();
  const weights = files.filter((file) => file.endsWith('.safetensors'));
  t.same(sums, await sumsOf(out, weights));
  t.ok(files.includes('model-00001-of-00003.safetensors'), files.join());
  t.notOk(files.includes('model.safetensors'));
  const again = await readCheckpoint(out);
  t.ok(again.parameters.every((value, i) => value === read.parameters[i]));
});

async function sumsOf(folder: string, files: readonly string[]): Promise<Record<string, string>> {
  const sum = async (file: string) =>
    createHash('sha256')
      .update(await readFile(join(folder, file)))
      .digest('hex');
  return Object.fromEntries(await Promise.all(files.map(async (file) => [file, await sum(file)])));
}
