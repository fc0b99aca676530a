/** Prefill takes a bounded piece of work per chunk: rows that it does not reach wait, and nothing about their tokens changes. */
import { SeededRandom } from '@segue/core';
import t from 'tap';
import { LocalEngine } from '../dist/index.js';
import { generate, request, tinyConfig, tinyLayout, writeTinyPolicy } from './tiny-policy.js';

const someTokens = (length: number, seed: number) => {
  const random = new SeededRandom(seed, 'tokens');
  return Int32Array.from({ length }, () => random.below(tinyConfig.vocabularySize));
};

/** Six resumed rows and a fresh one, each with a prompt of its own. */
const requests = [0, 1, 2, 3, 4, 5, 6].map((i) =>
  request(`r${i}`, {
    promptKey: `p${i}`,
    promptTokens: someTokens(8 + i, i),
    responseTokens: i === 6 ? new Int32Array() : someTokens(60 - 3 * i, 10 + i),
    stopTokens: [],
    budgetTokens: 8,
    capTokens: 80,
  }),
);

t.test('rows that a chunk has no work left for wait for the next, and have the same tokens', async (t) => {
  const folder = await writeTinyPolicy(t.testdir());
  const unbounded = new LocalEngine({ slots: 8, chunkTokens: 4 });
  await unbounded.loadVersion({ version: 0, folder });
  await unbounded.admit(requests);
  t.equal((await unbounded.generateChunk()).rows, 7, 'few small rows are ready at once, as ever');
  await unbounded.cut();
  const expected = await generate(unbounded, requests);
  await unbounded.stop();

  // About one row of sixty tokens, with its attention; and fewer than one.
  for (const prefillWork of [100 * tinyLayout.parameters, 40 * tinyLayout.parameters, 1]) {
    const engine = new LocalEngine({ slots: 8, chunkTokens: 4, prefillWork });
    await engine.loadVersion({ version: 0, folder });
    await engine.admit(requests);
    const ready: number[] = [];
    const finished = new Map();
    for (let running = 7; running > 0; ) {
      const report = await engine.generateChunk();
      ready.push(report.rows);
      running = report.running;
      for (const result of report.finished) finished.set(result.id, result);
    }
    t.ok(ready[0]! < 7 && ready.length > 3, `${prefillWork}: rows in each chunk ${ready}`);
    for (const [id, { tokens, logProbs, reprefillTokens, endReason }] of expected) {
      const result = finished.get(id);
      t.same([result.tokens, result.reprefillTokens, result.endReason], [tokens, reprefillTokens, endReason], id);
      t.ok(logProbs.every((value, at) => Math.abs(value - result.logProbs[at]) < 1e-5));
    }
    await engine.stop();
  }
});

t.test('a row that was cut between two pieces leaves nothing behind', async (t) => {
  const folder = await writeTinyPolicy(t.testdir());
  const engine = new LocalEngine({ slots: 8, chunkTokens: 4, prefillWork: 1 });
  await engine.loadVersion({ version: 0, folder });
  const [first] = requests;
  await engine.admit([first!]);
  const report = await engine.generateChunk();
  t.same([report.rows, report.running], [0, 1], 'its response is prefilled in two pieces');
  t.match(await engine.cut(), [{ endReason: 'yield', reprefillTokens: 0 }]);
  t.equal((await generate(engine, [first!])).get('r0')!.tokens.length, 8);
  await engine.stop();
});
