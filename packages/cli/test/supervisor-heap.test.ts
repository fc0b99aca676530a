/** The process that supervises a real cluster: its heap does not grow to several times what it holds. What that is worth is docs/load.md's. */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import t from 'tap';

const module = (name: string) => JSON.stringify(new URL(`../dist/${name}`, import.meta.url).href);

t.test('garbage is collected before it is much more than what is held', async (t) => {
  const script = `
    import { defaultClusterOptions, LocalCluster } from ${module('cluster/local-cluster.js')};
    const options = { ...defaultClusterOptions, dataFolder: ${JSON.stringify(t.testdir())}, only: ['replay'] };
    const cluster = new LocalCluster(options, (error) => { throw error; });
    await cluster.start();
    process.once('SIGTERM', () => cluster.stop());
    console.log('"started"');`;
  // A small young generation, so that the old one is what is seen.
  const NODE_OPTIONS = `--max-semi-space-size=1 --import ${new URL('../../../test/support/garbage.mjs', import.meta.url)}`;
  const supervisor = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, NODE_OPTIONS },
  });
  const ended = new Promise((resolve) => supervisor.once('close', resolve));
  t.teardown(async () => {
    supervisor.kill('SIGTERM');
    await ended;
  });
  const lines = createInterface({ input: supervisor.stdout })[Symbol.asyncIterator]();
  t.equal((await lines.next()).value, '"started"');
  supervisor.kill('SIGUSR2');
  const { heldBytes, mostBytes } = JSON.parse((await lines.next()).value ?? 'null');
  const mebibytes = (bytes: number) => Math.round(bytes / 2 ** 20);
  t.ok(
    mostBytes < 2.5 * heldBytes,
    `a heap of ${mebibytes(mostBytes)} MiB at most, of which ${mebibytes(heldBytes)} were in use after a collection`,
  );
});
