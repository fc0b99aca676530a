// A policy small enough for tests, written to a folder, and requests for it.
import type { Engine, SequenceRequest, SequenceResult } from '@segue/core';
import { writeCheckpoint } from '../dist/model/checkpoint.js';
import type { ModelConfig } from '../dist/model/config.js';
import { initialParameters } from '../dist/model/init.js';
import { parameterLayout } from '../dist/model/layout.js';

export const tinyConfig: ModelConfig = {
  architecture: 'LlamaForCausalLM',
  hiddenSize: 32,
  layers: 2,
  heads: 4,
  kvHeads: 2,
  headSize: 8,
  intermediateSize: 48,
  vocabularySize: 24,
  rmsNormEpsilon: 1e-5,
  ropeTheta: 10_000,
  tieEmbeddings: false,
  maxPositions: 96,
  bosTokenId: null,
  eosTokenIds: [0],
};
export const tinyLayout = parameterLayout(tinyConfig);

/** Parameters wide enough that tokens differ much in probability. */
export function tinyParameters(seed: number): Float32Array {
  return initialParameters(tinyLayout, seed, { deviation: 0.35 });
}

export async function writeTinyPolicy(folder: string, seed = 1, parameters = tinyParameters(seed)): Promise<string> {
  await writeCheckpoint(folder, { config: tinyConfig, layout: tinyLayout, parameters });
  return folder;
}

/** A prompt of a length, other for each key. */
export function prompt(key: number, length: number): Int32Array {
  return Int32Array.from({ length }, (_, i) => 1 + ((i * 5 + key * 3 + i * i * (key + 1)) % 23));
}

export function request(id: string, overrides: Partial<SequenceRequest> = {}): SequenceRequest {
  return {
    id,
    promptKey: 'p0',
    promptTokens: prompt(0, 9),
    responseTokens: new Int32Array(),
    seed: 42,
    sampling: { temperature: 1, topK: 0, topP: 1 },
    stopTokens: [0],
    budgetTokens: 30,
    capTokens: 60,
    lastSpan: false,
    repeat: null,
    ...overrides,
  };
}

/** Adds requests to those that run and goes on until all have ended; results by id. */
export async function generate(
  engine: Pick<Engine, 'admit' | 'generateChunk'>,
  requests: readonly SequenceRequest[] = [],
): Promise<Map<string, SequenceResult>> {
  await engine.admit(requests);
  const results = new Map<string, SequenceResult>();
  for (let running = true; running; ) {
    const report = await engine.generateChunk();
    for (const result of report.finished) results.set(result.id, result);
    running = report.running > 0;
  }
  return results;
}
