/**
 * When a table takes another item and when it gives items out: the rules that hold collecting and learning at a rate to each other. Pure
 * arithmetic over counts; who waits, and for how long, is the caller's.
 *
 *   min-size  samples wait for a minimum size; inserts never wait
 *   ratio     beyond that, (inserts - minSize) * samplesPerInsert - samples stays within -errorBuffer and +errorBuffer: samples wait below
 *             it, inserts above it. Inserts never wait while the table is not above its minimum size
 *   queue     inserts wait while the table is full, samples while it holds too little; every item is sampled once, oldest first
 *   stack     the same, newest first
 */

export const limiterKinds = ['min-size', 'ratio', 'queue', 'stack'] as const;
export type LimiterKind = (typeof limiterKinds)[number];

export interface RateLimiterRules {
  readonly kind: LimiterKind;
  /** Items that a table must hold before it is sampled. */
  readonly minSize: number;
  /** Times that an item is sampled on average; `ratio` alone. */
  readonly samplesPerInsert: number;
  /** How far the balance may be off before somebody waits, in samples; `ratio` alone. */
  readonly errorBuffer: number;
}

/** What rounding may add to a balance of 0.3 samples per insert: nobody is held up by it. */
const slack = 1e-6;

/** Counts since a table was made. */
export interface TableLevel {
  /** Items that are in it. */
  readonly size: number;
  readonly inserts: number;
  readonly samples: number;
  /** Samples that its items are good for before they are used up. */
  readonly samplesLeft: number;
}

/** Why another item has to wait, in words for people; null when it has not. */
export function insertBlocker(rules: RateLimiterRules, maxSize: number, level: TableLevel): string | null {
  switch (rules.kind) {
    case 'min-size':
      return null;
    case 'ratio': {
      if (level.size + 1 <= rules.minSize) return null;
      const error = balanceOf(rules, { ...level, inserts: level.inserts + 1 });
      if (error <= rules.errorBuffer + slack) return null;
      return `samples: with one insert more (inserts - minSize) * samplesPerInsert - samples would be ${round(error)}, above errorBuffer ${rules.errorBuffer}`;
    }
    case 'queue':
    case 'stack':
      return level.size < maxSize ? null : `room: it holds ${level.size} items, its maxSize`;
  }
}

/** Why `count` samples have to wait, in words for people; null when they have not. */
export function sampleBlocker(rules: RateLimiterRules, level: TableLevel, count: number): string | null {
  const minSize = rules.kind === 'min-size' || rules.kind === 'ratio' ? rules.minSize : 1;
  if (level.size < minSize) return `items: it holds ${level.size}, its minimum size is ${minSize}`;
  if (level.samplesLeft < count) {
    return `items: those that it holds may be sampled ${level.samplesLeft} times more, ${count} samples were asked for`;
  }
  if (rules.kind !== 'ratio') return null;
  const error = balanceOf(rules, { ...level, samples: level.samples + count });
  if (error >= -rules.errorBuffer - slack) return null;
  return `inserts: with ${count} samples more (inserts - minSize) * samplesPerInsert - samples would be ${round(error)}, below -errorBuffer ${-rules.errorBuffer}`;
}

/** Samples that are owed: above zero there were too few. */
function balanceOf(rules: RateLimiterRules, { inserts, samples }: Pick<TableLevel, 'inserts' | 'samples'>): number {
  return (inserts - rules.minSize) * rules.samplesPerInsert - samples;
}

function round(value: number): number {
  return Number(value.toFixed(3));
}
