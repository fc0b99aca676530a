/** `npm run soak [-- <flags>]`: the set-up, then an hour of work on a real cluster and a judgement of what it holds (scripts/soak/). */
import { join } from 'node:path';
import { main, root, runInForeground } from './lib/process.mjs';
import { setUp } from './lib/setup.mjs';

await main(async () =>
  runInForeground(process.execPath, [join(root, 'scripts/soak/main.mjs'), ...process.argv.slice(2)], await setUp()),
);
