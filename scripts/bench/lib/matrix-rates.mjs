/**
 * What the runtime's matrix products reach on this machine, one thread: a large square product with a constant right side, and the products
 * of a decode step alone, in the same kind of loop, each with weights of its own. The first is what a share is a share of; the second is
 * what decoding could reach if everything else were free.
 */
import { Builder } from '../../../packages/engine/dist/graph/builder.js';
import { emit } from '../../../packages/engine/dist/graph/emit.js';
import { Session, tensor } from '../../../packages/engine/dist/graph/session.js';
import { cpuTimeMs } from './cpu-time.mjs';

const randomFloats = (length) => Float32Array.from({ length }, () => Math.random() - 0.5);

async function rateOf(build, feeds, flops, repeats) {
  const b = new Builder();
  build(b);
  const session = await Session.create(emit(b), { name: 'matrix products' });
  return {
    /** Floating point operations per second of processor time, the best of a few runs. */
    async measure() {
      let best = 0;
      for (let i = 0; i < repeats; i++) {
        const begin = cpuTimeMs();
        await session.run(feeds);
        best = Math.max(best, (flops / (cpuTimeMs() - begin)) * 1000);
      }
      return best;
    },
    stop: () => session.dispose(),
  };
}

/** [n, n] x [n, n] */
export function squareProduct(n = 1024) {
  const build = (b) => {
    const x = b.input('x', 'float32', [n, n]);
    b.output('y', b.linear(x, b.constant('float32', [n, n], randomFloats(n * n))));
  };
  return rateOf(build, { x: tensor('float32', [n, n], randomFloats(n * n)) }, 2 * n ** 3, 4);
}

/** Weights of a decode step's products, [inputs, outputs] each. */
function stepShapes(config) {
  const { hiddenSize, layers, heads, kvHeads, headSize, intermediateSize, vocabularySize } = config;
  const attended = heads * headSize;
  const perLayer = [
    [hiddenSize, attended + 2 * kvHeads * headSize],
    [attended, hiddenSize],
    [hiddenSize, 2 * intermediateSize],
    [intermediateSize, hiddenSize],
  ];
  return [...Array.from({ length: layers }, () => perLayer).flat(), [hiddenSize, vocabularySize]];
}

/** Bytes of the weights that a decode step reads. */
export function stepBytes(config) {
  return 4 * stepShapes(config).reduce((sum, [from, to]) => sum + from * to, 0);
}

/**
 * The products of a decode step with `batch` rows, `steps` times over.
 * @param weightsFirst weights times rows, as decode graphs of large models do; else rows times weights
 */
export function stepProducts(config, batch, steps, weightsFirst = false) {
  const shapes = stepShapes(config);
  const widths = [...new Set(shapes.map(([from]) => from))];
  const build = (b) => {
    const rows = new Map(widths.map((width) => [width, b.input(`rows${width}`, 'float32', [batch, width])]));
    const weights = shapes.map(([from, to]) => b.constant('float32', [to, from], randomFloats(from * to)));
    const trips = b.scalar(steps, 'int64');
    const { carried } = b.loop(
      trips,
      [{ name: 'sum', initial: b.zeros([1, 1], 'float32') }],
      ({ graph, carried: [sum] }) => {
        // One element of each product is used, so that none is left out.
        const products = weights.map((weight) => {
          const x = rows.get(weight.shape[1]);
          return weightsFirst ? graph.linearTurned(x, weight) : graph.linear(x, weight);
        });
        const elements = products.map((product) => graph.slice(graph.slice(product, 0, 1, 0), 0, 1, 1));
        return { carried: [graph.sum([sum, ...elements])] };
      },
    );
    b.output('y', carried[0]);
  };
  const feeds = Object.fromEntries(
    widths.map((width) => [`rows${width}`, tensor('float32', [batch, width], randomFloats(batch * width))]),
  );
  const flops = 2 * batch * steps * shapes.reduce((sum, [from, to]) => sum + from * to, 0);
  return rateOf(build, feeds, flops, 2);
}
