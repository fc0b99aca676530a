/** What README promises exists: its links, the folders of its map, the commands and flags of its tables. */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import t from 'tap';
import { filesUnder, packageNames, read, root } from './tree.js';

const readme = read('README.md');

t.test('every link inside the repository leads somewhere', async (t) => {
  const dead = filesUnder('', ['.md']).flatMap((page) =>
    [...read(page).matchAll(/\]\(([^)#\s]+)[^)]*\)/g)]
      .map(([, target]) => target ?? '')
      .filter((target) => !/^[a-z]+:/.test(target) && !existsSync(join(root, dirname(page), target)))
      .map((target) => `${page} -> ${target}`),
  );
  t.strictSame(dead, []);
});

t.test('the map names every package and folder, and no folder that is not there', async (t) => {
  const map = readme.slice(readme.indexOf('## The map'));
  const rows = map
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .map((line) => line.split('|')[1] ?? '');
  const named = rows.flatMap((cell) => [...cell.matchAll(/`([^`]+)`/g)].map(([, name]) => name ?? ''));
  t.ok(named.length > 0);
  const missing = named.filter((name) => !existsSync(join(root, name)) && !existsSync(join(root, 'packages', name)));
  t.strictSame(missing, [], 'these are not there');
  const places = [...packageNames, 'protos', 'deploy', 'scripts', 'test', 'docs'];
  const known = named.flatMap((name) => name.split('/'));
  t.strictSame(
    places.filter((name) => !known.includes(name)),
    [],
    'these have no row',
  );
});

t.test('every flag that README gives to a command is one that the command line knows', async (t) => {
  // The command's own, and those of a service that is run by hand.
  const source = filesUnder('packages/cli/src', ['.ts']).map(read).join('\n');
  const ofServices = read('packages/service/src/read-config.ts');
  const code = [...readme.matchAll(/`([^`\n]+)`|^(?:npm|npx) .*$/gm)].map(([whole, inline]) => inline ?? whole);
  const commands = code.filter((text) => /^(--|npm start|npx segue|segue )/.test(text));
  const flags = commands.flatMap((text) => text.match(/(?<= )--[a-z][a-z-]*|^--[a-z][a-z-]*/g) ?? []);
  t.ok(flags.length > 0);
  t.strictSame(
    flags.filter(
      (flag) => flag !== '--silent' && !source.includes(flag) && !ofServices.includes(`${flag.slice(2)}: { type:`),
    ),
    [],
  );
});
