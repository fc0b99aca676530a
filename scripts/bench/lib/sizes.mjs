/**
 * The model sizes that benchmarks share, and a checkpoint of each with random weights: speed does not depend on what they are.
 * `medium` is a policy that a small run trains; `0.5b` has the shape of the smallest Qwen2.5.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { initialParameters, parameterLayout, writeCheckpoint } from '@segue/engine';

const shapes = {
  /** 0.83 M parameters: the policy of the demo, with a larger vocabulary */
  demo: { hiddenSize: 160, layers: 3, heads: 5, kvHeads: 1, headSize: 32, intermediateSize: 448, vocabularySize: 64 },
  /** 0.8 M parameters */
  small: { hiddenSize: 128, layers: 4, heads: 4, kvHeads: 2, headSize: 32, intermediateSize: 384, vocabularySize: 64 },
  /** 25.7 M parameters */
  large: {
    hiddenSize: 512,
    layers: 8,
    heads: 8,
    kvHeads: 4,
    headSize: 64,
    intermediateSize: 1408,
    vocabularySize: 4096,
  },
  /** about 100 M parameters */
  medium: {
    hiddenSize: 768,
    layers: 14,
    heads: 12,
    kvHeads: 4,
    headSize: 64,
    intermediateSize: 2048,
    vocabularySize: 16_384,
  },
  /** 494 M parameters: the shape of Qwen2.5-0.5B. */
  '0.5b': {
    hiddenSize: 896,
    layers: 24,
    heads: 14,
    kvHeads: 2,
    headSize: 64,
    intermediateSize: 4864,
    vocabularySize: 151_936,
  },
  /** 1.54 G parameters: the shape of Qwen2.5-1.5B. */
  '1.5b': {
    hiddenSize: 1536,
    layers: 28,
    heads: 12,
    kvHeads: 2,
    headSize: 128,
    intermediateSize: 8960,
    vocabularySize: 151_936,
  },
};

const sizeNames = Object.keys(shapes);

/** @param {string} name of a size above @param {number} maxPositions longest sequence */
export function modelOf(name, maxPositions) {
  const shape = shapes[name];
  if (!shape) throw new Error(`there is no size ${name}; known: ${sizeNames.join(', ')}`);
  return {
    ...shape,
    rmsNormEpsilon: 1e-5,
    ropeTheta: 10_000,
    tieEmbeddings: true,
    maxPositions,
    bosTokenId: null,
    eosTokenIds: [],
  };
}

/** Writes a checkpoint into a temporary folder, hands its path to `use`, and removes it. */
export async function withCheckpoint(config, use) {
  const folder = await mkdtemp(join(tmpdir(), 'segue-bench-'));
  try {
    const layout = parameterLayout(config);
    const path = join(folder, 'policy');
    await writeCheckpoint(path, { config, layout, parameters: initialParameters(layout, 1) });
    return await use(path);
  } finally {
    await rm(folder, { recursive: true });
  }
}
