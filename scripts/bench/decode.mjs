/**
 * The step-time curve of decoding: `node scripts/bench/decode.mjs [--context 96] [--tokens 128] [--siblings 8] [--chunk 32]
 * [--share auto] [--rounds 3] [--batches 1,2,4,8,16,32,64]` (after `npm run build`). One JSON line per batch size: tokens/s and
 * step time of the best round (decoding alone, prefill apart), and the share of the chunks' time spent outside ONNX Runtime.
 * The model is small (0.8 million parameters) with random weights: speed does not depend on what they are.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { initialParameters, LocalEngine, parameterLayout, writeCheckpoint } from '@segue/engine';

const { values: options } = parseArgs({
  options: {
    /** Mean number of tokens before the one that is generated. */
    context: { type: 'string', default: '96' },
    /** Tokens generated per sequence. */
    tokens: { type: 'string', default: '128' },
    siblings: { type: 'string', default: '8' },
    chunk: { type: 'string', default: '32' },
    share: { type: 'string', default: 'auto' },
    rounds: { type: 'string', default: '3' },
    batches: { type: 'string', default: '1,2,4,8,16,32,64' },
  },
});
const [context, tokens, siblings, chunkTokens, rounds] = ['context', 'tokens', 'siblings', 'chunk', 'rounds'].map(
  (name) => Number(options[name]),
);
const promptLength = Math.max(1, context - Math.floor(tokens / 2));

const config = {
  hiddenSize: 128,
  layers: 4,
  heads: 4,
  kvHeads: 2,
  headSize: 32,
  intermediateSize: 384,
  vocabularySize: 64,
  rmsNormEpsilon: 1e-5,
  ropeTheta: 10_000,
  tieEmbeddings: true,
  maxPositions: promptLength + tokens,
  bosTokenId: null,
  eosTokenIds: [],
};

function request(index) {
  const group = Math.floor(index / siblings);
  return {
    id: `bench-g${group}-t${index % siblings}`,
    promptKey: `p${group}`,
    promptTokens: Int32Array.from({ length: promptLength }, (_, i) => (i * 7 + group) % config.vocabularySize),
    responseTokens: new Int32Array(),
    seed: 1,
    sampling: { temperature: 1, topK: 0, topP: 1 },
    stopTokens: [],
    budgetTokens: tokens,
    capTokens: tokens,
    lastSpan: false,
    repeat: { maxPeriod: 64, minRepeats: 4, minTokens: 64 },
  };
}

/** Generates a whole batch; times in ms. */
async function round(engine, batch) {
  await engine.admit(Array.from({ length: batch }, (_, i) => request(i)));
  const runtimeBefore = engine.runtimeMs;
  const total = { tokens: 0, steps: 0, durationMs: 0, prefillMs: 0 };
  for (let running = batch; running > 0; ) {
    const report = await engine.generateChunk();
    for (const key of Object.keys(total)) total[key] += report[key];
    running = report.running;
  }
  const decodeMs = total.durationMs - total.prefillMs;
  return { ...total, decodeMs, outside: 1 - (engine.runtimeMs - runtimeBefore) / total.durationMs };
}

const round3 = (value) => Number(value.toPrecision(4));
const folder = await mkdtemp(join(tmpdir(), 'segue-bench-'));
try {
  const layout = parameterLayout(config);
  const path = join(folder, 'policy');
  await writeCheckpoint(path, { config, layout, parameters: initialParameters(layout, 1) });
  for (const batch of options.batches.split(',').map(Number)) {
    const engine = new LocalEngine({ slots: batch, chunkTokens, sharePrompts: options.share });
    await engine.loadVersion({ version: 0, folder: path });
    let best = null;
    for (let i = 0; i <= rounds; i++) {
      const result = await round(engine, batch);
      // The first one warms the engine up.
      if (i > 0 && (best === null || result.decodeMs < best.decodeMs)) best = result;
    }
    await engine.stop();
    const line = {
      batch,
      context,
      tokensPerSecond: Math.round((best.tokens / best.decodeMs) * 1000),
      stepMs: round3(best.decodeMs / best.steps),
      outsideOrtShare: round3(best.outside),
    };
    process.stdout.write(`${JSON.stringify(line)}\n`);
  }
} finally {
  await rm(folder, { recursive: true });
}
