/** The graph for long rows against the plain one, its gradients against finite differences, and when the engine takes it. */
import { SeededRandom } from '@segue/core';
import t, { type Test } from 'tap';
import { Builder } from '../dist/graph/builder.js';
import { emit } from '../dist/graph/emit.js';
import { Graph } from '../dist/graph/graph.js';
import type { GraphNode } from '../dist/graph/node.js';
import { Session, type Tensors, tensor } from '../dist/graph/session.js';
import { type Dim, factorsOf } from '../dist/graph/tensor-type.js';
import { type PolicyRow, TrainingEngine, TrainingWorker } from '../dist/index.js';
import { blockedAttention } from '../dist/model/blocked-attention.js';
import type { ModelConfig } from '../dist/model/config.js';
import { initialParameters } from '../dist/model/init.js';
import { type ParameterLayout, parameterLayout, viewOf } from '../dist/model/layout.js';
import { microBatches } from '../dist/train/batches.js';
import { attentionBlocks, gradientGraph, logProbGraph, weightInputs } from '../dist/train/graphs.js';
import { type CallBounds, callBounds, cutShard, dealRows } from '../dist/train/shards.js';
import { relativeError } from './reference-data.js';
import { tinyConfig, tinyParameters } from './tiny-policy.js';

const longestRow = 96;

/** One batch of rows of several lengths, padded to a multiple of the block. */
class Batch {
  readonly #random = new SeededRandom(7, 'long rows');
  readonly #rows: readonly number[][];
  readonly #trained: readonly (readonly [row: number, token: number])[];
  readonly #values: readonly number[];

  constructor(lengths: readonly number[]) {
    this.#rows = lengths.map((length) => Array.from({ length }, () => this.#random.below(tinyConfig.vocabularySize)));
    const all = this.#rows.flatMap((tokens, row) => tokens.map((_, token) => [row, token] as const));
    this.#trained = all.filter(([, token]) => token > 2);
    this.#values = this.#trained.map(() => this.#random.normal());
  }

  /** @param block 0 for the plain graph */
  feeds(block: number): Tensors {
    const multiple = block > 0 ? block : attentionBlocks;
    const length = Math.ceil(Math.max(...this.#rows.map((row) => row.length)) / multiple) * multiple;
    const blocks = block > 0 ? length / block : attentionBlocks;
    const tokens = new BigInt64Array(this.#rows.length * length);
    this.#rows.forEach((row, at) => {
      tokens.set(row.map(BigInt), at * length);
    });
    const int64 = (values: readonly number[]) => tensor('int64', [values.length], BigInt64Array.from(values, BigInt));
    const floats = (values: readonly number[]) => tensor('float32', [values.length], Float32Array.from(values));
    return {
      tokens: tensor('int64', [this.#rows.length, blocks, length / blocks], tokens),
      positions: int64(this.#trained.map(([row, token]) => row * length + token - 1)),
      targets: int64(this.#trained.map(([row, token]) => this.#rows[row]![token]!)),
      rowOf: int64(this.#trained.map(([row]) => row)),
      inverseTemperature: tensor('float32', [], Float32Array.of(0.8)),
      tau: tensor('float32', [], Float32Array.of(0.3)),
      scale: floats(this.#rows.map(() => 1 / this.#rows.length)),
      lengths: floats(this.#rows.map((row) => row.length)),
      advantages: floats(this.#rows.map((_, row) => 1 - 0.7 * row)),
      referenceLogProbs: floats(this.#values.map((value) => -2 + value)),
      weights: floats(this.#values.map((value) => 1 / (1 + value * value))),
    };
  }
}

async function run(layout: ParameterLayout, parameters: Float32Array, batch: Batch, longBlock: number) {
  const weights = weightInputs(layout).map(
    (at) => [at.name, tensor('float32', at.shape, viewOf(parameters, at))] as const,
  );
  const session = await Session.create(emit(gradientGraph(layout, 'policy', { longBlock })));
  const outputs = await session.run({ ...batch.feeds(longBlock), ...Object.fromEntries(weights) });
  await session.dispose();
  return outputs;
}

function requireSame(t: Test, actual: Tensors, expected: Tensors, what: string): void {
  const errors = Object.entries(expected).map(([name, { data }]) => ({
    name,
    error: relativeError(actual[name]!.data as Float32Array, data as Float32Array),
  }));
  // Written so that an error that is no number fails.
  const wrong = errors.filter(({ error }) => !(error < 1e-4));
  t.same(wrong, [], what);
}

const models: Readonly<Record<string, ModelConfig>> = {
  'untied, 2 query heads per key-value head': tinyConfig,
  'tied, one key-value head': { ...tinyConfig, tieEmbeddings: true, kvHeads: 1, layers: 3 },
  'large vocabulary, head per head': { ...tinyConfig, kvHeads: 4, vocabularySize: 1000 },
  'Qwen2, with biases': { ...tinyConfig, architecture: 'Qwen2ForCausalLM' },
  'Qwen3, with norms of query and key heads': { ...tinyConfig, architecture: 'Qwen3ForCausalLM' },
};

t.test('outputs and gradients are those of the plain graph, whatever the block', async (t) => {
  for (const [name, config] of Object.entries(models)) {
    const layout = parameterLayout(config);
    const parameters = initialParameters(layout, 3, { deviation: 0.35 });
    const batch = new Batch([longestRow, 61, 4]);
    const plain = await run(layout, parameters, batch, 0);
    // 96 tokens are one block, several, or several and a part of one: with 36 and 40 the last block ends past the longest sequence.
    for (const block of config === tinyConfig ? [8, 32, 36, 40, longestRow] : [36]) {
      requireSame(t, await run(layout, parameters, batch, block), plain, `${name}, block ${block}`);
    }
  }
});

t.test('a single row and a single block agree too', async (t) => {
  const layout = parameterLayout(tinyConfig);
  const parameters = tinyParameters(5);
  const batch = new Batch([17]);
  const plain = await run(layout, parameters, batch, 0);
  for (const block of [4, 17, 32]) requireSame(t, await run(layout, parameters, batch, block), plain, `block ${block}`);
});

t.test('gradients agree with finite differences in double precision', async (t) => {
  const config = { ...tinyConfig, hiddenSize: 8, headSize: 4, heads: 2, kvHeads: 1, intermediateSize: 8 };
  const layout = parameterLayout(config);
  const double = (values: ArrayLike<number>, shape: readonly number[]) =>
    tensor('float64', shape, Float64Array.from(values));
  const feeds = Object.fromEntries(
    Object.entries(new Batch([13, 9]).feeds(4)).map(([name, value]) => [
      name,
      value.type === 'int64' ? value : double(value.data as Float32Array, value.dims),
    ]),
  );
  const graph = gradientGraph(layout, 'policy', { dtype: 'float64', longBlock: 4 });
  const session = await Session.create(emit(graph), { optimize: false });
  const parameters = Float64Array.from(initialParameters(layout, 3, { deviation: 0.5 }));
  const at = async () => {
    const weights = weightInputs(layout).map((one) => [one.name, double(viewOf(parameters, one), one.shape)] as const);
    const outputs = await session.run({ ...feeds, ...Object.fromEntries(weights) });
    return { outputs, loss: (outputs.rowLosses!.data as Float64Array).reduce((sum, value) => sum + value, 0) };
  };
  const { outputs } = await at();
  const random = new SeededRandom(1, 'differences');
  for (const one of weightInputs(layout)) {
    const gradient = outputs[`gradient.${one.name}`]!.data as Float64Array;
    // Along a random direction: every element of the gradient counts.
    const direction = Float64Array.from({ length: one.size }, () => random.normal());
    const along = gradient.reduce((sum, value, i) => sum + value * direction[i]!, 0);
    const step = 1e-5;
    const move = (by: number) => {
      direction.forEach((value, i) => {
        parameters[one.offset + i]! += by * value;
      });
    };
    move(step);
    const above = (await at()).loss;
    move(-2 * step);
    const below = (await at()).loss;
    move(step);
    const difference = (above - below) / (2 * step);
    const error = Math.abs(difference - along) / Math.max(1, Math.abs(along));
    t.ok(error < 1e-7, `${one.name}: ${along} along a direction, ${difference} by differences`);
  }
  await session.dispose();
});

/** Values of a graph and of the loop bodies inside. */
function valuesOf(graph: Graph): { readonly shape: readonly Dim[]; readonly node: GraphNode }[] {
  return graph.nodes.flatMap((node) => [
    ...node.outputs.map(({ shape }) => ({ shape, node })),
    ...Object.values(node.attributes).flatMap((attribute) => (attribute instanceof Graph ? valuesOf(attribute) : [])),
  ]);
}

t.test('no value grows with the square of the length, and logits never exist whole', async (t) => {
  const layout = parameterLayout({ ...tinyConfig, vocabularySize: 4096 });
  for (const graph of [logProbGraph(layout, { longBlock: 8 }), gradientGraph(layout, 'policy', { longBlock: 8 })]) {
    const tooLarge = valuesOf(graph).filter(({ shape }) => {
      const symbols = shape.flatMap((dim) => factorsOf(dim).symbols);
      const lengths = symbols.filter((symbol) => symbol.includes('blocks'));
      return lengths.length > 1 || (symbols.includes('N') && shape.includes(4096));
    });
    t.same(
      tooLarge.map(({ node, shape }) => `${node.name} [${shape}]`),
      [],
    );
  }
  const plain = valuesOf(logProbGraph(layout)).some(
    ({ shape }) => shape.flatMap((dim) => factorsOf(dim).symbols).filter((symbol) => symbol === 'Q').length > 1,
  );
  t.ok(plain, 'the same look finds the scores of the plain graph');
});

t.test('the keys after a query weigh nothing, however large their scores', async (t) => {
  const b = new Builder();
  const [blocks, size, width] = [3, 4, 2];
  const shape = [blocks, 1, size, width];
  const [q, k, v] = ['q', 'k', 'v'].map((name) => b.input(name, 'float32', ['n', 1, size, width]));
  const { output, logSums } = blockedAttention(b, { q: q!, k: k!, v: v! });
  b.output('output', output);
  b.output('logSums', logSums);
  const session = await Session.create(emit(b));
  const count = blocks * size;
  // Scores rise by 40 from key to key: each query sees its own key alone, and sums of exp(score) would overflow.
  const rising = Float32Array.from({ length: count * width }, (_, i) =>
    i % width === 0 ? Math.floor(i / width) * 40 : 0,
  );
  const queries = Float32Array.from({ length: count * width }, (_, i) => (i % width === 0 ? Math.SQRT2 : 0));
  const values = Float32Array.from({ length: count * width }, (_, i) => i);
  const outputs = await session.run({
    q: tensor('float32', shape, queries),
    k: tensor('float32', shape, rising),
    v: tensor('float32', shape, values),
  });
  t.ok(relativeError(outputs.output!.data as Float32Array, values) < 1e-6);
  const expected = Array.from({ length: count }, (_, i) => 40 * i);
  t.ok(relativeError(outputs.logSums!.data as Float32Array, expected) < 1e-6);
  await session.dispose();
});

function policyRows(count: number): PolicyRow[] {
  const random = new SeededRandom(4, 'policy rows');
  return Array.from({ length: count }, (_, i) => {
    const length = 10 + 8 * i;
    return {
      tokens: Int32Array.from({ length }, () => random.below(tinyConfig.vocabularySize)),
      mask: new Uint8Array(length).fill(1, 3),
      advantage: random.normal(),
      referenceLogProbs: Float32Array.from({ length }, () => -3 + random.normal()),
    };
  });
}

t.test('the engine takes each row through the graph for its length, to the same end', async (t) => {
  const rows = policyRows(8);
  const options = { threads: 1, maxTokensPerMicroBatch: 128 };
  const results = [];
  for (const longRowTokens of [1024, 40, 1]) {
    const engine = new TrainingEngine(tinyConfig, tinyParameters(1), { ...options, longRowTokens });
    const { logProbs, entropy } = await engine.logProbs(rows);
    const { loss, logRatios, paddedTokens } = await engine.policyGradients(rows, { tau: 0.2 });
    results.push({ gradient: engine.gradient.slice(), logProbs, entropy, loss, logRatios, paddedTokens });
    await engine.dispose();
  }
  const [plain, ...others] = results;
  t.ok(results[1]!.paddedTokens > plain!.paddedTokens, 'rows of 42 tokens and more fill blocks of 256');
  for (const other of others) {
    t.ok(relativeError(other.gradient, plain!.gradient) < 1e-4);
    t.ok(relativeError(other.logRatios, plain!.logRatios) < 1e-4);
    other.logProbs.forEach((values, row) => {
      t.ok(relativeError(values, plain!.logProbs[row]!) < 1e-4);
    });
    t.ok(Math.abs(other.entropy - plain!.entropy) < 1e-5);
    t.ok(Math.abs(other.loss - plain!.loss) < 1e-5 * Math.abs(plain!.loss));
  }
});

/** Bounds under which a token costs one. */
const bounds = (longTokens: number, work: number): CallBounds => ({
  longTokens,
  work,
  workPerToken: () => 1,
  batches: { maxTokens: 2048, lengthMultiple: 8, longRowTokens: 1024, maxPositions: tinyConfig.maxPositions },
});
const lengthsOf = (parts: readonly { readonly rows: readonly PolicyRow[] }[]) =>
  parts.map(({ rows }) => rows.map(({ tokens }) => tokens.length));

t.test('rows that take long go in calls of their own, each once', async (t) => {
  const { rows } = dealRows(policyRows(6), 1)[0]!;
  const shard = { rows, indices: [5, 3, 1, 0, 2, 4] };
  const parts = cutShard(shard, bounds(30, 1e9));
  t.same(lengthsOf(parts), [[50], [42], [34], [26, 18, 10]]);
  t.same(
    parts.flatMap(({ indices }) => indices),
    shard.indices,
  );
  t.same(cutShard(shard, bounds(8192, 1e9)), [shard], 'short rows stay together');
  const none = { rows: [], indices: [] };
  t.same(cutShard(none, bounds(8192, 1)), [none], 'a thread without rows is asked all the same');
  const onlyLong = { rows: rows.slice(0, 2), indices: [5, 3] };
  t.equal(cutShard(onlyLong, bounds(30, 1e9)).length, 2);
});

t.test('short rows go in as many calls as their work asks for, by whole micro-batches, each row once', async (t) => {
  const many = Array.from({ length: 40 }, (_, i) => policyRows(6)[(i * 5) % 6]!);
  const shard = { rows: many, indices: many.map((_, i) => i) };
  const batches = { ...bounds(8192, 1).batches, maxTokens: 128 };
  const parts = cutShard(shard, { ...bounds(8192, 400), batches });
  t.ok(parts.length > 3);
  t.same(
    parts.flatMap(({ indices }) => indices).sort((a, b) => a - b),
    shard.indices,
  );
  const cut = parts.flatMap(({ rows }) =>
    microBatches(rows, batches).map(({ indices, length }) => [indices.length, length]),
  );
  t.same(
    cut,
    microBatches(many, batches).map(({ indices, length }) => [indices.length, length]),
    'the micro-batches are those of all rows',
  );
  const untrained = { ...many[0]!, mask: new Uint8Array(many[0]!.tokens.length) };
  const whole = cutShard({ rows: [untrained, ...many], indices: [0, ...many.map((_, i) => i + 1)] }, bounds(8192, 400));
  t.ok(whole.flatMap(({ indices }) => indices).includes(0), 'a row of which nothing is trained is answered too');

  // However many rows there are, a call of a large model takes one of 8,000 tokens.
  const row = { tokens: new Int32Array(8000), mask: new Uint8Array(8000).fill(1, 1) };
  const layout = parameterLayout({ ...tinyConfig, maxPositions: 8192 });
  const rows = Array.from({ length: 5000 }, () => row);
  const large = cutShard({ rows, indices: rows.map((_, i) => i) }, callBounds({ ...layout, parameters: 5e8 }, {}, 1));
  t.equal(large.length, 5000);
  const short = Array.from({ length: 64 }, () => policyRows(6)[5]!);
  const shorts = { rows: short, indices: short.map((_, i) => i) };
  const few = cutShard(shorts, callBounds({ ...layout, parameters: 5e8 }, {}, 1));
  t.same(
    new Set(few.map(({ rows }) => rows.length)),
    new Set([4]),
    'a large model takes 256 tokens a call, padded to 56 a row',
  );
  t.equal(cutShard(shorts, callBounds({ ...layout, parameters: 8e5 }, {}, 1)).length, 1, 'a small one all of them');
  const step = { tokens: new Int32Array(500), mask: new Uint8Array(500).fill(1, 1) };
  const steps = Array.from({ length: 512 }, () => step);
  const ofGpu = callBounds({ ...layout, parameters: 5e8 }, { device: 'cuda' }, 1);
  t.equal(cutShard({ rows: steps, indices: steps.map((_, i) => i) }, ofGpu).length, 1, 'a step is one run there');
});

t.test('steps in many calls are those of one call', async (t) => {
  const rows = Array.from({ length: 24 }, (_, i) => policyRows(6)[i % 6]!);
  const steps = [];
  for (const callWork of [2 ** 34, 1]) {
    const worker = await TrainingWorker.start({
      source: { config: tinyConfig, seed: 1 },
      options: { threads: 1, maxTokensPerMicroBatch: 128, callWork },
    });
    const step = worker.policyStep(rows, { tau: 0.2, learningRate: 1e-3 });
    await new Promise((resolve) => setImmediate(resolve));
    const name = worker.oldestCall?.name;
    const first = await step;
    const second = await worker.supervisedStep(rows, 1e-3);
    steps.push({ name, first, second });
    await worker.stop();
  }
  const [one, many] = steps;
  t.same([one!.name, many!.name], ['policyStep', 'policyGradients']);
  for (const of of ['first', 'second'] as const) {
    t.ok(Math.abs(one![of].gradientNorm / many![of].gradientNorm - 1) < 1e-5);
    t.ok(Math.abs(one![of].loss - many![of].loss) < 1e-5);
    t.same([many![of].rows, many![of].steps], [one![of].rows, one![of].steps]);
  }
});

t.test('one thread steps in one call unless a row goes alone', async (t) => {
  const config = { ...tinyConfig, maxPositions: 8200 };
  const worker = await TrainingWorker.start({ source: { config, seed: 1 }, options: { threads: 1 } });
  const short = policyRows(2);
  // Long by its tokens; few of them are computed, since none is trained after the tenth.
  const long: PolicyRow = {
    ...short[0]!,
    tokens: new Int32Array(8193).fill(3),
    mask: new Uint8Array(8193).fill(1, 3, 10),
    referenceLogProbs: new Float32Array(8193).fill(-3),
  };
  const options = { tau: 0.2, learningRate: 1e-3 };
  const firstCall = async (step: Promise<{ readonly rows: number; readonly steps: number }>) => {
    await new Promise((resolve) => setImmediate(resolve));
    const name = worker.oldestCall?.name;
    return [name, (await step).rows];
  };
  t.same(await firstCall(worker.policyStep(short, options)), ['policyStep', 2]);
  t.same(await firstCall(worker.policyStep([...short, long], options)), ['policyGradients', 3]);
  t.same(await firstCall(worker.supervisedStep(short, 1e-3)), ['supervisedStep', 2]);
  t.same(await firstCall(worker.supervisedStep([...short, long], 1e-3)), ['supervisedGradients', 3]);
  t.equal((await worker.policyStep([long], { ...options, thenReset: true })).steps, 5);
  t.equal((await worker.policyStep([long], options)).steps, 1, 'the optimiser begins anew after a reset');
  await worker.stop();
});

t.test('long rows give the same bits each time, and on data-parallel threads the same steps', async (t) => {
  const rows = policyRows(4);
  const engine = new TrainingEngine(tinyConfig, tinyParameters(1), { threads: 2, longRowTokens: 16 });
  const gradients: Buffer[] = [];
  for (let round = 0; round < 3; round++) {
    engine.dropGradient();
    await engine.policyGradients(rows, { tau: 0.2 });
    gradients.push(Buffer.from(engine.gradient.slice().buffer));
  }
  t.ok(gradients.every((bits) => bits.equals(gradients[0]!)));
  const worker = await TrainingWorker.start({
    source: { config: tinyConfig, seed: 1 },
    options: { threads: 2, longRowTokens: 16 },
  });
  const alone = await TrainingWorker.start({
    source: { config: tinyConfig, seed: 1 },
    options: { threads: 1, longRowTokens: 1024 },
  });
  const norms: number[] = [];
  for (const one of [worker, alone]) {
    await one.policyGradients(rows, { tau: 0.2 });
    norms.push((await one.step(1e-3)).gradientNorm);
  }
  t.ok(Math.abs(norms[0]! / norms[1]! - 1) < 1e-5);
  await Promise.all([engine.dispose(), worker.stop(), alone.stop()]);
});
