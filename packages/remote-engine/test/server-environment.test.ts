/** What an inference server that the engine starts has in its environment: what who started the cluster has given, and nothing that Segue's own services are given. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { memorySettings } from '@segue/core';
import t from 'tap';

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
