/**
 * How many malformed inputs a fuzz test makes, and from which seed: `SEGUE_FUZZ_CASES` (10000 is the full number) and `SEGUE_FUZZ_SEED`. Each case has randomness of its
 * own, so that one that failed can be made again alone, by the seed and the name that its failure tells.
 */
import { SeededRandom } from '@segue/core';

const defaultCases = 1_000;

export const cases = wholeNumber('SEGUE_FUZZ_CASES', defaultCases);
export const seed = wholeNumber('SEGUE_FUZZ_SEED', 1);

function wholeNumber(name: string, fallback: number): number {
  const number = Number(process.env[name] ?? fallback);
  if (!Number.isSafeInteger(number) || number < 0) throw new Error(`${name} must be a whole number`);
  return number;
}

export interface Case {
  /** `SEGUE_FUZZ_SEED=1, segments 17`: with it the case can be made again. */
  readonly name: string;
  readonly index: number;
  readonly random: SeededRandom;
}

export function caseOf(purpose: string, index: number): Case {
  return {
    name: `SEGUE_FUZZ_SEED=${seed}, ${purpose} ${index}`,
    index,
    random: new SeededRandom(seed, `${purpose} ${index}`),
  };
}

export function pick<T>(random: SeededRandom, items: readonly T[]): T {
  const item = items[random.below(items.length)];
  if (item === undefined) throw new Error('nothing to pick from');
  return item;
}
