/**
 * Attention of a decode step with everything else left out, one thread, random numbers: what of a step's time is the attention kernel's, what
 * joining the chunk's keys and values costs, what one reading of them would cost, and the rates of the layouts in which the products could be put.
 */
import { tensor } from '../../../packages/engine/dist/graph/session.js';
import { randomFloats, timedGraph } from './timed-graph.mjs';

/** Keys and values of every layer, B*G rows of `columns`: inputs in a graph, or feeds. */
function pastOf({ layers, kvHeads, headSize }, batch, columns, make) {
  const shape = [batch * kvHeads, columns, headSize];
  return Array.from({ length: layers }, (_, layer) => ['k', 'v'].map((part) => make(`${part}${layer}`, shape)));
}

function feedsOf(config, batch, columns) {
  const feeds = {};
  pastOf(config, batch, columns, (name, shape) => {
    feeds[name] = tensor('float32', shape, randomFloats(shape[0] * shape[1] * shape[2]));
  });
  return feeds;
}

/** One query per row against several pieces of keys and values, one softmax. q [B*G, R, D] -> the same. */
function attend(b, q, pieces, alpha) {
  const scores = pieces.map(([keys]) => b.matmul(q, keys, { transB: true, alpha }));
  const sizes = scores.map(({ shape }) => shape[2]);
  const weights = b.split(b.softmax(b.concat(scores, 2)), sizes, 2);
  return pieces.map(([, values], i) => b.matmul(weights[i], values)).reduce((sum, part) => b.add(sum, part));
}

/**
 * Attention of all layers, `steps` steps over a prefix and a chunk.
 * @param {{ batch: number, prefix: number, steps: number, grows: boolean }} shape `grows`: the chunk's keys and values are joined step by step, as
 * decoding does; else the chunk is as long as it is in the mean, and stays
 */
export async function attentionAlone(config, { batch, prefix, steps, grows }) {
  const { heads, kvHeads, headSize, layers } = config;
  const rows = batch * kvHeads;
  const alpha = 1 / Math.sqrt(headSize);
  const build = (b) => {
    const q = b.input('q', 'float32', [rows, heads / kvHeads, headSize]);
    const past = pastOf(config, batch, 'P', (name, shape) => b.input(name, 'float32', shape));
    b.dimension('P');
    const first = b.slice(q, 0, 1, 1); // [B*G, 1, D]
    const length = grows ? 0 : Math.ceil(steps / 2);
    const chunk = Array.from({ length: 2 * layers }, (_, i) => ({
      name: `chunk${i}`,
      initial: b.expand(first, [rows, length, headSize]),
      bodyShape: [rows, 't', headSize],
      finalShape: [rows, 'columns', headSize],
    }));
    const { carried } = b.loop(
      b.scalar(steps, 'int64'),
      [{ name: 'q', initial: q }, ...(grows ? chunk : [])],
      ({ graph, carried: [begin, ...before] }) => {
        const grown = grows
          ? before.map((part) => graph.concat([part, first], 1))
          : chunk.map(({ initial }) => initial);
        let x = begin;
        for (const [layer, piece] of past.entries()) {
          x = attend(graph, x, [piece, [grown[2 * layer], grown[2 * layer + 1]]], alpha);
        }
        return { carried: [x, ...(grows ? grown : [])] };
      },
    );
    carried.forEach((value, i) => {
      b.output(`out${i}`, value);
    });
  };
  const graph = await timedGraph(build, 2);
  const size = [rows, heads / kvHeads, headSize];
  const q = tensor('float32', size, randomFloats(size.reduce((product, dim) => product * dim)));
  const feeds = { q, ...feedsOf(config, batch, prefix) };
  /** Milliseconds a step. */
  return { measure: async () => (await graph.measure(feeds)) / steps, stop: graph.stop };
}

/** Bytes of the keys and values of `columns` tokens of `batch` rows. */
export function keyValueBytes({ layers, kvHeads, headSize }, batch, columns) {
  return 8 * layers * batch * kvHeads * columns * headSize;
}

/** A sum over all keys and values: the fastest way in which the runtime reads. */
export async function readingAlone(config, batch, columns) {
  const build = (b) => {
    const past = pastOf(config, batch, columns, (name, shape) => b.input(name, 'float32', shape)).flat();
    const sums = past.map((part) => b.reduceSum(part, [0, 1, 2]));
    b.output('y', b.sum(sums));
  };
  const graph = await timedGraph(build, 8);
  const feeds = feedsOf(config, batch, columns);
  /** Milliseconds for all of them. */
  return { measure: () => graph.measure(feeds), stop: graph.stop };
}

/** The ways to put a product of queries and keys, and of weights and values. q [N, R, D], keys and values [N, S, D], weights [N, R, S]. */
const layouts = {
  queriesAsRows: {
    keys: (b, q, keys) => b.matmul(q, keys, { transB: true }), // [N, R, S]
    values: (b, weights, values) => b.matmul(weights, values), // [N, R, D]
  },
  oneRowPerProduct: {
    keys: (b, q, keys) => b.matmul(b.unsqueeze(q, [2]), b.unsqueeze(keys, [1]), { transB: true }), // [N, R, 1, S]
    values: (b, weights, values) => b.matmul(b.unsqueeze(weights, [2]), b.unsqueeze(values, [1])), // [N, R, 1, D]
  },
  keysAsLeftSide: {
    keys: (b, q, keys) => b.matmul(keys, q, { transB: true }), // [N, S, R]
    values: (b, weights, values) => b.matmul(values, weights, { transA: true, transB: true }), // [N, D, R]
  },
};

export const layoutNames = Object.keys(layouts);

/**
 * One layout's product over the keys, or the values, of all layers in turn.
 * @param {'keys' | 'values'} which
 */
export async function attentionLayout(config, { layout, which, batch, columns }) {
  const { heads, kvHeads, headSize } = config;
  const rows = batch * kvHeads;
  const left = [rows, heads / kvHeads, which === 'keys' ? headSize : columns];
  const build = (b) => {
    const x = b.input('x', 'float32', left);
    const past = pastOf(config, batch, columns, (name, shape) => b.input(name, 'float32', shape)).flat();
    const products = past.map((part) => layouts[layout][which](b, x, part));
    // One element of each is used, so that nothing large is copied out.
    const elements = products.map((product) => {
      const shape = product.shape.map(() => 1);
      const [ends, starts] = [b.integers(shape), b.integers(shape.map(() => 0))];
      return b.node('Slice', [product, starts, ends], {}, [{ dtype: 'float32', shape }])[0];
    });
    b.output('y', b.sum(elements));
  };
  const graph = await timedGraph(build, 6);
  const x = tensor('float32', left, randomFloats(left.reduce((product, dim) => product * dim)));
  const feeds = { x, ...feedsOf(config, batch, columns) };
  const bytes = keyValueBytes(config, batch, columns);
  /** Bytes per second. */
  return { measure: async () => (bytes / (await graph.measure(feeds))) * 1000, stop: graph.stop };
}
