/**
 * `npm run bench [-- <name> <arguments>]`: runs the benchmark scripts/bench/<name>.mjs on a fresh build.
 * Without a name it lists the benchmarks.
 */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { main, Refusal, root, runInForeground } from './lib/process.mjs';
import { setUp } from './lib/setup.mjs';

await main(async () => {
  const folder = join(root, 'scripts/bench');
  const names = readdirSync(folder)
    .filter((file) => file.endsWith('.mjs'))
    .map((file) => file.slice(0, -'.mjs'.length));
  const [name, ...rest] = process.argv.slice(2);
  if (name === undefined) {
    process.stdout.write(`Benchmarks: ${names.join(', ')}. Run one with npm run bench -- <name>.\n`);
    return 0;
  }
  if (!names.includes(name)) throw new Refusal(`There is no benchmark ${name}. Known: ${names.join(', ')}.`);
  return runInForeground(process.execPath, [join(folder, `${name}.mjs`), ...rest], await setUp());
});
