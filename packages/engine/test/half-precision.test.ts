// Decoding in float16, as on a GPU: the CPU computes the same graph, slowly.
import t from 'tap';
import { LocalEngine } from '../dist/generate/local-engine.js';
import { writeCheckpoint } from '../dist/model/checkpoint.js';
import { parameterLayout } from '../dist/model/layout.js';
import { TrainingEngine } from '../dist/train/training-engine.js';
import { generate, prompt, request, tinyConfig, tinyParameters, writeTinyPolicy } from './tiny-policy.js';

const folder = await writeTinyPolicy(t.testdir());
const trainer = new TrainingEngine(tinyConfig, tinyParameters(1), { threads: 1 });
t.teardown(() => trainer.dispose());
const other = { promptKey: 'p1', promptTokens: prompt(1, 17), stopTokens: [] };
const sampling = (temperature: number, topK = 0, topP = 1) => ({ temperature, topK, topP });
const requests = [
  request('h-g0-t0', { sampling: sampling(0.7), stopTokens: [] }),
  request('h-g0-t1', { responseTokens: prompt(4, 11), stopTokens: [3, 5, 0] }),
  request('h-g1-t0', { ...other, sampling: sampling(0) }),
  request('h-g1-t1', { ...other, sampling: sampling(1, 5) }),
];

t.test('contexts that are prefilled in blocks decode in float16 too', async (t) => {
  const config = { ...tinyConfig, maxPositions: 2400 };
  const parameters = tinyParameters(1);
  const long = `${t.testdir()}/long`;
  await writeCheckpoint(long, { config, layout: parameterLayout(config), parameters });
  const engine = new LocalEngine({ slots: 2, precision: 'float16' });
  t.teardown(() => engine.stop());
  const full = new TrainingEngine(config, parameters, { threads: 1 });
  t.teardown(() => full.dispose());
  await engine.loadVersion({ version: 1, folder: long });
  // Eight whole blocks and a part of one.
  const [promptTokens, responseTokens] = [prompt(1, 17), prompt(4, 2201)];
  const one = request('h-g2-t0', { promptTokens, responseTokens, stopTokens: [], budgetTokens: 8, capTokens: 2300 });
  const { tokens, logProbs } = (await generate(engine, [one])).get(one.id)!;
  t.equal(tokens.length, 8);
  const whole = Int32Array.of(...promptTokens, ...responseTokens, ...tokens);
  const mask = new Uint8Array(whole.length).fill(1, whole.length - tokens.length);
  const expected = (await full.logProbs([{ tokens: whole, mask }])).logProbs[0]!.slice(-tokens.length);
  const largest = Math.max(...logProbs.map((value, i) => Math.abs(value - expected[i]!)));
  t.ok(largest < 0.03, `${largest}`);
  t.ok(largest > 1e-5, 'it does compute in float16');
});

t.test('in float16 what is drawn has the log-probs of the full-sequence graph to half precision', async (t) => {
  for (const sharePrompts of ['never', 'always'] as const) {
    const engine = new LocalEngine({ slots: 8, sharePrompts, chunkTokens: 7, precision: 'float16' });
    t.teardown(() => engine.stop());
    await engine.loadVersion({ version: 1, folder });
    const results = await generate(engine, requests);
    let largest = 0;
    for (const { id, promptTokens, responseTokens, sampling } of requests) {
      const { tokens, logProbs } = results.get(id)!;
      t.ok(tokens.length > 0);
      const whole = Int32Array.of(...promptTokens, ...responseTokens, ...tokens);
      const mask = Uint8Array.from(whole, (_, i) => (i >= whole.length - tokens.length ? 1 : 0));
      const full = await trainer.logProbs([{ tokens: whole, mask }], { temperature: sampling.temperature || 1 });
      const expected = full.logProbs[0]!.slice(-tokens.length);
      logProbs.forEach((value, i) => {
        largest = Math.max(largest, Math.abs(value - expected[i]!));
      });
    }
    t.ok(largest < 0.03, `prompts shared ${sharePrompts}: ${largest}`);
    t.ok(largest > 1e-4, 'it does compute in float16');
  }
});
