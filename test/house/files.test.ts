/** What holds for every file: its size, its opening comment, no unfinished work, no address of a download, no dead command. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { filesUnder, read, root } from './tree.js';

const maxLines = 400;
const code = ['packages', 'scripts', 'test', 'deploy'].flatMap((folder) => filesUnder(folder, ['.ts', '.mjs']));
const texts = [...code, ...filesUnder('protos', ['.proto']), ...filesUnder('deploy', ['.yaml', '.yml'])];

t.test(`no file is longer than ${maxLines} lines`, async (t) => {
  const long = [...code, ...filesUnder('protos', ['.proto'])]
    .map((file) => ({ file, lines: read(file).trimEnd().split('\n').length }))
    .filter(({ lines }) => lines > maxLines);
  t.strictSame(long, [], 'split these by noun or verb');
});

t.test('every file opens with a comment that says what it is', async (t) => {
  const silent = code.filter((file) => !/^(#!.*\n)?(\/\*|\/\/)/.test(read(file)));
  t.strictSame(silent, []);
});

/** Written in pieces, so that this file does not hold what it looks for. */
const marks: readonly RegExp[] = [
  new RegExp(`\\b(${['TO', 'FIX'].map((start) => `${start}${start === 'TO' ? 'DO' : 'ME'}`).join('|')})\\b`),
  /\b(t|test|describe|it)\.(skip|only|todo)\s*\(/,
  new RegExp(`@ts-${'(ignore|expect-error|nocheck)'}`),
  new RegExp(`${'biome'}-ignore|${'eslint'}-disable`),
];

t.test('no unfinished work, no skipped test, no silenced check', async (t) => {
  const found = texts.flatMap((file) =>
    read(file)
      .split('\n')
      .flatMap((line, index) => (marks.some((mark) => mark.test(line)) ? [`${file}:${index + 1} ${line.trim()}`] : [])),
  );
  t.strictSame(found, []);
});

t.test('every test file lies where the runner looks', async (t) => {
  const lost = filesUnder('packages', ['.test.ts']).filter((file) => !/^packages\/[^/]+\/test\//.test(file));
  t.strictSame(lost, []);
});

t.test('the lock file records no download address', async (t) => {
  t.notMatch(read('package-lock.json'), /"resolved": "(https?|git)/);
});

const scripts: Readonly<Record<string, string>> = JSON.parse(read('package.json')).scripts;

t.test('every npm script starts a file that exists', async (t) => {
  for (const [name, command] of Object.entries(scripts)) {
    const file = /^node (\S+)/.exec(command)?.[1];
    if (file !== undefined) t.ok(existsSync(join(root, file)), `npm run ${name}: ${file}`);
  }
});

t.test('every npm command that a text names exists', async (t) => {
  const pages = [...filesUnder('', ['.md']), ...filesUnder('.github', ['.yml']), ...code];
  const unknown = pages.flatMap((file) =>
    [...read(file).matchAll(/\bnpm run (?:--silent |-s )?([a-z][a-z:-]*)/g)]
      .map(([, name]) => name ?? '')
      .filter((name) => !(name in scripts) && name !== 'x')
      .map((name) => `${file} names npm run ${name}`),
  );
  t.strictSame(unknown, []);
});
