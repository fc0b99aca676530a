/**
 * Finds repetition on token ids while they are generated. Pure: fed one token at a time, it can be continued across
 * segments by feeding the earlier response tokens again. It knows nothing of text or of what follows from a repetition.
 *
 * Rule: the tail of the response repeats when, for some period p of at most `maxPeriod` tokens, its last n tokens equal
 * the tokens p places before them without exception, and n is at least `minRepeats` * p and at least `minTokens`.
 * One differing token starts the count anew, so text that only looks alike (a counting sequence, the rows of a table with
 * changing numbers) never fires, however long it is.
 *
 * Cost: one comparison per candidate period, so O(maxPeriod) per token and O(maxPeriod) memory, whatever the length.
 */
import type { RepeatRule } from './engine.js';
import { SegueError } from './error.js';

/** Longest period that a rule may look for: it bounds the work per token. */
const maxPeriodLimit = 4096;

/** Refuses a rule that could fire on anything or that costs too much per token. */
export function requireRepeatRule(rule: RepeatRule): RepeatRule {
  const refuse = (field: string, must: string, got: number): never => {
    throw new SegueError('INVALID_INPUT', `repeat.${field} must be ${must}, got ${got}`);
  };
  const { maxPeriod, minRepeats, minTokens } = rule;
  if (!Number.isInteger(maxPeriod) || maxPeriod < 1 || maxPeriod > maxPeriodLimit) {
    refuse('maxPeriod', `a whole number from 1 to ${maxPeriodLimit}`, maxPeriod);
  }
  if (!Number.isInteger(minRepeats) || minRepeats < 2) refuse('minRepeats', 'a whole number of at least 2', minRepeats);
  if (!Number.isInteger(minTokens) || minTokens < 2) refuse('minTokens', 'a whole number of at least 2', minTokens);
  return rule;
}

/** Detects a repetition in one response. */
export class RepeatDetector {
  readonly #rule: RepeatRule;
  /** The last `maxPeriod` tokens; the token at position i lies at i modulo the length. */
  readonly #recent: Int32Array;
  /** By period - 1: how many of the last tokens equal, in an unbroken row, the token one period before. */
  readonly #matches: Uint32Array;
  #count = 0;
  #period = 0;

  constructor(rule: RepeatRule) {
    this.#rule = requireRepeatRule(rule);
    this.#recent = new Int32Array(rule.maxPeriod);
    this.#matches = new Uint32Array(rule.maxPeriod);
  }

  /** Tokens fed so far. */
  get count(): number {
    return this.#count;
  }

  /** Shortest period found by the last `push`, in tokens; 0 when the tail does not repeat. */
  get period(): number {
    return this.#period;
  }

  /** Takes the next token and tells whether the tail that it ends repeats. */
  push(token: number): boolean {
    const { maxPeriod, minRepeats, minTokens } = this.#rule;
    const recent = this.#recent;
    const matches = this.#matches;
    const newest = this.#count % maxPeriod;
    const periods = Math.min(maxPeriod, this.#count);
    let found = 0;
    for (let period = 1; period <= periods; period++) {
      const place = newest >= period ? newest - period : newest - period + maxPeriod;
      if (recent[place] !== token) {
        matches[period - 1] = 0;
        continue;
      }
      const run = matches[period - 1]! + 1;
      matches[period - 1] = run;
      // A run of matches makes a periodic tail that is one period longer than the run.
      const tail = run + period;
      if (found === 0 && tail >= minTokens && tail >= minRepeats * period) found = period;
    }
    recent[newest] = token;
    this.#count++;
    this.#period = found;
    return found !== 0;
  }
}
