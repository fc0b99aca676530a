/**
 * Initial parameters from a seed: normal, as wide as keeps the activations' variance through a layer (so that a narrow policy learns as
 * quickly as a wide one), narrower where a layer adds to the residual stream.
 */
import { SeededRandom } from '@segue/core';
import type { ParameterLayout } from './layout.js';

/** Standard deviation of the embedding, which serves as output layer too when it is tied. */
const embeddingDeviation = 0.04;
/** Standard deviation of a matrix times the square root of its inputs. */
const gain = 0.7;

export interface InitOptions {
  /** One standard deviation for all weights, instead of one by a matrix's inputs. */
  readonly deviation?: number;
}

/** A flat parameter array; norms are 1, biases 0. The same seed gives the same values for the same config. */
export function initialParameters(layout: ParameterLayout, seed: number, options: InitOptions = {}): Float32Array {
  const flat = new Float32Array(layout.length);
  const random = new SeededRandom(seed, 'initial parameters');
  // Each layer adds two terms to the residual stream: scaled so that its variance does not grow with depth (GPT-2).
  const residual = 1 / Math.sqrt(2 * layout.config.layers);
  for (const { name, shape, offset, size } of layout.tensors) {
    // A matrix is [outputs, inputs], as Hugging Face stores it.
    const inputs = shape[1];
    if (inputs === undefined) {
      flat.fill(name.endsWith('.bias') ? 0 : 1, offset, offset + size);
      continue;
    }
    const adds = name.endsWith('o_proj.weight') || name.endsWith('down_proj.weight');
    const own = name.endsWith('embed_tokens.weight') ? embeddingDeviation : gain / Math.sqrt(inputs);
    const deviation = (options.deviation ?? own) * (adds ? residual : 1);
    for (let i = offset; i < offset + size; i++) flat[i] = deviation * random.normal();
  }
  return flat;
}
