/**
 * Prefill, two decode steps and the trainer's log-probs over all shapes that joining rows can give them: keys and values of the device against the CPU's, log-probs of the tokens
 * drawn after them against a trainer on the device. Attention is causal, so that one prefill of the longest rows on the CPU holds what each shorter one must give: a shape whose products
 * a library rounds shows as one. Knows nothing of speed, nor of the engine's queue: it drives the prefill and the chunk of `LocalEngine` themselves.
 */
import { TrainingEngine } from '@segue/engine';
import { runDecode } from '../../../packages/engine/dist/generate/decode-run.js';
import { engineSettings } from '../../../packages/engine/dist/generate/engine-options.js';
import { GraphCache } from '../../../packages/engine/dist/generate/graph-cache.js';
import { KvPacker } from '../../../packages/engine/dist/generate/kv.js';
import { DecodePolicy } from '../../../packages/engine/dist/generate/policy.js';
import { Prefiller } from '../../../packages/engine/dist/generate/prefill.js';
import { Sequence } from '../../../packages/engine/dist/generate/sequence.js';
import { setMatrixPrecision } from '../../../packages/engine/dist/graph/cuda.js';
import { short } from './alternate.mjs';
import { sequenceRequest } from './requests.mjs';

const mostRows = 32;
const mostColumns = 128;
/** Tokens drawn after each prefill. */
const drawn = 2;
/** All small numbers, and those about the tiles of products. */
const someColumns = [24, 31, 32, 33, 40, 48, 63, 64, 65, 80, 96, 112, 127, 128];
/** Columns that a resumed row's prompt has before its response. */
const somePasts = [1, 15, 40];
/** Float32 differs by up to 1e-5 of the largest value; rounding to TF32 gives 1e-4 at least. */
const limit = 3e-5;

const upTo = (count) => Array.from({ length: count }, (_, i) => i + 1);

function* shapesOf(dense) {
  const columnCounts = dense ? upTo(mostColumns) : [...upTo(17), ...someColumns];
  for (const columns of columnCounts) for (const rows of upTo(mostRows)) yield { rows, columns, past: 0 };
  for (const past of somePasts) {
    for (const columns of [1, 2, 3, 4, 7, 8, 12, 16, 24, 33, 64, mostColumns - past]) {
      for (const rows of [1, 2, 3, 4, 5, 6, 7, 8, 12, 16, 24, 31, 32]) yield { rows, columns, past };
    }
  }
}

/** Row r of every shape is a beginning of the same sequence. */
function tokensOf(row, length, { vocabularySize }) {
  return Int32Array.from({ length }, (_, i) => (i * 7 + row * 13 + ((i * i + row) % 11)) % vocabularySize);
}

/** Rows as the engine has them: `past` columns of the prompt that are there already, shorter ones among them, then as many of the response. */
function rowsOf({ rows, columns, past }, config, reference) {
  return Array.from({ length: rows }, (_, index) => {
    const before = past === 0 ? columns : Math.max(1, past - (index % 3));
    const columnsInAll = past === 0 ? columns : before + columns;
    const tokens = tokensOf(index, columnsInAll + 1, config);
    const promptTokens = tokens.subarray(0, before + 1);
    const responseTokens = tokens.subarray(before + 1);
    const request = sequenceRequest(
      // The draws after so many tokens are the same in every shape.
      {
        id: `shape-g${index}-t${before}-${responseTokens.length}`,
        promptKey: `p${index}`,
        promptTokens,
        tokens: responseTokens.length + drawn,
      },
      { responseTokens },
    );
    const kv = past === 0 ? null : { block: reference, row: index, from: 0, length: before };
    const prompt = { key: `p${index}`, tokens: promptTokens, kv, members: 1 };
    return { sequence: new Sequence(request), prompt, own: [], ready: false };
  });
}

async function prefill(policy, rows) {
  const prefiller = new Prefiller();
  while (rows.some((row) => !row.ready)) await prefiller.advance(policy, rows, mostRows * mostColumns);
}

/** The largest difference of a row's new keys and values from the reference's, over the largest value of their array. */
function farthest({ prompt, own }, index, reference, tops, { kvHeads, headSize }) {
  const [piece] = own.length > 0 ? own : [prompt.kv];
  const begin = own.length > 0 ? prompt.kv.length : 0;
  let worst = 0;
  reference.arrays.forEach((expected, array) => {
    const actual = piece.block.arrays[array];
    for (let head = 0; head < kvHeads; head++) {
      const from = ((piece.row * kvHeads + head) * piece.block.columns + piece.from) * headSize;
      const expectedFrom = ((index * kvHeads + head) * reference.columns + begin) * headSize;
      for (let i = 0; i < piece.length * headSize; i++) {
        const difference = Math.abs(actual[from + i] - expected[expectedFrom + i]) / tops[array];
        // What is no number is further off than all.
        if (!(difference <= worst)) worst = difference;
      }
    }
  });
  return worst;
}

async function open(folder, options) {
  if (options.device === 'cuda') setMatrixPrecision(options.precision);
  const settings = engineSettings({ slots: mostRows, ...options });
  return DecodePolicy.open(0, await DecodePolicy.read({ version: 0, folder }), settings, new GraphCache());
}

/** Keys and values of the longest rows, as the CPU computes them, in one block. */
async function referenceOf(folder, config, threads) {
  const policy = await open(folder, { device: 'cpu', threads });
  const rows = rowsOf({ rows: mostRows, columns: mostColumns, past: 0 }, config, null);
  await prefill(policy, rows);
  const block = new KvPacker(policy.kvShape).pack(rows.map(({ prompt }) => [prompt.kv]));
  await policy.release();
  return block;
}

/** Sequences of each length with the log-probs that a trainer gives the tokens drawn, against those that decoding gave: the largest difference. */
async function againstTrainer(folder, made, { device, precision, threads }) {
  const options = { device, precision, threads, maxTokensPerMicroBatch: 4096 };
  const engine = await TrainingEngine.open(folder, options);
  const rows = made.map(({ tokens }) => ({ tokens, mask: new Uint8Array(tokens.length).fill(1, -drawn) }));
  const { logProbs } = await engine.logProbs(rows);
  await engine.dispose();
  const differences = made.map(({ ofDecoding }, i) =>
    Math.max(...ofDecoding.map((value, t) => Math.abs(value - logProbs[i].at(t - drawn)))),
  );
  return Math.max(...differences);
}

/**
 * @param dense all shapes of a first prefill up to 32 x 128, not some
 * @param config the model's
 */
export async function prefillShapes({ folder, device, precision, dense, config, threads }) {
  const reference = await referenceOf(folder, config, threads);
  const tops = reference.arrays.map((values) => values.reduce((top, value) => Math.max(top, Math.abs(value)), 0));
  const policy = await open(folder, { device, precision, threads });
  const packer = new KvPacker(policy.kvShape);
  const made = new Map();
  const total = { shapes: 0, over: 0, otherTokens: 0 };
  const over = [];
  let [worst, least, between] = [{ off: -1 }, Number.POSITIVE_INFINITY, 0];
  for (const shape of shapesOf(dense)) {
    const rows = rowsOf(shape, config, reference);
    await prefill(policy, rows);
    const off = Math.max(...rows.map((row, index) => farthest(row, index, reference, tops, policy.kvShape)));
    const name = `${shape.rows} x ${shape.columns}${shape.past > 0 ? ` after ${shape.past}` : ''}`;
    total.shapes++;
    if (!(off <= limit)) over.push(`${name}: ${short(off)}`);
    if (!(off <= worst.off)) worst = { off, name };
    least = Math.min(least, off);
    const shared = shape.past > 0 && shape.columns % 2 === 0;
    await runDecode(policy, packer, rows, { chunkTokens: drawn, idleSteps: 1, shared });
    for (const { sequence } of rows) {
      const { id, tokens, logProbs } = sequence.result(0);
      const { promptTokens, responseTokens } = sequence.request;
      const expected = made.get(id);
      if (!expected)
        made.set(id, {
          tokens: Int32Array.of(...promptTokens, ...responseTokens, ...tokens),
          ofDecoding: [...logProbs],
        });
      else if (tokens.some((token, i) => token !== expected.tokens.at(i - drawn))) total.otherTokens++;
      else between = Math.max(between, ...expected.ofDecoding.map((value, i) => Math.abs(value - logProbs[i])));
    }
  }
  await policy.release();
  const trainer = await againstTrainer(folder, [...made.values()], { device, precision, threads });
  return {
    ...total,
    over: over.length,
    keysValuesMax: short(worst.off),
    atShape: worst.name,
    keysValuesLeast: short(least),
    logProbBetweenShapes: short(between),
    trainerLogProbMax: short(trainer),
    ...(over.length > 0 && { overLimit: over.slice(0, 40) }),
  };
}
