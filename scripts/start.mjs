/**
 * `npm start -- <arguments>`: the set-up, then `segue demo <arguments>`. The demo owns stdout, the terminal and its exit code.
 */
import { main, root, runInForeground } from './lib/process.mjs';
import { setUp } from './lib/setup.mjs';

await main(async () => {
  const environment = await setUp();
  return runInForeground(
    process.execPath,
    [`${root}/packages/cli/dist/main.js`, 'demo', ...process.argv.slice(2)],
    environment,
  );
});
