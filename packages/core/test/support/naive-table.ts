/** Tables of items in a dozen lines each: lists that are searched from end to end, to hold the quick ones against. */
import type { ItemSelectorKind, RateLimiterRules, TableItem } from '@segue/core';

const rounding = 1e-6;

/** Probability of each item, in the order of insertion, under a selector. */
export function naiveProbabilities(items: readonly TableItem[], kind: ItemSelectorKind, exponent: number): number[] {
  const only = (chosen: TableItem | undefined) => items.map((item) => (item === chosen ? 1 : 0));
  const best = (sign: number) =>
    [...items].sort((a, b) => sign * (a.priority - b.priority) || a.touched - b.touched)[0];
  switch (kind) {
    case 'fifo':
      return only(items[0]);
    case 'lifo':
      return only(items.at(-1));
    case 'min-heap':
      return only(best(1));
    case 'max-heap':
      return only(best(-1));
    case 'uniform':
      return items.map(() => 1 / items.length);
    case 'prioritized': {
      const weights = items.map(({ priority }) => (priority === 0 ? 0 : priority ** exponent));
      const total = weights.reduce((sum, weight) => sum + weight, 0);
      return total === 0 ? items.map(() => 1 / items.length) : weights.map((weight) => weight / total);
    }
  }
}

/** The limiter as Reverb's documentation words it. */
export function naiveMayInsert(
  rules: RateLimiterRules,
  maxSize: number,
  size: number,
  inserts: number,
  samples: number,
) {
  if (rules.kind === 'min-size') return true;
  if (rules.kind !== 'ratio') return size < maxSize;
  if (size < rules.minSize) return true;
  const { minSize, samplesPerInsert, errorBuffer } = rules;
  return (inserts + 1) * samplesPerInsert - samples <= minSize * samplesPerInsert + errorBuffer + rounding;
}

export function naiveMaySample(
  rules: RateLimiterRules,
  items: readonly TableItem[],
  maxTimes: number,
  counts: { readonly inserts: number; readonly samples: number; readonly batch: number },
) {
  const least = rules.kind === 'queue' || rules.kind === 'stack' ? 1 : rules.minSize;
  if (items.length < least) return false;
  const left = items.reduce(
    (sum, { timesSampled }) => sum + (maxTimes === 0 ? counts.batch : maxTimes - timesSampled),
    0,
  );
  if (left < counts.batch) return false;
  if (rules.kind !== 'ratio') return true;
  const { minSize, samplesPerInsert, errorBuffer } = rules;
  return (
    counts.inserts * samplesPerInsert - counts.samples - counts.batch >=
    minSize * samplesPerInsert - errorBuffer - rounding
  );
}
