/** Inference servers that the engine starts: what they have in their environment, and when they end. */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { memorySettings } from '@segue/core';
import t from 'tap';
import { writeTinyPolicy } from '../../engine/test/tiny-policy.js';
import { RemoteEngine } from '../dist/index.js';

const modelServer = JSON.stringify(new URL('../dist/model-server.js', import.meta.url).href);

t.test('the bounds of our services do not reach a server of somebody else', async (t) => {
  const own = { MALLOC_ARENA_MAX: '8', NODE_OPTIONS: '--no-deprecation' };
  const given = { ...own, ...memorySettings(own) };
  // It says what it has been given, and ends.
  const server = `
    const given = ${JSON.stringify(Object.keys(given))}.filter((name) => name in process.env);
    console.log(JSON.stringify(Object.fromEntries(given.map((name) => [name, process.env[name]]))));`;
  const launch = {
    command: [process.execPath, '-e', server],
    name: 'model',
    folder: join(t.testdir(), 'server'),
    startTimeoutMs: 20_000,
    stopTimeoutMs: 1_000,
  };
  // The test runner would change the environment of what it starts itself.
  const engine = `
    import { ModelServer } from ${modelServer};
    Object.assign(process.env, ${JSON.stringify(given)});
    await ModelServer.start(${JSON.stringify(launch)}, new AbortController().signal).catch((error) => console.log(error.message));`;
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', engine]);
  const said = /last words: (\{.*\})/.exec(stdout)?.[1] ?? 'null';
  t.strictSame(JSON.parse(said), own, stdout);
});

/** A server that is well and lists its model. */
const idleServer = `
  require('node:http').createServer((asked, answer) => answer.end(JSON.stringify({ data: [{ id: process.argv[2] }] }))).listen(Number(process.argv[1]), '127.0.0.1');`;

t.test('a server that was made ready ends when it is let go of, and the one that serves goes on', async (t) => {
  const root = t.testdir();
  const [one, two] = [await writeTinyPolicy(join(root, '1'), 1), await writeTinyPolicy(join(root, '2'), 2)];
  const folder = join(root, 'servers');
  const command = [process.execPath, '-e', idleServer, '{port}', '{name}'];
  const engine = new RemoteEngine({ slots: 1, dialect: 'vllm', server: { command }, folder });
  t.teardown(() => engine.stop());
  await engine.loadVersion({ version: 1, folder: one });
  const [serving] = await readdir(folder);
  await engine.prepareVersion({ version: 2, folder: two });
  t.equal((await readdir(folder)).length, 2, 'each has a folder as long as it lives');
  await engine.prepareVersion(null);
  t.strictSame(await readdir(folder), [serving]);
  t.match(await engine.status(), { policyVersion: 1 });
});

t.test(
  'files of engines that were killed with their guards are removed at the start, and those of living ones are not',
  async (t) => {
    const root = t.testdir();
    const policy = await writeTinyPolicy(join(root, '1'), 1);
    const folder = join(root, 'servers');
    const command = [process.execPath, '-e', idleServer, '{port}', '{name}'];
    const living = new RemoteEngine({ slots: 1, dialect: 'vllm', server: { command }, folder });
    await living.start();
    t.teardown(() => living.stop());
    await living.loadVersion({ version: 1, folder: policy });
    const [serving = ''] = await readdir(folder);
    const ended = spawn(process.execPath, ['-e', '']);
    await once(ended, 'exit');
    const [, own = ''] = /^server-\d+-(\d+)-/.exec(serving) ?? [];
    // Of a process that is gone, and of an earlier version; where the system tells when a process began, of one whose number another has now.
    const dead = [`server-${ended.pid}-${own}-Abc123`, 'server-Abc123'];
    if (own !== '0') dead.push(`server-${process.pid}-1-Abc123`);
    for (const name of dead) {
      await mkdir(join(folder, name));
      await writeFile(join(folder, name, 'policy.gguf'), 'weights');
    }
    await writeFile(join(folder, 'notes'), 'of somebody else');
    await new RemoteEngine({ slots: 1, dialect: 'vllm', server: { command }, folder }).start();
    t.strictSame(await readdir(folder), ['notes', serving].sort());
    t.match(await living.status(), { policyVersion: 1 });
  },
);

t.test('a server whose guard cannot be started is told as lost, and costs the process nothing', async (t) => {
  const folder = t.testdir();
  const launch = { command: ['x', '{port}'], name: 'model', folder, startTimeoutMs: 20_000, stopTimeoutMs: 1_000 };
  // In a process of its own: one that dies of it is found out.
  const engine = `
    import { ModelServer } from ${modelServer};
    process.execPath = '/nowhere/node';
    await ModelServer.start(${JSON.stringify(launch)}, new AbortController().signal).catch((error) => console.log(error.message));
    console.log('goes on');`;
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', engine]);
  t.match(stdout, /\[UNAVAILABLE\] .*cannot be started: spawn .*ENOENT.*\ngoes on/);
});
