/**
 * The matrix products of a training step's linear layers, alone: forward, gradient of the input and gradient of the weight of every layer, in ONNX
 * Runtime and in PyTorch, and what all of a step take together. No step is faster than these in its own library.
 */
import { join } from 'node:path';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { Builder } from '../../../packages/engine/dist/graph/builder.js';
import { emit } from '../../../packages/engine/dist/graph/emit.js';
import { startContender } from './contender.mjs';
import { modelOf } from './sizes.mjs';

export const kinds = ['forward', 'inputGradient', 'weightGradient'];

/** Rows and positions of a step of the training benchmark, and tokens of a micro-batch. */
export const trainingBatches = {
  small: { rows: 32, length: 128, microBatch: 2048 },
  large: { rows: 4, length: 256, microBatch: 1024 },
  medium: { rows: 4, length: 256, microBatch: 1024 },
};

/** The distinct layers of a size: shape [tokens of a micro-batch, inputs, outputs], and how often a step multiplies it. */
export function linearLayers(size) {
  const { rows, length, microBatch } = trainingBatches[size];
  const { hiddenSize, layers, heads, kvHeads, headSize, intermediateSize, vocabularySize } = modelOf(size, 1);
  const times = (rows * length) / microBatch;
  return [
    { shape: [microBatch, hiddenSize, (heads + 2 * kvHeads) * headSize], count: layers * times },
    { shape: [microBatch, heads * headSize, hiddenSize], count: layers * times },
    { shape: [microBatch, hiddenSize, intermediateSize], count: 2 * layers * times },
    { shape: [microBatch, intermediateSize, hiddenSize], count: layers * times },
    { shape: [microBatch, hiddenSize, vocabularySize], count: times },
  ];
}

/** Milliseconds that all products of a step take at these rates (GFLOP/s by kind, in the order of the layers). */
export function productsMs(layers, rates) {
  return layers.reduce((sum, { shape: [m, k, n], count }, i) => {
    const each = kinds.map((kind) => (2e-6 * m * k * n) / rates[i][kind]);
    return sum + count * each.reduce((a, b) => a + b);
  }, 0);
}

/** A graph of one product whose result is reduced to its first element, so that nothing large is copied out. */
async function product(kind, [m, k, n], threads) {
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

/**
 * @param {readonly number[][]} shapes
 * @returns {Promise<() => Promise<Record<string, number>[]>>} the best GFLOP/s of each shape by kind
 */
export async function openProducts(shapes, threads) {
  const open = (shape) => Promise.all(kinds.map((kind) => product(kind, shape, threads)));
  const all = await Promise.all(shapes.map(open));
  return async () => {
    const rates = [];
    for (const products of all) {
      const rate = {};
      for (const [i, kind] of kinds.entries()) rate[kind] = await products[i]();
      rates.push(rate);
    }
    return rates;
  };
}

/** The same in PyTorch, a process of its own. @param {string} python that has torch */
export async function openPeerProducts(python, shapes, threads) {
  const script = join(import.meta.dirname, '../peers/products-pytorch.py');
  const peer = await startContender(python, [script, JSON.stringify(shapes), String(threads)]);
  return { measure: () => peer.step(), stop: () => peer.end() };
}
