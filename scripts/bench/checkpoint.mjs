/**
 * A checkpoint of 0.5 billion parameters on this machine: `npm run bench -- checkpoint [--threads 2] [--rows 4] [--prompt 32] [--tokens 32]`.
 * Writes one of the shape of Qwen2.5-0.5B with random weights in bfloat16 (1 GB in the temporary folder), then, in this process: loads it, makes
 * the engine's sessions, rolls out, takes the log-probs and one training step, saves the new version (float32, 2 GB), and serves that.
 * One JSON line per phase: seconds, and the peak of resident memory during the phase. Takes about two minutes and 13 GB of memory.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { LocalEngine, parameterLayout, readCheckpoint, TrainingEngine, writeCheckpoint } from '@segue/engine';
import { short } from './lib/alternate.mjs';
import { beginPhase, peakBytes } from './lib/memory.mjs';
import { sequenceRequest } from './lib/requests.mjs';
import { modelOf } from './lib/sizes.mjs';

const { values: options } = parseArgs({
  options: {
    threads: { type: 'string', default: '2' },
    /** Sequences that are rolled out and trained on. */
    rows: { type: 'string', default: '4' },
    prompt: { type: 'string', default: '32' },
    /** Generated per sequence. */
    tokens: { type: 'string', default: '32' },
  },
});
const [threads, rows, promptLength, newTokens] = ['threads', 'rows', 'prompt', 'tokens'].map((name) =>
  Number(options[name]),
);

const config = {
  ...modelOf('0.5b', 32_768),
  architecture: 'Qwen2ForCausalLM',
  rmsNormEpsilon: 1e-6,
  ropeTheta: 1e6,
  bosTokenId: 151_643,
  eosTokenIds: [151_645],
};

/** Even in a range by the inputs of each matrix: half a billion normal numbers would take longer than all the rest. */
function randomParameters(layout) {
  const flat = new Float32Array(layout.length);
  let state = 1;
  for (const { name, shape, offset, size } of layout.tensors) {
    if (name.endsWith('norm.weight')) {
      flat.fill(1, offset, offset + size);
      continue;
    }
    const range = (name.includes('embed') ? 0.03 : 1) / Math.sqrt(shape[1] ?? size);
    for (let i = offset; i < offset + size; i++) {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
      flat[i] = (state / 2 ** 31) * range;
    }
  }
  return flat;
}

async function phase(name, work) {
  beginPhase();
  const begin = performance.now();
  const figures = (await work()) ?? {};
  const seconds = short((performance.now() - begin) / 1000);
  const peakGiB = Number((peakBytes() / 2 ** 30).toFixed(2));
  process.stdout.write(`${JSON.stringify({ phase: name, seconds, peakGiB, ...figures })}\n`);
}

function requestOf(index) {
  const promptTokens = Int32Array.from({ length: promptLength }, (_, i) => (i * 997 + 13) % config.vocabularySize);
  return sequenceRequest({ id: `bench-t${index}`, promptKey: 'prompt', promptTokens, tokens: newTokens });
}

async function rollOut(engine) {
  const total = { tokens: 0, durationMs: 0, prefillMs: 0 };
  const sequences = [];
  await engine.admit(Array.from({ length: rows }, (_, i) => requestOf(i)));
  for (let running = rows; running > 0; ) {
    const report = await engine.generateChunk();
    for (const key of Object.keys(total)) total[key] += report[key];
    sequences.push(...report.finished);
    running = report.running;
  }
  const tokensPerSecond = short(total.tokens / ((total.durationMs - total.prefillMs) / 1000));
  return {
    sequences,
    figures: { tokens: total.tokens, prefillSeconds: short(total.prefillMs / 1000), tokensPerSecond },
  };
}

/** Makes the sessions of a checkpoint and rolls out. */
async function serve(folder, name, how) {
  const engine = new LocalEngine({ slots: rows, threads, chunkTokens: newTokens });
  await phase(`make the sessions of the ${name} checkpoint (${how})`, () => engine.loadVersion({ version: 0, folder }));
  let sequences = [];
  await phase(`roll out ${rows} sequences`, async () => {
    const result = await rollOut(engine);
    sequences = result.sequences;
    return result.figures;
  });
  await engine.stop();
  return sequences;
}

/** A response becomes a row whose behaviour log-probs are the reference. */
function rowOf({ tokens, logProbs }, index) {
  const prompt = requestOf(index).promptTokens;
  const length = prompt.length + tokens.length;
  const row = {
    tokens: new Int32Array(length),
    mask: new Uint8Array(length).fill(1, prompt.length),
    referenceLogProbs: new Float32Array(length),
    advantage: index % 2 === 0 ? 0.5 : -0.5,
  };
  row.tokens.set(prompt);
  row.tokens.set(tokens, prompt.length);
  row.referenceLogProbs.set(logProbs, prompt.length);
  return row;
}

function largestDifference(trained, row) {
  return row.mask.reduce(
    (most, on, i) => (on ? Math.max(most, Math.abs(trained[i] - row.referenceLogProbs[i])) : most),
    0,
  );
}

const parent = await mkdtemp(join(tmpdir(), 'segue-bench-'));
const folder = join(parent, 'checkpoint');
try {
  await phase('write the checkpoint (bfloat16)', async () => {
    const layout = parameterLayout(config);
    const parameters = randomParameters(layout);
    await writeCheckpoint(folder, { config, layout, parameters }, [], { weightType: 'bfloat16' });
    return { parameters: layout.parameters };
  });
  await phase('load the weights', async () => {
    await readCheckpoint(folder);
  });
  const sequences = await serve(folder, 'imported', 'read into memory');
  const trainRows = sequences.map(rowOf);
  let trainer;
  await phase('load the weights for training', async () => {
    trainer = await TrainingEngine.open(folder, { threads, maxTokensPerMicroBatch: 256 });
  });
  await phase('log-probs', async () => {
    const { logProbs } = await trainer.logProbs(trainRows);
    const differences = trainRows.map((row, i) => largestDifference(logProbs[i], row));
    return { logProbDifference: short(Math.max(...differences)) };
  });
  await phase('gradient of the k1.5 loss', async () => {
    const { loss, paddedTokens } = await trainer.policyGradients(trainRows, { tau: 0.1 });
    return { paddedTokens, loss: short(loss) };
  });
  await phase('AdamW step', async () => {
    const { gradientNorm } = await trainer.step(1e-5);
    return { gradientNorm: short(gradientNorm) };
  });
  await phase('save the new version (float32)', () => trainer.save(join(parent, 'saved')));
  await trainer.dispose();
  trainer = null;
  await serve(join(parent, 'saved'), 'saved', 'mapped');
} finally {
  await rm(parent, { recursive: true });
}
