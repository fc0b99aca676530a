/**
 * Malformed configuration: a complete valid one with one thing wrong in it, or a file whose text was damaged. Which keys there are is read from the schemas.
 */
import type { SeededRandom } from '@segue/core';
import { stringify } from 'yaml';
import { damaged } from './bytes.js';
import { type Case, pick } from './cases.js';

export interface MalformedSettings {
  readonly name: string;
  /** As the file holds them. */
  readonly text: Buffer;
  /** Key that the refusal has to name; null where the file as a whole is damaged, and may even be valid by chance. */
  readonly key: string | null;
}

type Tree = { [name: string]: unknown };

/** Values that no key takes. */
const wrongValues: readonly unknown[] = [
  { unknown: 1 },
  [[]],
  [{ a: [1, 2] }],
  -1e308,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  { __proto__: null, a: { b: { c: null } } },
];

/** Pieces of text that mean much to a YAML reader. */
const pieces = [
  '\t',
  ': ',
  '- ',
  '&a ',
  '*a',
  '<<: *a',
  '!!js/function "x"',
  '!!binary "AA=="',
  '? ',
  '|',
  '>',
  '{',
  '}',
  '[',
  ']',
  '"',
  "'",
  '#',
  '%YAML 9.9\n',
  '---\n',
  '...\n',
  '\0',
  '\ufeff',
  '\u2028',
  '__proto__: 1\n',
  'constructor: 1\n',
  '.nan',
  '.inf',
  '0x1F',
  '1_000',
  'null',
];

const textDamages: readonly ((random: SeededRandom, text: Buffer) => Buffer)[] = [
  damaged,
  damaged,
  (random, text) => {
    const at = random.below(text.length + 1);
    return Buffer.concat([text.subarray(0, at), Buffer.from(pick(random, pieces)), text.subarray(at)]);
  },
  // A line twice.
  (random, text) => {
    const lines = text.toString().split('\n');
    const at = random.below(lines.length);
    return Buffer.from([...lines.slice(0, at), pick(random, lines), ...lines.slice(at)].join('\n'));
  },
  // Deeper than any stack.
  (random) => Buffer.from(pick(random, ['[', '{a: ', '- ']).repeat(1 + random.below(3_000))),
  // A name for a list of names for lists.
  (random) =>
    Buffer.from(
      Array.from({ length: 5 + random.below(6) }, (_, i) =>
        i === 0 ? 'k0: &k0 [x,x,x,x,x,x,x,x,x]' : `k${i}: &k${i} [${`*k${i - 1},`.repeat(9)}]`,
      ).join('\n'),
    ),
];

export function malformedSettings({ name, random }: Case, valid: Tree): MalformedSettings {
  if (random.below(3) === 0)
    return { name, text: pick(random, textDamages)(random, Buffer.from(stringify(valid))), key: null };
  const tree = structuredClone(valid);
  let section: Tree = tree;
  for (;;) {
    const key = pick(random, Object.keys(section));
    const value = section[key];
    if (isTree(value) && Object.keys(value).length > 0 && random.below(8) > 0) {
      section = value;
      continue;
    }
    if (random.below(4) > 0) {
      section[key] = pick(random, wrongValues);
      return { name: `${name} (${key})`, text: Buffer.from(stringify(tree)), key };
    }
    const misspelt = `${key}${pick(random, ['s', '_', 'X', ' ', '.', '-1'])}`;
    section[misspelt] = value ?? null;
    return { name: `${name} (${misspelt})`, text: Buffer.from(stringify(tree)), key: misspelt };
  }
}

function isTree(value: unknown): value is Tree {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
