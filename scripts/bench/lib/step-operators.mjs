/**
 * Where a decode step's time goes: the decode graph alone, no engine around it, run once as it is and once under the runtime's own profiler, whose
 * clock is the wall's and which costs some microseconds per operator. Feeds are random; nothing is sampled for its meaning.
 */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InferenceSession } from 'onnxruntime-node';
import { decodeGraph } from '../../../packages/engine/dist/generate/decode-graph.js';
import { weightsFirstPays } from '../../../packages/engine/dist/generate/weights-first.js';
import { emit } from '../../../packages/engine/dist/graph/emit.js';
import { tensor } from '../../../packages/engine/dist/graph/session.js';
import { openWeights } from '../../../packages/engine/dist/model/weights.js';
import { bestCpuTimeMs } from './cpu-time.mjs';

const runs = 3;

const filled = (dtype, dims, make) => tensor(dtype, dims, make(dims.reduce((product, dim) => product * dim, 1)));
const integers = (dims, value) => filled('int64', dims, (length) => new BigInt64Array(length).fill(BigInt(value)));
const floats = (dims, of) => filled('float32', dims, (length) => Float32Array.from({ length }, of));

function feedsOf({ layers, kvHeads, headSize }, { batch, prefix, steps, shared }) {
  const feeds = {
    token: integers([batch, 1], 3),
    position: integers([batch, 1], prefix),
    uniforms: floats([steps, batch, 1], Math.random),
    left: integers([batch, 1], 2 * steps),
    patience: integers([], 2 * steps * batch),
    stops: integers([batch, 1], -1),
    inverseTemperature: floats([batch, 1], () => 1),
    prefixMask: floats([batch * kvHeads, 1, prefix], () => 0),
  };
  for (let layer = 0; layer < layers; layer++) {
    for (const part of ['k', 'v']) {
      feeds[`prefix.${part}${layer}`] = floats([batch * kvHeads, prefix, headSize], () => Math.random() - 0.5);
    }
  }
  return shared ? { ...feeds, ...sharedFeedsOf({ layers, kvHeads, headSize }, { batch, shared }) } : feeds;
}

/** One prompt of `shared` tokens that all rows read. */
function sharedFeedsOf({ layers, kvHeads, headSize }, { batch, shared }) {
  const rows = Array.from({ length: batch * kvHeads }, (_, row) => row);
  const byHead = rows.toSorted((a, b) => (a % kvHeads) - (b % kvHeads) || a - b);
  const indices = (dims, values) => tensor('int64', dims, BigInt64Array.from(values, BigInt));
  const place = new Map(byHead.map((row, cell) => [row, cell]));
  const feeds = {
    sharedMask: floats([kvHeads, 1, shared], () => 0),
    rowOfCell: indices([kvHeads, batch], byHead),
    cellOfRow: indices(
      [rows.length],
      rows.map((row) => place.get(row)),
    ),
  };
  for (let layer = 0; layer < layers; layer++) {
    for (const part of ['k', 'v']) {
      feeds[`shared.${part}${layer}`] = floats([kvHeads, shared, headSize], () => Math.random() - 0.5);
    }
  }
  return feeds;
}

/** The decode graph of a checkpoint, its feeds, and how to open it. `shared`: tokens of a prompt that all rows share. */
async function stepOf(path, shape) {
  const weights = await openWeights(path);
  const { config, length } = weights.layout;
  const weightsFirst = weightsFirstPays(shape.batch, length, 'cpu');
  const variant = { shared: shape.shared > 0, greedy: false, filtered: false, manyStops: false, weightsFirst };
  const model = emit(decodeGraph(weights, variant), 'decode');
  const open = (more = {}) =>
    InferenceSession.create(model, {
      executionProviders: ['cpu'],
      intraOpNumThreads: 1,
      interOpNumThreads: 1,
      enableMemPattern: false,
      logSeverityLevel: 4,
      extra: {
        session: {
          intra_op: { allow_spinning: '0' },
          model_external_initializers_file_folder_path: weights.filesFolder,
        },
      },
      ...more,
    });
  return { weightsFirst, feeds: feedsOf(config, shape), open };
}

/**
 * The loop alone as a contender.
 * @param {string} path of a checkpoint @param {{ batch: number, prefix: number, steps: number, shared?: number }} shape
 */
export async function stepAlone(path, shape) {
  const { feeds, open } = await stepOf(path, shape);
  const session = await open();
  return {
    /** Milliseconds of processor time a step, the better of two runs. */
    measure: async () => (await bestCpuTimeMs(2, () => session.run(feeds))) / shape.steps,
    stop: () => session.release(),
  };
}

/**
 * @param {string} path of a checkpoint @param {{ batch: number, prefix: number, steps: number, shared?: number }} shape
 * @returns milliseconds of processor time a step, and per kind of operator how many a step has and how many microseconds they take, longest first
 */
export async function stepOperators(path, shape) {
  const { weightsFirst, feeds, open } = await stepOf(path, shape);
  const folder = await mkdtemp(join(tmpdir(), 'segue-profile-'));
  try {
    const plain = await stepAlone(path, shape);
    const stepMs = Math.min(await plain.measure(), await plain.measure());
    await plain.stop();
    const profiled = await open({ enableProfiling: true, profileFilePrefix: join(folder, 'step') });
    for (let run = 0; run < runs; run++) await profiled.run(feeds);
    profiled.endProfiling();
    await profiled.release();
    const [file] = await readdir(folder);
    const events = JSON.parse(await readFile(join(folder, file), 'utf8'));
    return { weightsFirst, stepMs, operators: summary(events, runs * shape.steps) };
  } finally {
    await rm(folder, { recursive: true });
  }
}

function summary(events, steps) {
  const kinds = new Map();
  for (const { cat, name, dur, args } of events) {
    // The loop holds all others.
    if (cat !== 'Node' || !name.endsWith('_kernel_time') || args.op_name === 'Loop') continue;
    const kind = kinds.get(args.op_name) ?? { count: 0, microseconds: 0 };
    kind.count++;
    kind.microseconds += dur;
    kinds.set(args.op_name, kind);
  }
  return [...kinds]
    .map(([operator, { count, microseconds }]) => ({ operator, perStep: count / steps, us: microseconds / steps }))
    .sort((a, b) => b.us - a.us);
}
