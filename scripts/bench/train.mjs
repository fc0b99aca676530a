/**
 * A training step (forward, backward, clip, AdamW) side by side: `npm run bench -- train [--sizes small,large,medium] [--threads 1,2]
 * [--rounds 5] [--prompt 1] [--micro-batch TOKENS] [--json] [--peers --python /path/to/python]`. Every contender is a process of its own and takes steps in turn with
 * the others; peak memory is the largest resident set of its whole process, and `floorMb` what of ours is there whatever the activations take: the
 * process before it has read anything, parameters, gradient, two moments, and the copy of the gradient that the runtime's binding makes. With --peers: PyTorch (peers/train-pytorch.py), eager and
 * compiled, run by a Python that has torch (--python or SEGUE_BENCH_PYTHON). All contenders start from one checkpoint; loss and
 * gradient norm of the first step must agree. Beside each peer the limits: our time over its, were ours the matrix products of linear layers alone
 * (`productsOverTime`), and were everything but these products as fast as in the peer (`timeRatioWithOurProducts`).
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { parameterLayout } from '@segue/engine';
import { alternate, median, ratio, short } from './lib/alternate.mjs';
import { startContender } from './lib/contender.mjs';
import { modelOf, withCheckpoint } from './lib/sizes.mjs';
import { linearLayers, openPeerProducts, openProducts, productsMs, trainingBatches } from './lib/training-products.mjs';

const { values: options } = parseArgs({
  options: {
    sizes: { type: 'string', default: 'small,large,medium' },
    threads: { type: 'string', default: '1,2' },
    rounds: { type: 'string', default: '5' },
    /** Tokens of a row that are not trained; the first never is. */
    prompt: { type: 'string', default: '1' },
    'micro-batch': { type: 'string' },
    peers: { type: 'boolean', default: false },
    python: { type: 'string', default: process.env.SEGUE_BENCH_PYTHON ?? 'python3' },
    json: { type: 'boolean', default: false },
  },
});

async function measure(size, threads) {
  const { rows, length } = trainingBatches[size];
  const config = modelOf(size, length + 1);
  const { vocabularySize } = config;
  return withCheckpoint(config, async (checkpoint) => {
    const task = {
      checkpoint,
      threads,
      promptTokens: Number(options.prompt),
      learningRate: 1e-5,
      tau: 0.01,
      tokens: Array.from({ length: rows }, (_, row) =>
        Array.from({ length: length + 1 }, (_, t) => (t * t * 31 + t * 7 + row * 13) % vocabularySize),
      ),
      advantages: Array.from({ length: rows }, (_, row) => (row % 2 === 0 ? 1 : -0.5)),
      referenceLogProbs: Array.from({ length: rows }, () => Array(length + 1).fill(-Math.log(vocabularySize))),
      options: options['micro-batch'] ? { maxTokensPerMicroBatch: Number(options['micro-batch']) } : {},
    };
    const folder = join(checkpoint, '..');
    const describe = async (name, more) => {
      const path = join(folder, `${name}.json`);
      await writeFile(path, JSON.stringify({ ...task, ...more }));
      return path;
    };
    const contenders = {
      segue: await startContender(process.execPath, [
        join(import.meta.dirname, 'lib/train-step.mjs'),
        await describe('segue'),
      ]),
    };
    if (options.peers) {
      const peer = join(import.meta.dirname, 'peers/train-pytorch.py');
      for (const compile of [false, true]) {
        const name = compile ? 'compiled' : 'eager';
        contenders[name] = await startContender(options.python, [peer, await describe(name, { compile })]);
      }
    }
    const first = Object.fromEntries(
      await Promise.all(Object.entries(contenders).map(async ([name, { step }]) => [name, await step()])),
    );
    requireAgreement(first);
    const figures = await alternate(
      Object.fromEntries(Object.entries(contenders).map(([name, { step }]) => [name, step])),
      Number(options.rounds),
    );
    const { parameters } = parameterLayout(config);
    const products = options.peers ? await measureProducts(size, threads) : null;
    const line = { size, parameters, rows, length, threads, ...(products && { productsMs: products.segue }) };
    for (const [name, contender] of Object.entries(contenders)) {
      const of = (who, what) => figures[who].map((step) => step[what]);
      const ms = median(of(name, 'ms'));
      line[name] = {
        version: contender.version,
        ms: short(ms),
        cpuMs: short(median(of(name, 'cpuMs'))),
        tokensPerSecond: Math.round((rows * length * 1000) / ms),
        peakMb: Math.round(contender.peakMb()),
      };
      if (name === 'segue') {
        const { startMb } = contender.about;
        line.segue.gradientMs = short(median(of('segue', 'gradientMs')));
        line.segue.floorMb = Math.round(startMb + (floorBytesPerParameter * parameters) / 1e6);
      }
      if (name !== 'segue') {
        line[name].timeRatio = short(ratio(of('segue', 'ms'), of(name, 'ms')));
        line[name].cpuRatio = short(ratio(of('segue', 'cpuMs'), of(name, 'cpuMs')));
        line[name].memoryRatio = short(line.segue.peakMb / line[name].peakMb);
        line[name].memoryRatioAtFloor = short(line.segue.floorMb / line[name].peakMb);
        line[name].productsMs = products.pytorch;
        // On one thread by processor time, which other work disturbs less.
        const whole = threads === 1 ? line[name].cpuMs : ms;
        line[name].productsOverTime = short(products.segue / whole);
        line[name].timeRatioWithOurProducts = short((whole - products.pytorch + products.segue) / whole);
      }
      await contender.end();
    }
    return line;
  });
}

/** Parameters, gradient, two moments, and a copy of the gradient, in float32. */
const floorBytesPerParameter = 5 * Float32Array.BYTES_PER_ELEMENT;

/** Milliseconds that the products of a step's linear layers take alone. */
async function measureProducts(size, threads) {
  const layers = linearLayers(size);
  const shapes = layers.map(({ shape }) => shape);
  const peer = await openPeerProducts(options.python, shapes, threads);
  const figures = await alternate({ segue: await openProducts(shapes, threads), pytorch: peer.measure }, 3);
  await peer.stop();
  const ms = (rounds) => short(median(rounds.map((rates) => productsMs(layers, rates))));
  return { segue: ms(figures.segue), pytorch: ms(figures.pytorch) };
}

/** The same loss and gradient norm, or the contenders do not do the same thing. */
function requireAgreement(first) {
  for (const [name, { loss, gradientNorm }] of Object.entries(first)) {
    for (const [ours, theirs] of [
      [first.segue.loss, loss],
      [first.segue.gradientNorm, gradientNorm],
    ]) {
      if (Math.abs(ours - theirs) > 1e-3 * Math.abs(theirs)) {
        throw new Error(`segue and ${name} differ in the first step: ${JSON.stringify(first)}`);
      }
    }
  }
}

for (const size of options.sizes.split(',')) {
  for (const threads of options.threads.split(',').map(Number)) {
    const line = await measure(size, threads);
    process.stdout.write(options.json ? `${JSON.stringify(line)}\n` : `${format(line)}\n`);
  }
}

function format({ size, parameters, rows, length, threads, productsMs: ourProducts, ...contenders }) {
  const lines = Object.entries(contenders).map(([name, figures]) => {
    const { ms, cpuMs, tokensPerSecond, peakMb } = figures;
    const row = `  ${name.padEnd(9)} ${String(ms).padStart(7)} ms (CPU ${cpuMs})  ${String(tokensPerSecond).padStart(6)} tokens/s  ${String(peakMb).padStart(5)} MB`;
    if (name === 'segue') return `${row}, of which ${figures.floorMb} MB whatever activations take`;
    const { timeRatio, cpuRatio, memoryRatio, productsOverTime, timeRatioWithOurProducts, memoryRatioAtFloor } =
      figures;
    return [
      `${row}   segue takes ${timeRatio} x its time, ${cpuRatio} x its CPU time, ${memoryRatio} x its memory`,
      `            limits: our products alone (${ourProducts} ms, its own ${figures.productsMs}) ${productsOverTime} x its time, with everything else as fast as in it ${timeRatioWithOurProducts} x; memory without activations ${memoryRatioAtFloor} x`,
    ].join('\n');
  });
  return [
    `${size}: ${(parameters / 1e6).toFixed(1)} M parameters, ${rows} x ${length} tokens, ${threads} thread(s)`,
    ...lines,
  ].join('\n');
}
