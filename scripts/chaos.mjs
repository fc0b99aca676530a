/** `npm run chaos [-- <flags>]`: the set-up, then a chaos run on a real cluster (scripts/chaos/). */
import { join } from 'node:path';
import { main, root, runInForeground } from './lib/process.mjs';
import { setUp } from './lib/setup.mjs';

await main(async () =>
  runInForeground(process.execPath, [join(root, 'scripts/chaos/main.mjs'), ...process.argv.slice(2)], await setUp()),
);
