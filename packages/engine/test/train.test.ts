/** Losses, batches, optimiser, the training engine and its thread. */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { SegueError } from '@segue/core';
import t from 'tap';
import { Session } from '../dist/graph/session.js';
import { LocalEngine, type PolicyRow, type TokenRow, TrainingEngine, TrainingWorker } from '../dist/index.js';
import { AdamW, clippingScale, globalNorm } from '../dist/train/adamw.js';
import { microBatches } from '../dist/train/batches.js';
import { dealRows, planThreads } from '../dist/train/shards.js';
import { relativeError } from './reference-data.js';
import { tinyConfig, tinyLayout, tinyParameters, writeTinyPolicy } from './tiny-policy.js';
import { policyRows, someRows } from './tiny-rows.js';

const tinyEngine = (options = {}) => new TrainingEngine(tinyConfig, tinyParameters(1), { threads: 1, ...options });
const sameBits = (a: Float32Array, b: Float32Array) => a.length === b.length && a.every((value, i) => value === b[i]);

t.test('micro-batches: no row is split, padding is bounded, every row with a marked token comes once', async (t) => {
  const rows = someRows(50);
  rows[7]!.mask.fill(0);
  const limits = { maxTokens: 128, lengthMultiple: 8, longRowTokens: 1024, maxPositions: tinyConfig.maxPositions };
  const batches = microBatches(rows, limits);
  const indices = batches.flatMap((batch) => batch.indices);
  t.same(
    [...indices].sort((a, b) => a - b),
    rows.map((_, i) => i).filter((i) => i !== 7),
  );
  for (const { indices, length } of batches) {
    t.ok(indices.length === 1 || indices.length * length <= limits.maxTokens);
    t.equal(length % limits.lengthMultiple, 0);
    for (const index of indices) t.ok(rows[index]!.tokens.length - 1 <= length);
  }
});

t.test('a graph that could not be compiled is tried again, and nothing of it stays', async (t) => {
  const engine = tinyEngine();
  const create = Session.create;
  const fail = () => {
    Session.create = async () => {
      throw new SegueError('RESOURCE_EXHAUSTED', 'no memory');
    };
  };
  t.teardown(() => {
    Session.create = create;
  });
  fail();
  await t.rejects(engine.logProbs(someRows(2)), { code: 'RESOURCE_EXHAUSTED' });
  Session.create = create;
  t.equal((await engine.logProbs(someRows(2))).logProbs.length, 2);
  fail();
  await t.rejects(engine.supervisedGradients(someRows(2)), { code: 'RESOURCE_EXHAUSTED' });
  await engine.dispose();
});

t.test('gradients do not depend on how rows fall into micro-batches', async (t) => {
  const [whole, parts] = [tinyEngine({ maxTokensPerMicroBatch: 4096 }), tinyEngine({ maxTokensPerMicroBatch: 96 })];
  const rows = await policyRows(whole, someRows(20));
  const one = await whole.policyGradients(rows, { tau: 0.2 });
  const many = await parts.policyGradients(rows, { tau: 0.2 });
  t.equal(one.microBatches, 1);
  t.ok(many.microBatches > 5);
  t.ok(relativeError(parts.gradient, whole.gradient) < 1e-5);
  t.ok(Math.abs(one.loss - many.loss) < 1e-5);
  t.ok(relativeError(many.logRatios, one.logRatios) < 1e-4);
  // In two calls under the whole step's normalizer as well.
  whole.dropGradient();
  await whole.policyGradients(rows.slice(0, 5), { tau: 0.2, normalizer: 20 });
  await whole.policyGradients(rows.slice(5), { tau: 0.2, normalizer: 20 });
  t.ok(relativeError(whole.gradient, parts.gradient) < 1e-5);
  await Promise.all([whole.dispose(), parts.dispose()]);
});

t.test('the same inputs give the same bits at one and at two threads', async (t) => {
  for (const threads of [1, 2]) {
    const engine = tinyEngine({ threads, maxTokensPerMicroBatch: 256 });
    const rows = await policyRows(engine, someRows(20));
    await engine.policyGradients(rows, { tau: 0.2 });
    const first = engine.gradient.slice();
    for (let run = 0; run < 3; run++) {
      engine.dropGradient();
      await engine.policyGradients(rows, { tau: 0.2 });
      t.ok(sameBits(first, engine.gradient), `${threads} threads`);
    }
    await engine.dispose();
  }
});

t.test('importance weights multiply the first term alone', async (t) => {
  const engine = tinyEngine();
  const rows = await policyRows(engine, someRows(4));
  const gradientOf = async (changes: (row: PolicyRow) => Partial<PolicyRow>, tau: number) => {
    engine.dropGradient();
    await engine.policyGradients(
      rows.map((row) => ({ ...row, ...changes(row) })),
      { tau },
    );
    return engine.gradient.slice();
  };
  const halved = (row: PolicyRow) => ({ weights: new Float32Array(row.tokens.length).fill(0.5) });
  // tau 0: the first term alone, so half the weight is half the advantage.
  t.ok(
    relativeError(await gradientOf(halved, 0), await gradientOf((row) => ({ advantage: row.advantage / 2 }), 0)) < 1e-6,
  );
  // No advantage: the squared term alone, which weights leave as it is.
  const squaredOnly = await gradientOf(() => ({ advantage: 0 }), 0.3);
  t.ok(sameBits(await gradientOf((row) => ({ ...halved(row), advantage: 0 }), 0.3), squaredOnly));
  t.ok(globalNorm(squaredOnly) > 0);
  await engine.dispose();
});

t.test(
  'at the reference the squared term has no gradient, and its weight is the squared sum over the response',
  async (t) => {
    const engine = tinyEngine();
    const rows = await policyRows(engine, someRows(4));
    const { logProbs } = await engine.logProbs(rows);
    const shifted = rows.map((row, i) => ({
      ...row,
      advantage: 0,
      referenceLogProbs: logProbs[i]!.map((value) => value - 0.01),
    }));
    const { loss, logRatios } = await engine.policyGradients(shifted, { tau: 0.5 });
    const counts = rows.map(({ tokens }) => tokens.length - 3);
    t.ok(
      relativeError(
        logRatios,
        counts.map((count) => 0.01 * count),
      ) < 1e-3,
    );
    const expected = counts.reduce((sum, count) => sum + 0.25 * (0.01 * count) ** 2, 0) / rows.length;
    t.ok(Math.abs(loss - expected) < 1e-4 * expected, 'one square per response, not one per token');
    engine.dropGradient();
    const at = rows.map((row, i) => ({ ...row, advantage: 0, referenceLogProbs: logProbs[i]! }));
    t.equal((await engine.policyGradients(at, { tau: 0.5 })).squaredLogRatio < 1e-9, true);
    t.ok(globalNorm(engine.gradient) < 1e-4);
    await engine.dispose();
  },
);

t.test('log-probs are those at the sampling temperature', async (t) => {
  const engine = tinyEngine();
  const [row] = someRows(1);
  const all = async (temperature: number) => {
    const rows = Array.from({ length: tinyConfig.vocabularySize }, (_, token) => {
      const tokens = row!.tokens.slice(0, 4);
      tokens[3] = token;
      return { tokens, mask: Uint8Array.of(0, 0, 0, 1) };
    });
    return (await engine.logProbs(rows, { temperature })).logProbs.map((values) => values[3]!);
  };
  const [warm, plain] = [await all(0.5), await all(1)];
  t.ok(Math.abs(warm.reduce((sum, value) => sum + Math.exp(value), 0) - 1) < 1e-5);
  // softmax(z / 0.5) is softmax(z)^2, normalised.
  const norm = Math.log(plain.reduce((sum, value) => sum + Math.exp(2 * value), 0));
  t.ok(
    relativeError(
      warm,
      plain.map((value) => 2 * value - norm),
    ) < 1e-5,
  );
  await t.rejects(engine.logProbs([row!], { temperature: 0 }), { code: 'INVALID_INPUT' });
  await engine.dispose();
});

t.test('AdamW follows its definition, and starts again after a reset', async (t) => {
  const ranges = [
    { offset: 0, size: 2, decays: true },
    { offset: 2, size: 1, decays: false },
  ];
  const optimizer = new AdamW(4, ranges, { beta1: 0.8, beta2: 0.9, epsilon: 1e-6, weightDecay: 0.1 });
  const parameters = Float32Array.of(1, -2, 3, 5);
  const gradients = [Float32Array.of(0.5, -1, 0.25, 9), Float32Array.of(-0.5, 2, 0.25, 9)];
  const expected = [1, -2, 3];
  const [mean, square] = [
    [0, 0, 0],
    [0, 0, 0],
  ];
  gradients.forEach((gradient, step) => {
    optimizer.step(parameters, gradient, 0.01, 0.5);
    for (let i = 0; i < 3; i++) {
      const g = 0.5 * gradient[i]!;
      mean[i] = 0.8 * mean[i]! + 0.2 * g;
      square[i] = 0.9 * square[i]! + 0.1 * g * g;
      const corrected = mean[i]! / (1 - 0.8 ** (step + 1)) / (Math.sqrt(square[i]! / (1 - 0.9 ** (step + 1))) + 1e-6);
      expected[i] = expected[i]! * (i < 2 ? 1 - 0.01 * 0.1 : 1) - 0.01 * corrected;
    }
  });
  t.ok(relativeError(parameters.subarray(0, 3), expected) < 1e-6);
  t.equal(parameters[3], 5, 'a gap stays as it is');
  optimizer.reset();
  t.equal(optimizer.steps, 0);
  const before = parameters[2]!;
  optimizer.step(parameters, gradients[0]!, 0.01);
  t.ok(Math.abs(parameters[2]! - (before - 0.01)) < 1e-6, 'the first step has the length of the learning rate');
});

t.test('a gradient is clipped to the norm, and one that is not finite is refused', async (t) => {
  t.equal(globalNorm(Float32Array.of(3, 4)), 5);
  t.equal(clippingScale(5, 1), 0.2);
  t.equal(clippingScale(0.5, 1), 1);
  t.throws(() => clippingScale(Number.NaN, 1), { code: 'FAILED_PRECONDITION' });
  const engine = tinyEngine({ maxGradientNorm: 1e-3 });
  await engine.supervisedGradients(someRows(4));
  t.ok((await engine.step(0)).clipped);
  await t.rejects(engine.step(0), { code: 'FAILED_PRECONDITION', message: /no gradient/ });
  await engine.dispose();
});

t.test('supervised steps learn, and the objective moves log-probs towards the advantage', async (t) => {
  const engine = tinyEngine({ maxGradientNorm: 10 });
  const rows = someRows(4);
  const first = await engine.supervisedStep(rows, 3e-3);
  for (let step = 0; step < 25; step++) await engine.supervisedStep(rows, 3e-3);
  const { loss } = await engine.supervisedGradients(rows);
  t.ok(loss < 0.5 * first.loss, `${first.loss} -> ${loss}`);
  engine.dropGradient();
  engine.resetOptimizer();
  const { logProbs } = await engine.logProbs(rows);
  const signed = rows.map((row, i) => ({ ...row, advantage: i < 2 ? 1 : -1, referenceLogProbs: logProbs[i]! }));
  for (let step = 0; step < 3; step++) {
    await engine.policyGradients(signed, { tau: 0.1 });
    await engine.step(2e-4);
  }
  const { logRatios } = await engine.policyGradients(signed, { tau: 0.1 });
  t.ok(logRatios[0]! > 0 && logRatios[1]! > 0 && logRatios[2]! < 0 && logRatios[3]! < 0);
  await engine.dispose();
});

t.test('log-probs of the actor and of the trainer agree to float rounding', async (t) => {
  const folder = await writeTinyPolicy(join(t.testdir({}), 'policy'));
  const actor = new LocalEngine({ slots: 6 });
  await actor.start();
  await actor.loadVersion({ version: 1, folder });
  const promptTokens = Int32Array.of(4, 9, 2);
  const temperature = 0.9;
  await actor.admit(
    Array.from({ length: 6 }, (_, i) => ({
      id: `sequence-${i}`,
      promptKey: 'prompt',
      promptTokens,
      responseTokens: new Int32Array(0),
      seed: 5,
      sampling: { temperature, topK: 0, topP: 1 },
      stopTokens: [0],
      budgetTokens: 80,
      capTokens: 80,
      lastSpan: true,
      repeat: null,
    })),
  );
  const finished = [];
  for (let running = 1; running > 0; ) {
    const report = await actor.generateChunk();
    finished.push(...report.finished);
    running = report.running;
  }
  await actor.stop();
  const trainer = await TrainingEngine.open(folder, { threads: 1 });
  const rows = finished.map(({ tokens }) => {
    const all = Int32Array.of(...promptTokens, ...tokens);
    return { tokens: all, mask: new Uint8Array(all.length).fill(1, promptTokens.length) };
  });
  const { logProbs, tokens } = await trainer.logProbs(rows, { temperature });
  t.ok(tokens > 50);
  finished.forEach((result, i) => {
    result.logProbs.forEach((value, at) => {
      const difference = Math.abs(value - logProbs[i]![promptTokens.length + at]!);
      if (difference > 2e-5) t.fail(`token ${at} of ${result.id} differs by ${difference}`);
    });
  });
  await trainer.dispose();
});

t.test('rows that do not fit are refused by number', async (t) => {
  const engine = tinyEngine();
  const good = { tokens: Int32Array.of(1, 2, 3), mask: Uint8Array.of(0, 1, 1) };
  const refuse = (row: TokenRow, message: RegExp) =>
    t.rejects(engine.logProbs([good, row]), { code: 'INVALID_INPUT', message });
  await refuse({ tokens: Int32Array.of(1, 99), mask: Uint8Array.of(0, 1) }, /row 1: has token 99/);
  await refuse({ tokens: new Int32Array(97), mask: new Uint8Array(97) }, /row 1: has 97 tokens, the model takes 96/);
  await refuse({ tokens: Int32Array.of(1, 2), mask: Uint8Array.of(0) }, /row 1: has 2 tokens but a mask of 1/);
  await refuse({ tokens: Int32Array.of(1, 2), mask: Uint8Array.of(1, 1) }, /row 1: marks its first token/);
  const short = { ...good, advantage: 1, referenceLogProbs: new Float32Array(1) };
  await t.rejects(engine.policyGradients([short], { tau: 0 }), { code: 'INVALID_INPUT', message: /row 0/ });
  await engine.dispose();
});

t.test('the worker does what the engine does, on one thread and on three, the same bits each time', async (t) => {
  const parent = t.testdir({});
  const folder = await writeTinyPolicy(join(parent, 'policy'));
  const engine = tinyEngine();
  const rows = await policyRows(engine, someRows(13));
  const expected = await engine.policyGradients(rows, { tau: 0.2, temperature: 0.8 });
  const gradient = engine.gradient.slice();
  const expectedStep = await engine.step(1e-2);
  const parameters: Float32Array[] = [];
  for (const threads of [1, 3, 3]) {
    const worker = await TrainingWorker.start({ source: { folder }, options: { threads } });
    t.equal((await worker.status()).parameters, tinyLayout.parameters);
    const result = await worker.policyGradients(rows, { tau: 0.2, temperature: 0.8 });
    t.ok(Math.abs(result.loss - expected.loss) < 1e-5);
    t.ok(Math.abs(result.entropy - expected.entropy) < 1e-4);
    t.ok(Math.abs(result.squaredLogRatio - expected.squaredLogRatio) < 1e-4 * expected.squaredLogRatio);
    t.same([result.rows, result.tokens], [expected.rows, expected.tokens]);
    t.ok(relativeError(result.logRatios, expected.logRatios) < 1e-4);
    rows.forEach((_, row) => {
      t.ok(relativeError(result.logProbs[row]!, expected.logProbs[row]!) < 1e-5, 'each row has its own log-probs');
    });
    const { gradientNorm } = await worker.step(1e-2);
    t.ok(Math.abs(gradientNorm - expectedStep.gradientNorm) < 1e-4 * expectedStep.gradientNorm);
    await t.rejects(worker.step(1e-2), { code: 'FAILED_PRECONDITION' }, 'the gradient was used up');
    // The second step shows that the helpers have the parameters of the first.
    await worker.supervisedStep(rows, 1e-2);
    const next = join(parent, `next-${parameters.length}`);
    await worker.save(next);
    await worker.stop();
    const saved = await TrainingEngine.open(next);
    parameters.push(saved.parameters);
  }
  await engine.supervisedStep(rows, 1e-2);
  t.ok(globalNorm(gradient) > 0);
  t.ok(sameBits(parameters[0]!, engine.parameters), 'one thread: the bits of the engine');
  t.ok(sameBits(parameters[1]!, parameters[2]!), 'three threads: the same bits again');
  const before = tinyParameters(1);
  const change = (to: Float32Array) => to.map((value, i) => value - before[i]!);
  t.ok(
    relativeError(change(parameters[1]!), change(engine.parameters)) < 0.05,
    'as far as Adam is stable under rounding',
  );
  await engine.dispose();
});

t.test('the worker names the row of the caller, runs calls in order, and ends only after its work', async (t) => {
  const parent = t.testdir({});
  const source = { folder: await writeTinyPolicy(join(parent, 'policy')) };
  const worker = await TrainingWorker.start({ source, options: { threads: 2 } });
  const bad = { tokens: Int32Array.of(1, 99), mask: Uint8Array.of(0, 1) };
  const message = /row 5: has token 99/;
  await t.rejects(worker.logProbs([...someRows(5), bad]), { code: 'INVALID_INPUT', message });
  const stepped = worker.supervisedStep(someRows(6), 1e-3);
  const saved = worker.save(join(parent, 'next'));
  const ended = worker.stop();
  await t.rejects(worker.step(1), { code: 'FAILED_PRECONDITION', message: /has been stopped/ });
  await Promise.all([stepped, saved, ended]);
  await worker.stop();
  t.same((await readdir(parent)).sort(), ['next', 'policy']);
});

t.test('rows are dealt out completely, evenly, and put together in the order of the caller', async (t) => {
  const rows = someRows(11);
  const shards = dealRows(rows, 3);
  t.same(
    shards.flatMap(({ indices }) => [...indices]).sort((a, b) => a - b),
    rows.map((_, i) => i),
  );
  const sums = shards.map((shard) => shard.rows.reduce((sum, { tokens }) => sum + tokens.length, 0));
  t.ok(Math.max(...sums) - Math.min(...sums) <= 45, sums.join());
  t.same(dealRows(rows, 3), shards);
});

t.test('threads work side by side on a small policy and inside the operators of a large one', (t) => {
  t.same(planThreads(800_000, 3), { workers: 3, operatorThreads: 1 });
  t.same(planThreads(100_000_000, 3), { workers: 1, operatorThreads: 3 });
  t.same(planThreads(800_000, 3, 'cuda'), { workers: 1, operatorThreads: 1 });
  t.end();
});

t.test('a worker that cannot open its policy says why', async (t) => {
  const source = { folder: join(t.testdir({}), 'missing') };
  await t.rejects(TrainingWorker.start({ source }), { code: 'NOT_FOUND', message: /config\.json/ });
});

t.test('load takes another version of the same shape only', async (t) => {
  const parent = t.testdir({});
  const folder = await writeTinyPolicy(join(parent, 'two'), 2);
  const engine = tinyEngine();
  await engine.load(folder);
  t.ok(sameBits(engine.parameters, tinyParameters(2)));
  const other = TrainingEngine.initialize({ ...tinyConfig, intermediateSize: 16 }, 1);
  await t.rejects(other.load(folder), { code: 'INVALID_INPUT', message: /gate_proj/ });
});
