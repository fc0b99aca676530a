/** The process that supervises a real cluster: its heap does not grow to several times what it holds. What that is worth is docs/load.md's. */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import t from 'tap';
import { garbageOptions, requireHeapBound } from '../../../test/support/heap-bound.js';

const module = (name: string) => JSON.stringify(new URL(`../dist/${name}`, import.meta.url).href);

t.test('garbage is collected before it is much more than what is held', async (t) => {
  const script = `
    import { defaultClusterOptions, LocalCluster } from ${module('cluster/local-cluster.js')};
    const options = { ...defaultClusterOptions, dataFolder: ${JSON.stringify(t.testdir())}, only: ['replay'] };
    const cluster = new LocalCluster(options, (error) => { throw error; });
    await cluster.start();
    process.once('SIGTERM', () => cluster.stop());
    console.log('"started"');`;
  const supervisor = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, NODE_OPTIONS: garbageOptions },
  });
  const ended = new Promise((resolve) => supervisor.once('close', resolve));
  t.teardown(async () => {
    supervisor.kill('SIGTERM');
    await ended;
  });
  const lines = createInterface({ input: supervisor.stdout })[Symbol.asyncIterator]();
  t.equal((await lines.next()).value, '"started"');
  await requireHeapBound(t, supervisor, lines);
});
