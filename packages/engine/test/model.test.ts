/** The decoder against a second implementation and finite differences, the parameter layout, and checkpoints on disk. */
import { mkdir, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { companionFiles, readCheckpoint, writeCheckpoint } from '../dist/model/checkpoint.js';
import { formatModelConfig, parseModelConfig } from '../dist/model/config.js';
import { initialParameters } from '../dist/model/init.js';
import { alignment, parameterLayout, viewOf } from '../dist/model/layout.js';
import { writeSafetensors } from '../dist/model/safetensors.js';
import { TrainingEngine } from '../dist/train/training-engine.js';
import { DoubleGradient, type LossName, referenceModels, relativeError } from './reference-data.js';
import { tinyConfig, tinyLayout, tinyParameters } from './tiny-policy.js';

const lossNames: readonly LossName[] = ['policySum', 'policyMean', 'supervised'];

t.test('loss and gradients in double precision equal those of a second implementation', async (t) => {
  for (const model of referenceModels()) {
    for (const name of lossNames) {
      const double = await DoubleGradient.create(model, name);
      const { loss, gradient } = await double.at(Float64Array.from(model.parameters));
      await double.dispose();
      t.ok(Math.abs(loss - model.losses[name]) < 1e-7 * Math.abs(model.losses[name]), `${model.name} ${name}: loss`);
      for (const tensor of model.layout.tensors) {
        const error = relativeError(viewOf(gradient, tensor), model.gradient(name, tensor.name));
        // The reference is stored in float32.
        t.ok(error < 1e-6, `${model.name} ${name} ${tensor.name}: ${error.toExponential(1)}`);
      }
    }
  }
});

t.test('gradients and log-probs of the training engine (float32) equal those of a second implementation', async (t) => {
  for (const model of referenceModels()) {
    const engine = new TrainingEngine(model.config, model.parameters.slice(), { threads: 1 });
    const { rows, tau, temperature } = model;
    const { logProbs } = await engine.logProbs(rows, { temperature });
    rows.forEach(({ mask }, row) => {
      const expected = model.logProbs[row]!.slice(0, mask.length).map((value, i) => (mask[i] ? value : 0));
      t.ok(relativeError(logProbs[row]!, expected) < 1e-5, `${model.name}: log-probs of row ${row}`);
    });
    const losses = {
      policySum: () => engine.policyGradients(rows, { tau, temperature }),
      policyMean: () => engine.policyGradients(rows, { tau, temperature, logPi: 'mean' }),
      supervised: () => engine.supervisedGradients(rows),
    };
    for (const name of lossNames) {
      engine.dropGradient();
      const { loss } = await losses[name]();
      t.ok(Math.abs(loss - model.losses[name]) < 1e-5 * Math.abs(model.losses[name]), `${model.name} ${name}: loss`);
      for (const tensor of model.layout.tensors) {
        const error = relativeError(viewOf(engine.gradient, tensor), model.gradient(name, tensor.name));
        t.ok(error < 1e-4, `${model.name} ${name} ${tensor.name}: ${error.toExponential(1)}`);
      }
    }
    await engine.dispose();
  }
});

t.test('the gradient of the whole loss agrees with finite differences in double precision', async (t) => {
  const step = 1e-5;
  for (const model of referenceModels()) {
    for (const name of lossNames) {
      const double = await DoubleGradient.create(model, name);
      const parameters = Float64Array.from(model.parameters);
      const { gradient } = await double.at(parameters);
      for (const block of model.layout.blocks) {
        // A few elements of every block.
        for (let i = block.offset; i < block.offset + block.size; i += Math.ceil(block.size / 3)) {
          const here = parameters[i]!;
          parameters[i] = here + step;
          const above = await double.at(parameters);
          parameters[i] = here - step;
          const below = await double.at(parameters);
          parameters[i] = here;
          const numeric = (above.loss - below.loss) / (2 * step);
          const error = Math.abs(gradient[i]! - numeric) / Math.max(1e-3, Math.abs(numeric));
          if (error > 1e-6)
            t.fail(`${model.name} ${name} ${block.key}[${i - block.offset}]: ${gradient[i]} against ${numeric}`);
        }
      }
      t.pass(`${model.name} ${name}`);
      await double.dispose();
    }
  }
});

t.test('layout: Hugging Face names, aligned blocks, fused weights side by side', async (t) => {
  for (const { offset } of tinyLayout.blocks) t.equal(offset % alignment, 0);
  t.equal(tinyLayout.length % alignment, 0);
  const qkv = tinyLayout.blocks.find(({ key }) => key === 'layers.1.qkv')!;
  t.same(
    qkv.tensors.map(({ name }) => name),
    ['q', 'k', 'v'].map((part) => `model.layers.1.self_attn.${part}_proj.weight`),
  );
  t.same(qkv.shape, [(4 + 2 * 2) * 8, 32]);
  for (const [i, { offset, size }] of qkv.tensors.entries()) {
    if (i > 0) t.equal(offset, qkv.tensors[i - 1]!.offset + qkv.tensors[i - 1]!.size);
    t.ok(offset + size <= qkv.offset + qkv.size);
  }
  t.ok(tinyLayout.tensors.some(({ name }) => name === 'lm_head.weight'));
  t.notOk(
    parameterLayout({ ...tinyConfig, tieEmbeddings: true }).tensors.some(({ name }) => name === 'lm_head.weight'),
  );
});

t.test('initial parameters are a function of the seed', async (t) => {
  const first = initialParameters(tinyLayout, 4);
  const equals = (other: Float32Array) => first.every((value, i) => value === other[i]);
  t.ok(equals(initialParameters(tinyLayout, 4)));
  t.notOk(equals(initialParameters(tinyLayout, 5)));
  const norm = tinyLayout.tensors.find(({ name }) => name === 'model.norm.weight')!;
  t.ok(viewOf(first, norm).every((value) => value === 1));
});

t.test('config.json is read as Hugging Face writes it', async (t) => {
  t.same(parseModelConfig(formatModelConfig(tinyConfig)), tinyConfig);
  const fields = JSON.parse(formatModelConfig(tinyConfig));
  const parse = (changes: object) => parseModelConfig(JSON.stringify({ ...fields, ...changes }));
  t.same(parse({ eos_token_id: [2, 3] }).eosTokenIds, [2, 3]);
  t.equal(parse({ head_dim: undefined }).headSize, 8);
  t.throws(() => parse({ architectures: ['MambaForCausalLM'] }), /MambaForCausalLM.*not supported/);
  t.throws(() => parse({ rope_scaling: { type: 'linear' } }), /rope_scaling\.factor must be a number above 0/);
  t.throws(() => parse({ attention_bias: true }), /attention_bias is not supported/);
  t.throws(() => parse({ hidden_act: 'gelu' }), /hidden_act gelu/);
  t.throws(() => parse({ vocab_size: 'many' }), /vocab_size must be a number/);
  t.throws(() => parse({ num_attention_heads: 5 }), /heads \(5\) must be a multiple of kvHeads/);
  t.throws(() => parse({ eos_token_id: 99 }), /must lie in the vocabulary/);
  t.throws(() => parseModelConfig('{'), /not JSON/);
});

t.test('a checkpoint comes back bit by bit, with its companions', async (t) => {
  const folder = join(t.testdir({ 'tokenizer.json': '{"x":1}' }), 'policy');
  const checkpoint = { config: tinyConfig, layout: tinyLayout, parameters: tinyParameters(3) };
  await writeCheckpoint(folder, checkpoint, [join(folder, '../tokenizer.json')]);
  const read = await readCheckpoint(folder);
  t.same(read.config, tinyConfig);
  t.ok(read.parameters.every((value, i) => value === checkpoint.parameters[i]));
  t.same(await companionFiles(folder), [join(folder, 'tokenizer.json')]);
  t.equal(await readFile(join(folder, 'tokenizer.json'), 'utf8'), '{"x":1}');
});

t.test('a folder that holds something is never overwritten, and a failed write leaves nothing behind', async (t) => {
  const parent = t.testdir({ policy: { note: 'kept' } });
  const checkpoint = { config: tinyConfig, layout: tinyLayout, parameters: tinyParameters(3) };
  await t.rejects(writeCheckpoint(join(parent, 'policy'), checkpoint), { code: 'ALREADY_EXISTS' });
  await t.rejects(writeCheckpoint(join(parent, 'new'), checkpoint, [join(parent, 'missing')]), { code: 'NOT_FOUND' });
  t.same(await readdir(parent), ['policy']);
  t.same(await readdir(join(parent, 'policy')), ['note']);
});

t.test('a checkpoint that does not fit is refused with the name of the tensor', async (t) => {
  const parent = t.testdir({});
  const flat = tinyParameters(3);
  const checkpoint = { config: tinyConfig, layout: tinyLayout, parameters: flat };
  const folder = join(parent, 'policy');
  await writeCheckpoint(folder, checkpoint);
  const weights = join(folder, 'model.safetensors');
  const rewrite = async (tensors: typeof tinyLayout.tensors) => {
    await rm(weights);
    await writeSafetensors(weights, tensors, flat);
  };
  const [first, ...others] = tinyLayout.tensors;
  await rewrite(others);
  await t.rejects(readCheckpoint(folder), { code: 'DATA_LOSS', message: /model\.embed_tokens\.weight is missing/ });
  await rewrite([{ ...first!, shape: [first!.shape[1]!, first!.shape[0]!] }, ...others]);
  await t.rejects(readCheckpoint(folder), {
    message: /embed_tokens\.weight has shape \[32,24\], the model needs \[24,32\]/,
  });
  await rewrite([...tinyLayout.tensors, { ...first!, name: 'extra.weight' }]);
  await t.rejects(readCheckpoint(folder), { message: /extra\.weight is not part of the model/ });
  await rewrite(tinyLayout.tensors);
  await truncate(weights, 5000);
  await t.rejects(readCheckpoint(folder), { code: 'DATA_LOSS', message: /is cut off/ });
  await writeFile(weights, 'nonsense, but longer than eight bytes');
  await t.rejects(readCheckpoint(folder), { code: 'DATA_LOSS', message: /no safetensors header/ });
  await rm(weights);
  await t.rejects(readCheckpoint(folder), { code: 'NOT_FOUND' });
  await mkdir(join(parent, 'empty'));
  await t.rejects(readCheckpoint(join(parent, 'empty')), { code: 'NOT_FOUND', message: /config\.json/ });
});
