/** Malformed lines of a problem file: JSON that is none, fields that are missing, of another type, unknown, bytes that are no text. */
import type { SeededRandom } from '@segue/core';
import { damaged } from './bytes.js';
import { type Case, pick } from './cases.js';

export interface MalformedLine {
  readonly name: string;
  /** Without a line end. */
  readonly line: Buffer;
  /** Wrong beyond doubt; else it may be valid by chance. */
  readonly isWrong: boolean;
}

const valid = {
  id: 'sum-1',
  purpose: 'warmup',
  prompt: 'How much is 1+1? ü',
  answer: '2',
  scorer: 'exact',
  tags: ['easy', 'sums'],
  difficulty: 0.5,
  metadata: { numbers: [1, 1], note: { deep: true } },
  response: '#2',
};
export const validLine = JSON.stringify(valid);

/** Of each field, values that it may not have. */
const wrongValues: Readonly<Record<string, readonly unknown[]>> = {
  id: ['', 'A', '../x', 'a b', '-a', 'a'.repeat(129), 1, {}, true],
  purpose: ['', 'training', null, 1, [], '__proto__'],
  prompt: [
    '',
    [],
    {},
    null,
    1,
    [{}],
    [{ role: 'tool', content: 'x' }],
    [{ role: 'user', content: [] }],
    [{ role: 'user' }],
    [{ role: 'user', content: [{ type: 'video', url: 'x' }] }],
  ],
  answer: [null, 2, {}, [], false],
  scorer: ['', null, 1, {}],
  tags: [null, 'easy', [1], {}, [['a']]],
  difficulty: ['1', {}, [], true],
  metadata: [null, 1, 'x', [], true],
  response: ['', 1, {}, null, []],
};

/** Values that JSON does not have, where a number stands. */
const noValues = [
  'NaN',
  'Infinity',
  '-Infinity',
  '1e999',
  '0x10',
  '01',
  '+1',
  '.5',
  '1.',
  'undefined',
  "'1'",
  '1 // one',
  '1,,',
];

export function malformedLine({ name, random }: Case): MalformedLine {
  switch (random.below(5)) {
    case 0: {
      const field = pick(random, Object.keys(wrongValues));
      return wrong(`${name} (${field})`, JSON.stringify({ ...valid, [field]: pick(random, wrongValues[field] ?? []) }));
    }
    case 1: {
      const unknown = pick(random, ['Prompt', 'color', 'answer ', 'constructor', 'tokens', '']);
      return wrong(`${name} (${unknown})`, JSON.stringify({ ...valid, [unknown]: 1 }));
    }
    case 2:
      return wrong(name, validLine.replace('0.5', pick(random, noValues)));
    case 3:
      return wrong(name, noLine(random));
    default: {
      const line = damaged(random, Buffer.from(validLine));
      // Line ends make two of one.
      return { name, line: Buffer.from(line.filter((byte) => byte !== 0x0a && byte !== 0x0d)), isWrong: false };
    }
  }
}

function wrong(name: string, line: string | Buffer): MalformedLine {
  return { name, line: Buffer.from(line), isWrong: true };
}

/** What is no object, or no text at all. */
function noLine(random: SeededRandom): string | Buffer {
  const depth = 1 + random.below(20_000);
  return pick<string | Buffer>(random, [
    'null',
    '[]',
    '1',
    '"prompt"',
    '{}',
    '[{}]',
    `[${validLine}]`,
    `${validLine},`,
    `${validLine}${validLine}`,
    validLine.slice(0, random.below(validLine.length - 1) + 1),
    '['.repeat(depth),
    `${'{"prompt":'.repeat(depth)}1${'}'.repeat(depth)}`,
    Buffer.concat([Buffer.from(validLine.slice(0, 60)), Buffer.from([0xff, 0xfe]), Buffer.from(validLine.slice(60))]),
    Buffer.concat([Buffer.from(validLine.slice(0, -1)), Buffer.from([0xc3])]),
    Buffer.from(validLine, 'utf16le'),
  ]);
}
