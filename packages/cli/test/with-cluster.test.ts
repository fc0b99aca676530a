/** A local cluster around some work: how it ends when work does not. A real message server; services of a few lines, which do nothing. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { until } from '../../../test/support/waiting.js';
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

interface Started {
  readonly name: string;
  readonly pid: number;
  readonly address: string;
}

function answers(address: string): Promise<boolean> {
  const [host = '', port] = address.split(':');
  return new Promise((resolve) => {
    const socket = connect(Number(port), host);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

t.test('a second Ctrl-C ends it at once, and leaves nothing behind', async (t) => {
  const module = new URL('../dist/run/with-cluster.js', import.meta.url).href;
  const script = `
    import { withLocalCluster } from ${JSON.stringify(module)};
    const options = ${JSON.stringify(idleCluster(t))};
    await withLocalCluster(options, console.log, async ({ cluster }) => {
      const names = ['nats', 'replay', 'controller', 'trainer', 'reward'];
      const children = names.map((name) => cluster.child(name));
      console.log(JSON.stringify(children.map(({ spec, pid, address }) => ({ ...address, name: spec.name, pid }))));
      await new Promise(() => {});
    });`;
  const supervisor = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(supervisor, 'exit');
  t.teardown(() => supervisor.kill('SIGKILL'));
  const lines = createInterface({ input: supervisor.stdout })[Symbol.asyncIterator]();
  const started: Started[] = JSON.parse((await lines.next()).value ?? '[]');
  t.teardown(() => {
    for (const { pid } of started) if (isLeft(pid)) process.kill(pid, 'SIGKILL');
  });
  t.equal(started.length, 5);
  supervisor.kill('SIGINT');
  t.match((await lines.next()).value, /Ctrl-C again ends at once/);
  // One that comes within a second of the first is taken for the same.
  while (supervisor.exitCode === null && supervisor.signalCode === null) {
    supervisor.kill('SIGINT');
    await pause(50);
  }
  t.strictSame(await ended, [130, null]);
  for (const { name, address } of started) await until(async () => !(await answers(address)), `${name} ends`);
});

function isLeft(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
