/**
 * The numbered examples of packages/client, each as a process of its own against one real cluster, in the order in which a reader runs them; and `segue up`, which starts it.
 */
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { connect } from '@segue/client';
import t from 'tap';
import { startUp } from '../support/up.js';

const up = await startUp(t, '--actors', '1');
const { controller, folder, lines } = up;
const examples = fileURLToPath(new URL('../../packages/client/dist/examples/', import.meta.url));

async function example(name: string, ...more: string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(process.execPath, [join(examples, `${name}.js`), controller, ...more], {
    cwd: folder,
  });
  return stdout;
}

t.test('1: submit a batch and wait', async (t) => {
  const first = await example('1-submit-and-wait');
  t.match(first, /^200 problems are in the run$/m);
  t.match(first, /^run sums is finished after 2 iterations; version [12] is active$/m);
  t.match(await example('1-submit-and-wait'), /^run sums is finished/, 'running it again changes nothing');
});

t.test('2: watch a run', async (t) => {
  const told = await example('2-watch-a-run');
  t.match(told, /^warm-up step \d+ of 60: loss \d/m);
  t.match(told, /^iteration 0: [1-9]\d* tokens, [1-9]\d* responses, reward [\d.]+\niteration 1: /m);
  t.match(told, /^the run is finished\n$/m);
});

t.test('3: generate for evaluation', async (t) => {
  const told = await example('3-generate-for-evaluation');
  t.match(told, /^two-and-two: "#\d+" by version [12], ended by stop$/m);
  t.match(told, /^nine-and-eight: "/m);
  t.match(told, /^accuracy [\d.]+ on 25 problems, 0 samples not judged$/m);
  t.equal(await example('3-generate-for-evaluation'), told, 'the same seed gives the same text');
});

t.test('4: bring your own scorer', async (t) => {
  const told = await example('4-bring-your-own-scorer');
  const rewards = [...told.matchAll(/^reward ([\d.]+): (\d+) responses$/gm)];
  t.ok(
    rewards.some(([, reward]) => Number(reward) > 0 && Number(reward) < 1),
    told,
  );
  const client = connect(controller);
  const run = await client.getRun('close-sums');
  t.equal(run.state, 'finished', run.error);
  t.match((await client.listScorers()).at(-1), { name: 'closeness', servers: 0 }, 'it is gone, and known');
  client.close();
});

t.test('5: export weights', async (t) => {
  const told = await example('5-export-weights', join(folder, 'out'));
  t.match(told, /out\/model\.safetensors {2}[1-9]\d+ bytes/);
  t.match(told, /out\/config\.json/);
  t.match(told, /^that is version [12]$/m);
  await t.rejects(example('5-export-weights', join(folder, 'out')), { message: /files already: name a new folder/ });
});

t.test('segue up says where it is, once, and ends by an interrupt', async (t) => {
  up.process.kill('SIGINT');
  const [{ code, stderr }] = await Promise.all([up.ended, once(up.process, 'exit')]);
  t.equal(code, 130, stderr);
  t.equal(lines.length, 1);
  t.match(JSON.parse(lines[0] ?? ''), { controller: /^127\.0\.0\.1:\d+$/, page: /^http:\/\/127\.0\.0\.1:\d+$/ });
});
