/**
 * `npm run setup`: the set-up alone, which `npm start` and `npm test` do by themselves.
 * `npm run setup:cuda` (the flag --cuda) adds the CUDA provider and libraries.
 */
import { installCuda } from './lib/cuda.mjs';
import { main, say } from './lib/process.mjs';
import { setUp } from './lib/setup.mjs';

await main(async () => {
  const environment = await setUp();
  if (process.argv.includes('--cuda')) await installCuda();
  say(`segue: ready (nats-server: ${environment.SEGUE_NATS_SERVER ?? process.env.SEGUE_NATS_URL})`);
});
