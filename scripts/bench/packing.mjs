/**
 * Weights that decode graphs copy into a faster layout against weights that stay in the mapped file: `npm run bench -- packing [--size large]
 * [--batches 1,8,32] [--tokens 32] [--rounds 5]`. One JSON line per batch size: time to load a version, tokens/s of decoding (prefill apart), the median of
 * the ratios of plain to packed round by round, and the largest difference of a log-prob among equal tokens.
 */
import { parseArgs } from 'node:util';
import { LocalEngine } from '@segue/engine';
import { alternate, median, ratio, short } from './lib/alternate.mjs';
import { sequenceRequest } from './lib/requests.mjs';
import { modelOf, withCheckpoint } from './lib/sizes.mjs';

const { values: options } = parseArgs({
  options: {
    size: { type: 'string', default: 'large' },
    batches: { type: 'string', default: '1,8,32' },
    tokens: { type: 'string', default: '32' },
    rounds: { type: 'string', default: '5' },
  },
});
const tokens = Number(options.tokens);
const promptTokens = 32;

const request = (index) =>
  sequenceRequest({
    id: `bench-g${index}-t0`,
    promptKey: `p${index}`,
    promptTokens: Int32Array.from({ length: promptTokens }, (_, i) => (i * 7 + index) % 64),
    tokens,
  });

/** Loads a version anew and generates a batch. */
async function round(engine, folder, batch, seen) {
  const beganAtMs = performance.now();
  await engine.loadVersion({ version: 0, folder });
  seen.loadMs.push(performance.now() - beganAtMs);
  await engine.admit(Array.from({ length: batch }, (_, i) => request(i)));
  const total = { tokens: 0, decodeMs: 0 };
  for (let running = batch; running > 0; ) {
    const report = await engine.generateChunk();
    for (const result of report.finished) seen.results.set(result.id, result);
    total.tokens += report.tokens;
    total.decodeMs += report.durationMs - report.prefillMs;
    running = report.running;
  }
  return (1000 * total.tokens) / total.decodeMs;
}

/** Of the tokens before the first that differs. */
function largestDifference(one, other) {
  let largest = 0;
  for (const [id, { tokens, logProbs }] of one) {
    const twin = other.get(id);
    for (let i = 0; i < tokens.length && tokens[i] === twin.tokens[i]; i++) {
      largest = Math.max(largest, Math.abs(logProbs[i] - twin.logProbs[i]));
    }
  }
  return largest;
}

await withCheckpoint(modelOf(options.size, promptTokens + tokens), async (folder) => {
  for (const batch of options.batches.split(',').map(Number)) {
    const seen = { packed: { loadMs: [], results: new Map() }, plain: { loadMs: [], results: new Map() } };
    const engines = {
      packed: new LocalEngine({ slots: batch }),
      plain: new LocalEngine({ slots: batch, packWeights: false }),
    };
    const contenders = Object.fromEntries(
      Object.entries(engines).map(([name, engine]) => [name, () => round(engine, folder, batch, seen[name])]),
    );
    const figures = await alternate(contenders, Number(options.rounds));
    for (const engine of Object.values(engines)) await engine.stop();
    const of = (name) => ({
      loadMs: Math.round(median(seen[name].loadMs)),
      tokensPerSecond: short(median(figures[name])),
    });
    const line = {
      size: options.size,
      batch,
      packed: of('packed'),
      plain: of('plain'),
      plainToPacked: short(ratio(figures.plain, figures.packed)),
      logProbDifference: short(largestDifference(seen.packed.results, seen.plain.results)),
    };
    process.stdout.write(`${JSON.stringify(line)}\n`);
  }
});
