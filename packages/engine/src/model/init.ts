/** Initial parameters from a seed: normal with standard deviation 0.02 as in Llama, narrower where a layer adds to the residual stream. */
import { SeededRandom } from '@segue/core';
import type { ParameterLayout } from './layout.js';

export interface InitOptions {
  /** Standard deviation of the weights. Default 0.02. */
  readonly deviation?: number;
}

/** A flat parameter array; norms are 1. The same seed gives the same values for the same config. */
export function initialParameters(
  layout: ParameterLayout,
  seed: number,
  { deviation = 0.02 }: InitOptions = {},
): Float32Array {
  const flat = new Float32Array(layout.length);
  const random = new SeededRandom(seed, 'initial parameters');
  // Each layer adds two terms to the residual stream: scaled so that its variance does not grow with depth (GPT-2).
  const residual = deviation / Math.sqrt(2 * layout.config.layers);
  for (const { name, shape, offset, size } of layout.tensors) {
    if (shape.length === 1) {
      flat.fill(1, offset, offset + size);
      continue;
    }
    const scale = name.endsWith('o_proj.weight') || name.endsWith('down_proj.weight') ? residual : deviation;
    for (let i = offset; i < offset + size; i++) flat[i] = scale * random.normal();
  }
  return flat;
}
