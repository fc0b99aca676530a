/**
 * What the runtime's matrix products reach on this machine, one thread: a large square product with a constant right side, and the products
 * of a decode step alone, in the same kind of loop, each with weights of its own. The first is what a share is a share of; the second is
 * what decoding could reach if everything else were free.
 */
import { tensor } from '../../../packages/engine/dist/graph/session.js';
import { randomFloats, timedGraph } from './timed-graph.mjs';

/** [n, n] x [n, n]: floating point operations per second of processor time. */
export async function squareProduct(n = 1024) {
  const build = (b) => {
    const x = b.input('x', 'float32', [n, n]);
    b.output('y', b.linear(x, b.constant('float32', [n, n], randomFloats(n * n))));
  };
  const graph = await timedGraph(build, 4);
  const feeds = { x: tensor('float32', [n, n], randomFloats(n * n)) };
  return { measure: async () => ((2 * n ** 3) / (await graph.measure(feeds))) * 1000, stop: graph.stop };
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

/** Operations of a step's products with `batch` rows, attention's not among them. */
export function stepFlops(config, batch) {
  return (batch * stepBytes(config)) / 2;
}

/**
 * The products of a decode step, `steps` times over, with as many rows as each measurement says.
 * @param weightsFirst weights times rows, as decode graphs of large models do; else rows times weights
 */
export async function stepProducts(config, steps, weightsFirst = false) {
  const shapes = stepShapes(config);
  const widths = [...new Set(shapes.map(([from]) => from))];
  const build = (b) => {
    const rows = new Map(widths.map((width) => [width, b.input(`rows${width}`, 'float32', ['B', width])]));
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
  const graph = await timedGraph(build, 2);
  const feedsOf = (batch) =>
    Object.fromEntries(
      widths.map((width) => [`rows${width}`, tensor('float32', [batch, width], randomFloats(batch * width))]),
    );
  const kept = new Map();
  return {
    /** Milliseconds a step. */
    async measure(batch) {
      if (!kept.has(batch)) kept.set(batch, feedsOf(batch));
      return (await graph.measure(kept.get(batch))) / steps;
    },
    stop: graph.stop,
  };
}
