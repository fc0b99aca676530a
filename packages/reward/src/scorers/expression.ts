/** Countdown: an expression over given numbers, each used at most once, that evaluates exactly to the target. */
import { SegueError } from '@segue/core';
import { extractAnswer } from '../extract-answer.js';
import { excerpt, right, type Scorer, wrong } from '../scorer.js';
import { isInteger, parseExpression } from './rational.js';

export const expressionScorer: Scorer = {
  name: 'expression',
  description:
    'The final answer is an expression with + - * / and parentheses over the numbers in metadata.numbers, each used at most once, and its exact value ' +
    'is the reference answer, a whole number. What follows an equals sign is passed over.',
  metadataSchema: {
    type: 'object',
    required: ['numbers'],
    properties: { numbers: { type: 'array', minItems: 1, items: { type: 'integer', minimum: 0 } } },
  },
  async score({ response, answer, metadata }) {
    const target = requireTarget(answer);
    const allowed = requireNumbers(metadata.numbers);
    const [text = ''] = extractAnswer(response).split('=');
    const expression = parseExpression(text.trim());
    if (expression === null) return wrong(`answered ${excerpt(text)}, which is not an expression`);
    const surplus = firstSurplus(expression.numbers, allowed);
    if (surplus !== null) return wrong(`${excerpt(text)} uses ${surplus} more often than it is given`);
    if (expression.value === null) return wrong(`${excerpt(text)} divides by zero`);
    if (!isInteger(expression.value, target)) return wrong(`${excerpt(text)} is not ${target}`);
    return right(text.trim());
  },
};

function requireTarget(answer: string): bigint {
  if (/^\s*-?\d{1,18}\s*$/u.test(answer)) return BigInt(answer.trim());
  throw new SegueError('INVALID_INPUT', `the reference answer ${excerpt(answer)} is not a whole number`);
}

function requireNumbers(numbers: unknown): bigint[] {
  const isNumber = (value: unknown) => Number.isSafeInteger(value) && Number(value) >= 0;
  if (Array.isArray(numbers) && numbers.length > 0 && numbers.every(isNumber)) return numbers.map(BigInt);
  throw new SegueError(
    'INVALID_INPUT',
    `metadata.numbers must be a list of whole numbers, got ${excerpt(String(numbers))}`,
  );
}

/** The first number that is used more often than it is given; null when none is. */
function firstSurplus(used: readonly bigint[], given: readonly bigint[]): bigint | null {
  const left = [...given];
  for (const number of used) {
    const at = left.indexOf(number);
    if (at < 0) return number;
    left.splice(at, 1);
  }
  return null;
}
