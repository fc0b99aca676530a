/** Padding that reaches past the longest sequence a model takes: in training rows, and in prefill windows. */
import type { SequenceRequest } from '@segue/core';
import t from 'tap';
import { LocalEngine, TrainingEngine } from '../dist/index.js';
import { relativeError } from './reference-data.js';
import { generate, prompt, request, tinyConfig, tinyParameters, writeTinyPolicy } from './tiny-policy.js';

t.test('rows as long as the model takes are padded, whatever its longest sequence is', async (t) => {
  const parameters = tinyParameters(1);
  const rowOf = (length: number) => ({
    tokens: Int32Array.from({ length }, (_, i) => (7 * i) % tinyConfig.vocabularySize),
    mask: new Uint8Array(length).fill(1, 1),
  });
  const long = new TrainingEngine({ ...tinyConfig, maxPositions: 512 }, parameters.slice(), { threads: 1 });
  for (const maxPositions of [97, 98, 100]) {
    const rows = [rowOf(maxPositions), rowOf(40)];
    const expected = await long.logProbs(rows);
    for (const options of [{}, { lengthMultiple: 64 }, { fuseSteps: true }]) {
      const config = { ...tinyConfig, maxPositions };
      const engine = new TrainingEngine(config, parameters.slice(), { threads: 1, ...options });
      const { logProbs } = await engine.logProbs(rows);
      logProbs.forEach((values, row) => {
        t.ok(relativeError(values, expected.logProbs[row]!) < 1e-5, `${maxPositions} positions`);
      });
      t.ok(Number.isFinite((await engine.supervisedStep(rows, 1e-3)).gradientNorm));
      await engine.dispose();
    }
  }
  await long.dispose();
});

t.test('a long response and a long prompt are prefilled together as they are alone', async (t) => {
  // Padded to the window of the first, the second would reach position 138 of a context of 96.
  const requests = [
    request('long response', { responseTokens: prompt(3, 79), stopTokens: [], capTokens: 85 }),
    request('long prompt', {
      promptKey: 'p2',
      promptTokens: prompt(2, 60),
      responseTokens: prompt(4, 20),
      stopTokens: [],
      capTokens: 28,
    }),
  ];
  const folder = await writeTinyPolicy(t.testdir());
  const results = async (all: readonly SequenceRequest[]) => {
    const engine = new LocalEngine({ slots: 2 });
    await engine.loadVersion({ version: 1, folder });
    try {
      return await generate(engine, all);
    } finally {
      await engine.stop();
    }
  };
  const together = await results(requests);
  for (const one of requests) {
    const alone = (await results([one])).get(one.id)!;
    t.ok(alone.tokens.length > 0);
    t.same(together.get(one.id)!.tokens, alone.tokens);
    const differences = alone.logProbs.map((value, i) => Math.abs(value - together.get(one.id)!.logProbs[i]!));
    t.ok(Math.max(...differences) < 1e-5, `${one.id}: ${Math.max(...differences)}`);
  }
});
