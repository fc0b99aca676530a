/** Numeric answer: forms of one number are equal. */
import { SegueError } from '@segue/core';
import { extractAnswer } from '../extract-answer.js';
import { excerpt, right, type Scorer, wrong } from '../scorer.js';

/** Allowed difference of numbers that are not both whole, relative to the larger one. */
const relativeTolerance = 1e-6;

export const numericScorer: Scorer = {
  name: 'numeric',
  description:
    'The final answer is the same number as the reference answer, in any form: 1000, 1,000, 1e3, 0.5, 1/2, \\frac{1}{2}. ' +
    'Whole numbers must be equal, others up to 1e-6 relative.',
  metadataSchema: null,
  async score({ response, answer }) {
    const reference = parseNumber(answer);
    if (reference === null) {
      throw new SegueError('INVALID_INPUT', `the reference answer ${excerpt(answer)} is not a number`);
    }
    const text = extractAnswer(response);
    const given = parseNumber(text);
    if (given === null) return wrong(`answered ${excerpt(text)}, which is not a number`);
    return isSameNumber(given, reference) ? right(text) : wrong(`answered ${excerpt(text)}`);
  },
};

export function isSameNumber(a: number, b: number): boolean {
  if (Number.isSafeInteger(a) && Number.isSafeInteger(b)) return a === b;
  return Math.abs(a - b) <= relativeTolerance * Math.max(Math.abs(a), Math.abs(b));
}

const decimal = String.raw`(?:\d{1,3}(?:,\d{3})+|\d+)?(?:\.\d*)?(?:[eE][+-]?\d+)?`;
const fraction = new RegExp(`^([+-]?)(${decimal})(?:/(${decimal}))?$`, 'u');

/** The number that a text spells; null when it spells none. A currency sign before it and a full stop after it are passed over. */
export function parseNumber(text: string): number | null {
  const plain = text
    .replace(/\\d?frac\{([^{}]*)\}\{([^{}]*)\}/u, '$1/$2')
    .replaceAll('\u2212', '-')
    .replace(/[\s$]/gu, '')
    .replace(/(?<=\d)\.$/u, '');
  const [, sign, above, below] = fraction.exec(plain) ?? [];
  const numerator = parseDecimal(above);
  const denominator = below === undefined ? 1 : parseDecimal(below);
  if (numerator === null || denominator === null || denominator === 0) return null;
  const value = (sign === '-' ? -1 : 1) * (numerator / denominator);
  return Number.isFinite(value) ? value : null;
}

function parseDecimal(text: string | undefined): number | null {
  if (text === undefined || !/^[\d.]/u.test(text) || !/\d/u.test(text)) return null;
  const value = Number(text.replaceAll(',', ''));
  return Number.isFinite(value) ? value : null;
}
