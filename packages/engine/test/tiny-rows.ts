/** Rows for tests of training: many lengths, seeded, over the vocabulary of the tiny policy. */
import { SeededRandom } from '@segue/core';
import type { PolicyRow, TokenRow, TrainingEngine } from '../dist/index.js';
import { tinyConfig } from './tiny-policy.js';

/** Rows of many lengths; the first three tokens are prompt. */
export function someRows(count: number, seed = 1): TokenRow[] {
  const random = new SeededRandom(seed, 'rows');
  return Array.from({ length: count }, () => {
    const length = 6 + random.below(40);
    const tokens = Int32Array.from({ length }, () => random.below(tinyConfig.vocabularySize));
    return { tokens, mask: new Uint8Array(length).fill(1, 3) };
  });
}

export async function policyRows(engine: TrainingEngine, rows: readonly TokenRow[]): Promise<PolicyRow[]> {
  const { logProbs } = await engine.logProbs(rows);
  const random = new SeededRandom(2, 'policy rows');
  return rows.map((row, i) => ({
    ...row,
    advantage: random.normal(),
    referenceLogProbs: logProbs[i]!.map((value) => value + 0.1 * random.normal()),
  }));
}
