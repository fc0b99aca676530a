/** Long contexts: prefill in blocks against prefill side by side, and a trajectory that grows over many segments. */
import { SeededRandom, type SequenceRequest } from '@segue/core';
import t from 'tap';
import { type KvBlock, type KvPiece, packKv } from '../dist/generate/kv.js';
import { KvBlocks } from '../dist/generate/kv-blocks.js';
import { LocalEngine, TrainingEngine } from '../dist/index.js';
import { writeCheckpoint } from '../dist/model/checkpoint.js';
import type { ModelConfig } from '../dist/model/config.js';
import { initialParameters } from '../dist/model/init.js';
import { parameterLayout } from '../dist/model/layout.js';
import { generate, request, tinyConfig } from './tiny-policy.js';

const longConfig: ModelConfig = { ...tinyConfig, maxPositions: 12_288, eosTokenIds: [] };
const layout = parameterLayout(longConfig);
const parameters = initialParameters(layout, 2, { deviation: 0.35 });

async function withEngine<T>(
  folder: string,
  slots: number,
  use: (engine: LocalEngine) => Promise<T>,
  more: { readonly prefillWork?: number } = {},
): Promise<T> {
  const engine = new LocalEngine({ slots, chunkTokens: 64, ...more });
  await engine.loadVersion({ version: 0, folder });
  try {
    return await use(engine);
  } finally {
    await engine.stop();
  }
}

async function writePolicy(folder: string, config = longConfig): Promise<string> {
  await writeCheckpoint(`${folder}/policy`, { config, layout: parameterLayout(config), parameters });
  return `${folder}/policy`;
}

const someTokens = (length: number, seed: number) => {
  const random = new SeededRandom(seed, 'tokens');
  return Int32Array.from({ length }, () => random.below(longConfig.vocabularySize));
};
const greatest = (values: Iterable<number>) => [...values].reduce((most, value) => Math.max(most, Math.abs(value)), 0);

/** Log-probs of a response under the trainer's graph for a row. */
async function trainerLogProbs(promptTokens: Int32Array, response: Int32Array, longRowTokens: number) {
  const engine = new TrainingEngine(longConfig, parameters.slice(), { threads: 1, longRowTokens });
  const tokens = Int32Array.of(...promptTokens, ...response);
  const mask = new Uint8Array(tokens.length).fill(1, promptTokens.length);
  const { logProbs } = await engine.logProbs([{ tokens, mask }]);
  await engine.dispose();
  return logProbs[0]!.subarray(promptTokens.length);
}

t.test('a trajectory grows over segments to 8192 tokens as if it had never stopped', async (t) => {
  const folder = await writePolicy(t.testdir());
  const [total, budgetTokens] = [8192, 1024];
  const longRequest = (overrides: Partial<SequenceRequest>): SequenceRequest =>
    request('long', { stopTokens: [], budgetTokens: total, capTokens: total, ...overrides });
  const whole = await withEngine(folder, 1, async (engine) => (await generate(engine, [longRequest({})])).get('long')!);
  t.equal(whole.tokens.length, total);

  let tokens = new Int32Array();
  let logProbs = new Float32Array();
  const reprefilled: number[] = [];
  while (tokens.length < total) {
    // A new engine each time: nothing but the tokens goes from segment to segment.
    const segment = await withEngine(folder, 1, async (engine) => {
      const results = await generate(engine, [longRequest({ responseTokens: tokens, budgetTokens })]);
      return results.get('long')!;
    });
    t.equal(segment.endReason, tokens.length + budgetTokens < total ? 'budget' : 'length');
    reprefilled.push(segment.reprefillTokens);
    tokens = Int32Array.of(...tokens, ...segment.tokens);
    logProbs = Float32Array.of(...logProbs, ...segment.logProbs);
  }
  t.same(
    reprefilled,
    Array.from({ length: total / budgetTokens }, (_, i) => i * budgetTokens),
  );
  t.same(tokens, whole.tokens);
  t.ok(greatest(logProbs.map((value, i) => value - whole.logProbs[i]!)) < 1e-4);
  const trained = await trainerLogProbs(request('long').promptTokens, tokens, 1024);
  t.ok(greatest(trained.map((value, i) => value - logProbs[i]!)) < 1e-4, 'the trainer, in blocks, sees the same');
});

t.test('prefill in blocks gives what prefill side by side gives, at every boundary', async (t) => {
  const folder = await writePolicy(t.testdir());
  // Rows past 2048 tokens go in blocks of 256: lengths before, at and after a boundary, and a prompt that ends within one.
  const cases = [
    [9, 2040],
    [256, 2048],
    [2305, 1],
    [2600, 300],
    [3000, 0],
  ] as const;
  for (const [promptLength, responseLength] of cases) {
    const promptTokens = someTokens(promptLength, 1);
    const responseTokens = someTokens(responseLength, 2);
    const result = await withEngine(folder, 3, async (engine) => {
      // Two siblings and a short row beside them: the prompt is prefilled once, the short row in the other way.
      const long = { promptKey: 'long', promptTokens, stopTokens: [], budgetTokens: 4, capTokens: responseLength + 4 };
      const results = await generate(engine, [
        request('a', { ...long, responseTokens }),
        request('b', { ...long, responseTokens: new Int32Array() }),
        request('short', { stopTokens: [], budgetTokens: 4 }),
      ]);
      t.equal(results.get('short')!.tokens.length, 4);
      t.equal(results.get('b')!.tokens.length, 4);
      return results.get('a')!;
    });
    const response = Int32Array.of(...responseTokens, ...result.tokens);
    // The plain training graph knows neither blocks nor prefill.
    const expected = await trainerLogProbs(promptTokens, response, longConfig.maxPositions);
    const difference = greatest(result.logProbs.map((value, i) => value - expected[responseLength + i]!));
    t.ok(difference < 1e-4, `${promptLength} + ${responseLength}: ${difference}`);
  }
});

t.test(
  'a long context is prefilled over several chunks while other rows go on, and can be cut meanwhile',
  async (t) => {
    const folder = await writePolicy(t.testdir());
    const long = { stopTokens: [], budgetTokens: 4, capTokens: 12_000 };
    const responseTokens = someTokens(11_000, 2);
    // As if the model were larger.
    const bounded = { prefillWork: 2 ** 31 };
    await withEngine(
      folder,
      3,
      async (engine) => {
        await engine.admit([
          request('long', { ...long, responseTokens }),
          request('cut', { ...long, promptKey: 'p1', promptTokens: someTokens(10_000, 3), capTokens: 64 }),
          request('short', { stopTokens: [], budgetTokens: 300, capTokens: 400 }),
        ]);
        const first = await engine.generateChunk();
        t.equal(first.tokens, 64, 'the short row alone has generated');
        t.same([first.running, first.rows], [3, 1], 'rows in prefill are not in the batch that decodes');
        const [cut] = await engine.cut(['cut']);
        t.equal(cut!.tokens.length, 0);
        t.equal(cut!.endReason, 'yield');
        t.equal(cut!.promptTokens, 0, 'what was not finished is not metered');
        const results = await generate(engine);
        t.equal(results.get('long')!.reprefillTokens, responseTokens.length);
        t.equal(results.get('long')!.tokens.length, 4);
        t.equal(results.get('short')!.tokens.length, 300);
        const expected = await trainerLogProbs(
          request('long').promptTokens,
          Int32Array.of(...responseTokens, ...results.get('long')!.tokens),
          1024,
        );
        const difference = greatest(results.get('long')!.logProbs.map((value, i) => value - expected[11_000 + i]!));
        t.ok(difference < 1e-4, `${difference}`);
      },
      bounded,
    );
    // Alone, its chunks report no tokens until it is ready.
    await withEngine(
      folder,
      1,
      async (engine) => {
        await engine.admit([request('long', { ...long, responseTokens })]);
        const report = await engine.generateChunk();
        t.same([report.tokens, report.steps, report.rows, report.running, report.finished.length], [0, 0, 0, 1, 0]);
        t.equal((await generate(engine)).get('long')!.tokens.length, 4);
      },
      bounded,
    );
  },
);

t.test('a context of 131072 tokens begins in a bounded chunk', async (t) => {
  const folder = await writePolicy(t.testdir(), { ...longConfig, maxPositions: 131_072 });
  await withEngine(folder, 1, async (engine) => {
    const responseTokens = someTokens(131_000, 2);
    await engine.admit([request('long', { stopTokens: [], responseTokens, capTokens: 131_050 })]);
    const { running, tokens } = await engine.generateChunk();
    t.same([running, tokens], [1, 0]);
    t.equal((await engine.cut()).length, 1);
  });
});

t.test('blocks of keys and values hold what was appended, in any pieces', async (t) => {
  const shape = { layers: 2, kvHeads: 2, headSize: 3 };
  const random = new SeededRandom(1, 'pieces');
  const source: KvBlock = {
    arrays: Array.from({ length: 4 }, () => Float32Array.from({ length: 3 * 2 * 50 * 3 }, () => random.normal())),
    rows: 3,
    columns: 50,
  };
  for (const columns of [1, 7, 16, 64]) {
    const pieces = Array.from({ length: 9 }, (): KvPiece => {
      const from = random.below(40);
      return { block: source, row: random.below(3), from, length: random.below(51 - from) };
    });
    const total = pieces.reduce((sum, { length }) => sum + length, 0);
    const blocks = new KvBlocks(shape, columns, total);
    for (const piece of pieces) blocks.append([piece]);
    t.equal(blocks.length, total);
    t.same(packKv(shape, [blocks.piecesFrom(0)]).arrays, packKv(shape, [pieces]).arrays, `columns ${columns}`);
    const rest = packKv(shape, [blocks.piecesFrom(total - 5)]);
    t.equal(rest.columns, 5);
    const feeds = blocks.feeds();
    t.equal(feeds['past.k0']!.dims[0]! * columns + feeds['tail.k0']!.dims[1]!, total);
    t.throws(() => blocks.append([{ block: source, row: 0, from: 0, length: columns + 1 }]), /no more columns/);
  }
});
