/**
 * `npm run bench [-- <name> <arguments>]`: runs a package's benchmark, packages/<name>/bench/main.mjs.
 * Without a name it lists the benchmarks.
 */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { main, Refusal, root, runInForeground } from './lib/process.mjs';
import { setUp } from './lib/setup.mjs';

await main(async () => {
  const [name, ...rest] = process.argv.slice(2);
  const names = readdirSync(join(root, 'packages')).filter((folder) => existsSync(program(folder)));
  if (name === undefined) {
    process.stdout.write(`Benchmarks: ${names.join(', ') || 'none yet'}. Run one with npm run bench -- <name>.\n`);
    return 0;
  }
  if (!names.includes(name))
    throw new Refusal(`There is no benchmark ${name}. Known: ${names.join(', ') || 'none yet'}.`);
  return runInForeground(process.execPath, [program(name), ...rest], await setUp());
});

function program(name) {
  return join(root, 'packages', name, 'bench/main.mjs');
}
