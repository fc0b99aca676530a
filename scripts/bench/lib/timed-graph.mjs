/** A graph as a contender: built once, run again and again on one thread, told by the processor time of its best run. */
import { Builder } from '../../../packages/engine/dist/graph/builder.js';
import { emit } from '../../../packages/engine/dist/graph/emit.js';
import { Session } from '../../../packages/engine/dist/graph/session.js';
import { bestCpuTimeMs } from './cpu-time.mjs';

/** @param {number} length */
export const randomFloats = (length) => Float32Array.from({ length }, () => Math.random() - 0.5);

/**
 * @param {(b: Builder) => void} build
 * @param {number} repeats runs per measurement
 */
export async function timedGraph(build, repeats) {
  const b = new Builder();
  build(b);
  const session = await Session.create(emit(b), { name: 'measured graph' });
  return {
    /** Milliseconds of processor time, the best of the runs. */
    measure: (feeds) => bestCpuTimeMs(repeats, () => session.run(feeds)),
    stop: () => session.dispose(),
  };
}
