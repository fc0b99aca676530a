/**
 * Checkpoints of any size in seconds: the weights repeat a pool of normal numbers, as wide as keeps the activations' variance. For speed, what they
 * are does not matter; for parity, only that they are no special case.
 */
import { SeededRandom } from '@segue/core';
import { parameterLayout, writeCheckpoint } from '@segue/engine';

/** Prime, so that no two rows of a matrix begin at the same place of the pool. */
const poolLength = 1_048_573;

function normalPool(seed) {
  const random = new SeededRandom(seed, 'benchmark weights');
  return Float32Array.from({ length: poolLength }, () => random.normal());
}

export function randomParameters(layout, seed = 1) {
  const pool = normalPool(seed);
  const parameters = new Float32Array(layout.length);
  let at = 0;
  for (const { shape, offset, size } of layout.tensors) {
    if (shape.length === 1) {
      parameters.fill(1, offset, offset + size);
      continue;
    }
    const scale = 1 / Math.sqrt(shape[1]);
    const scaled = pool.map((value) => value * scale);
    for (let done = 0; done < size; ) {
      const part = scaled.subarray(at, at + size - done);
      parameters.set(part, offset + done);
      done += part.length;
      at = (at + part.length) % poolLength;
    }
  }
  return parameters;
}

/** Writes a checkpoint of `config` to `folder`, which must not exist. */
export async function writeRandomPolicy(folder, config, seed = 1) {
  const layout = parameterLayout(config);
  await writeCheckpoint(folder, { config, layout, parameters: randomParameters(layout, seed) });
  return layout.parameters;
}
