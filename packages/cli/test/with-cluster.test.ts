/** A local cluster around some work: how it ends when work does not, and when a person ends it. A real message server; services of a few lines, which do nothing. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
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

const moduleOf = (name: string) => JSON.stringify(new URL(`../dist/${name}`, import.meta.url).href);

/** A process of its own with a local cluster, and its lines on stdout. @param work of `withLocalCluster`, as text */
function supervise(t: Test, options: ClusterOptions, work: string) {
  const script = `
    import { exitCodeOf } from ${moduleOf('exit-codes.js')};
    import { withLocalCluster } from ${moduleOf('run/with-cluster.js')};
    import { outliveReaders } from ${moduleOf('view/gone-readers.js')};
    outliveReaders();
    const options = ${JSON.stringify(options)};
    const told = async ({ cluster, interrupt }) => {
      const names = ['nats', 'replay', 'controller', 'trainer', 'reward'];
      const children = names.map((name) => cluster.child(name));
      console.log(JSON.stringify(children.map(({ spec, pid, address }) => ({ ...address, name: spec.name, pid }))));
      await ${work};
    };
    // Not by the console, which takes no notice when nobody reads.
    const tell = (text) => void process.stdout.write(text + '\\n');
    process.exitCode = await withLocalCluster(options, tell, told).then(() => 0, exitCodeOf);`;
  const supervisor = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.teardown(() => supervisor.kill('SIGKILL'));
  const lines = createInterface({ input: supervisor.stdout })[Symbol.asyncIterator]();
  const nextLine = async () => (await lines.next()).value ?? '';
  const allStarted = async (): Promise<readonly Started[]> => {
    const started: Started[] = JSON.parse(await nextLine());
    t.teardown(() => {
      for (const { pid } of started) if (isLeft(pid)) process.kill(pid, 'SIGKILL');
    });
    return started;
  };
  return { supervisor, ended: once(supervisor, 'exit'), nextLine, allStarted };
}

t.test('a second Ctrl-C ends it at once, and leaves nothing behind', async (t) => {
  const { supervisor, ended, nextLine, allStarted } = supervise(t, idleCluster(t), 'new Promise(() => {})');
  const started = await allStarted();
  t.equal(started.length, 5);
  supervisor.kill('SIGINT');
  t.match(await nextLine(), /cut and saved \(Ctrl-C again ends at once\)/);
  // One that comes within a second of the first is taken for the same.
  while (supervisor.exitCode === null && supervisor.signalCode === null) {
    supervisor.kill('SIGINT');
    await pause(50);
  }
  t.strictSame(await ended, [130, null]);
  for (const { name, address } of started) await until(async () => !(await answers(address)), `${name} ends`);
});

t.test('a terminal that closes ends it in order, though what it says then reaches nobody', async (t) => {
  const { supervisor, ended, allStarted } = supervise(t, idleCluster(t), 'interrupt.cut(new Promise(() => {}))');
  const started = await allStarted();
  supervisor.stdout.destroy();
  supervisor.kill('SIGHUP');
  t.strictSame(await ended, [130, null]);
  for (const { name, pid } of started) t.notOk(isLeft(pid), `${name} has ended`);
});

t.test('a Ctrl-C while it starts stops what was started', async (t) => {
  const options = idleCluster(t);
  const pidFile = join(options.dataFolder, 'trainer.pid');
  const slow = `require('node:fs').writeFileSync(${JSON.stringify(pidFile)}, String(process.pid)); setInterval(() => {}, 1000);`;
  const trainer = join(options.dataFolder, '..', 'slow.cjs');
  writeFileSync(trainer, slow);
  const cluster = { ...options, entries: { ...options.entries, trainer } };
  const { supervisor, ended, nextLine } = supervise(t, cluster, 'undefined');
  const pidOf = (file: string) => (existsSync(file) ? Number(readFileSync(file, 'utf8')) : 0);
  await until(async () => pidOf(pidFile) > 0);
  const pids = [pidFile, join(options.dataFolder, 'nats', 'nats-server.pid')].map(pidOf);
  for (const pid of pids) t.ok(pid > 0, 'it runs');
  t.teardown(() => {
    for (const pid of pids) if (pid > 0 && isLeft(pid)) process.kill(pid, 'SIGKILL');
  });
  supervisor.kill('SIGINT');
  t.equal(await nextLine(), 'stopping (Ctrl-C again ends at once)');
  t.strictSame(await ended, [130, null]);
  for (const pid of pids) t.notOk(isLeft(pid), 'it has ended');
});

function isLeft(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
