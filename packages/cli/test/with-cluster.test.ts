/** A local cluster around some work: how it ends when work does not. A real message server; services of a few lines, which do nothing. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { defaultRestartRules } from '../dist/cluster/child.js';
import { type ClusterOptions, defaultClusterOptions } from '../dist/cluster/local-cluster.js';
import { withLocalCluster } from '../dist/run/with-cluster.js';

const service = `
  const server = require('node:net').createServer().listen(0, '127.0.0.1', () => {
    const address = '127.0.0.1:' + server.address().port;
    console.log(JSON.stringify({ ready: true, address, metricsAddress: address }));
  });`;

/** A cluster of services that are ready, and no more. */
function idleCluster(t: Test): ClusterOptions {
  const folder = t.testdir();
  const entry = join(folder, 'service.cjs');
  writeFileSync(entry, service);
  const entries = { replay: entry, controller: entry, trainer: entry, reward: entry };
  return { ...defaultClusterOptions, dataFolder: join(folder, 'data'), actors: 0, entries };
}

t.test('work that would wait for ever ends with a process that cannot be kept alive', async (t) => {
  const options = { ...idleCluster(t), restarts: { ...defaultRestartRules, maxInARow: 0 } };
  const work = withLocalCluster(
    options,
    () => {},
    async ({ cluster, interrupt }) => {
      process.kill(cluster.child('trainer').pid ?? 0, 'SIGKILL');
      await new Promise((resolve) => interrupt.signal.addEventListener('abort', resolve));
      return new Promise(() => {});
    },
  );
  await t.rejects(work, { code: 'UNAVAILABLE', message: /trainer was ended by SIGKILL.* gave up after 0 restarts/ });
});
