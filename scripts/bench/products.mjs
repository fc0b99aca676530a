/**
 * The limit of a training step: rates of the three matrix products of a linear layer (forward, gradient of the input, gradient of the
 * weight), alone, for every layer of a size, and what all of a step take together: `npm run bench -- products [--sizes small,large] [--threads 1]
 * [--rounds 3] [--peers --python /path/to/python] [--json]`. With --peers the same products in PyTorch, in turn.
 */
import { parseArgs } from 'node:util';
import { alternate, median, short } from './lib/alternate.mjs';
import { kinds, linearLayers, openPeerProducts, openProducts, productsMs } from './lib/training-products.mjs';

const { values: options } = parseArgs({
  options: {
    sizes: { type: 'string', default: 'small,large' },
    threads: { type: 'string', default: '1' },
    rounds: { type: 'string', default: '3' },
    peers: { type: 'boolean', default: false },
    python: { type: 'string', default: process.env.SEGUE_BENCH_PYTHON ?? 'python3' },
    json: { type: 'boolean', default: false },
  },
});
const threads = Number(options.threads);
const print = (line, text) => process.stdout.write(`${options.json ? JSON.stringify(line) : text}\n`);

for (const size of options.sizes.split(',')) {
  const layers = linearLayers(size);
  const shapes = layers.map(({ shape }) => shape);
  const contenders = { segue: await openProducts(shapes, threads) };
  const peer = options.peers ? await openPeerProducts(options.python, shapes, threads) : null;
  if (peer) contenders.pytorch = peer.measure;
  const figures = await alternate(contenders, Number(options.rounds));
  await peer?.stop();
  for (const [contender, rounds] of Object.entries(figures)) {
    const rates = shapes.map((_, i) =>
      Object.fromEntries(kinds.map((kind) => [kind, short(median(rounds.map((round) => round[i][kind])))])),
    );
    for (const [i, shape] of shapes.entries()) {
      print(
        { size, contender, shape, threads, ...rates[i] },
        `${size.padEnd(6)} ${contender.padEnd(8)} ${shape.join(' x ').padEnd(18)} GFLOP/s: ${kinds.map((kind) => `${kind} ${rates[i][kind]}`).join(', ')}`,
      );
    }
    const ms = short(median(rounds.map((round) => productsMs(layers, round))));
    print(
      { size, contender, threads, stepProductsMs: ms },
      `${size.padEnd(6)} ${contender.padEnd(8)} all of a step: ${ms} ms`,
    );
  }
}
