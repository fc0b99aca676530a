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
import { cpuTimeMs } from './cpu-time.mjs';

const runs = 3;

const filled = (dtype, dims, make) => tensor(dtype, dims, make(dims.reduce((product, dim) => product * dim, 1)));
const integers = (dims, value) => filled('int64', dims, (length) => new BigInt64Array(length).fill(BigInt(value)));
const floats = (dims, of) => filled('float32', dims, (length) => Float32Array.from({ length }, of));

function feedsOf({ layers, kvHeads, headSize }, { batch, prefix, steps }) {
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
  return feeds;
}

/**
 * @param {string} path of a checkpoint @param {{ batch: number, prefix: number, steps: number }} shape
 * @returns milliseconds of processor time a step, and per kind of operator how many a step has and how many microseconds they take, longest first
 */
export async function stepOperators(path, shape) {
  const weights = await openWeights(path);
  const { config, length } = weights.layout;
  const weightsFirst = weightsFirstPays(shape.batch, length, 'cpu');
  const variant = { shared: false, greedy: false, filtered: false, manyStops: false, weightsFirst };
  const model = emit(decodeGraph(weights, variant), 'decode');
  const folder = await mkdtemp(join(tmpdir(), 'segue-profile-'));
  const open = (more) =>
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
  try {
    const feeds = feedsOf(config, shape);
    const plain = await open({});
    let best = Number.POSITIVE_INFINITY;
    for (let run = 0; run <= runs; run++) {
      const begin = cpuTimeMs();
      await plain.run(feeds);
      best = Math.min(best, cpuTimeMs() - begin);
    }
    await plain.release();
    const profiled = await open({ enableProfiling: true, profileFilePrefix: join(folder, 'step') });
    for (let run = 0; run < runs; run++) await profiled.run(feeds);
    profiled.endProfiling();
    await profiled.release();
    const [file] = await readdir(folder);
    const events = JSON.parse(await readFile(join(folder, file), 'utf8'));
    return { weightsFirst, stepMs: best / shape.steps, operators: summary(events, runs * shape.steps) };
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
