/**
 * The limit of a training step: rates of the three matrix products of a linear layer (forward, gradient of the input, gradient of the
 * weight), alone: `npm run bench -- products [--threads 1] [--rounds 3] [--peers --python /path/to/python] [--json]`. With --peers the
 * same products in PyTorch, in turn.
 */
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { Builder } from '../../packages/engine/dist/graph/builder.js';
import { emit } from '../../packages/engine/dist/graph/emit.js';
import { alternate, median, short } from './lib/alternate.mjs';
import { startContender } from './lib/contender.mjs';

const { values: options } = parseArgs({
  options: {
    threads: { type: 'string', default: '1' },
    rounds: { type: 'string', default: '3' },
    peers: { type: 'boolean', default: false },
    python: { type: 'string', default: process.env.SEGUE_BENCH_PYTHON ?? 'python3' },
    json: { type: 'boolean', default: false },
  },
});
const threads = Number(options.threads);

/** Tokens, inputs, outputs of layers of the sizes small, large and medium. */
const shapes = [
  [2048, 128, 384],
  [1024, 512, 1408],
  [1024, 1408, 512],
  [1024, 768, 2048],
];
const kinds = ['forward', 'inputGradient', 'weightGradient'];

/** A graph of one product whose result is reduced to its first element, so that nothing large is copied out. */
async function product(kind, [m, k, n]) {
  const b = new Builder();
  const input = { x: [m, k], w: [n, k], g: [m, n] };
  const [left, right, transA, transB] = {
    forward: ['x', 'w', 0, 1],
    inputGradient: ['g', 'w', 0, 0],
    weightGradient: ['g', 'x', 1, 0],
  }[kind];
  const values = [left, right].map((name) => b.input(name, 'float32', input[name]));
  const result = b.op('Gemm', values, { transA, transB });
  b.output('first', b.slice(b.slice(result, 0, 1, 0), 0, 1, 1));
  const session = await InferenceSession.create(emit(b), {
    intraOpNumThreads: threads,
    extra: { session: { intra_op: { allow_spinning: '0' } } },
  });
  const random = ([rows, columns]) =>
    new Tensor('float32', Float32Array.from({ length: rows * columns }, Math.random), [rows, columns]);
  const feeds = { [left]: random(input[left]), [right]: random(input[right]) };
  return async () => {
    let best = Number.POSITIVE_INFINITY;
    for (let i = 0; i < 6; i++) {
      const begin = performance.now();
      await session.run(feeds);
      best = Math.min(best, performance.now() - begin);
    }
    return (2e-6 * m * k * n) / best;
  };
}

const ours = await Promise.all(
  shapes.map(async (shape) =>
    Object.fromEntries(await Promise.all(kinds.map(async (kind) => [kind, await product(kind, shape)]))),
  ),
);
const contenders = {
  segue: async () => {
    const rates = [];
    for (const products of ours) {
      const rate = {};
      for (const kind of kinds) rate[kind] = await products[kind]();
      rates.push(rate);
    }
    return rates;
  },
};
const peer = options.peers
  ? await startContender(options.python, [
      join(import.meta.dirname, 'peers/products-pytorch.py'),
      JSON.stringify(shapes),
      String(threads),
    ])
  : null;
if (peer) contenders.pytorch = () => peer.step();
const figures = await alternate(contenders, Number(options.rounds));
for (const [name, rounds] of Object.entries(figures)) {
  shapes.forEach((shape, i) => {
    const rates = Object.fromEntries(kinds.map((kind) => [kind, short(median(rounds.map((round) => round[i][kind])))]));
    const line = { contender: name, shape, threads, ...rates };
    process.stdout.write(
      options.json
        ? `${JSON.stringify(line)}\n`
        : `${name.padEnd(8)} ${shape.join(' x ').padEnd(18)} GFLOP/s: ${kinds.map((kind) => `${kind} ${rates[kind]}`).join(', ')}\n`,
    );
  });
}
await peer?.end();
