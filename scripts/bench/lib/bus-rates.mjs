/**
 * How fast feeds get to a device and results back, through the same calls that the engine makes: graphs that only move bytes. On the CPU the
 * rates are those of copying in memory.
 */
import { Builder } from '../../../packages/engine/dist/graph/builder.js';
import { emit } from '../../../packages/engine/dist/graph/emit.js';
import { Session, tensor } from '../../../packages/engine/dist/graph/session.js';

const arrays = 16;
/** 16 MB each, as a large block of weights. */
const shape = [4096, 1024];
const length = shape[0] * shape[1];
const bytes = arrays * length * 4;

async function bestMs(session, feeds, fetches) {
  let best = Number.POSITIVE_INFINITY;
  for (let i = 0; i < 4; i++) {
    const begin = performance.now();
    await session.runInto(feeds, fetches);
    best = Math.min(best, performance.now() - begin);
  }
  await session.dispose();
  return best;
}

function names(prefix) {
  return Array.from({ length: arrays }, (_, i) => `${prefix}${i}`);
}

function buffers(prefix) {
  return Object.fromEntries(names(prefix).map((name) => [name, tensor('float32', shape, new Float32Array(length))]));
}

/** @returns {Promise<{inBytesPerMs: number, outBytesPerMs: number}>} */
export async function busRates(device) {
  const inward = new Builder();
  for (const name of names('in'))
    inward.output(`max ${name}`, inward.reduceMax(inward.input(name, 'float32', shape), [0, 1]));
  const maxima = Object.fromEntries(names('max in').map((name) => [name, tensor('float32', [], new Float32Array(1))]));
  const inMs = await bestMs(await Session.create(emit(inward), { device }), buffers('in'), maxima);

  const outward = new Builder();
  const value = outward.input('value', 'float32', [1, 1]);
  for (const [i, name] of names('out').entries()) outward.output(name, outward.expand(outward.add(value, i), shape));
  const feeds = { value: tensor('float32', [1, 1], Float32Array.of(1)) };
  const outMs = await bestMs(await Session.create(emit(outward), { device }), feeds, buffers('out'));
  return { inBytesPerMs: bytes / inMs, outBytesPerMs: bytes / outMs };
}
