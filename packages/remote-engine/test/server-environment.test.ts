/** What an inference server that the engine starts has in its environment: what who started the cluster has given, and nothing that Segue's own services are given. */
import { join } from 'node:path';
import { memorySettings } from '@segue/core';
import t from 'tap';
import { ModelServer } from '../dist/model-server.js';

t.test('the bounds of our services do not reach a server of somebody else', async (t) => {
  const own = { MALLOC_ARENA_MAX: '8', SEGUE_TEST_OWN: 'kept' };
  const given = { ...own, ...memorySettings(own) };
  const names = Object.keys(given);
  const before = names.map((name) => [name, process.env[name]] as const);
  t.teardown(() => {
    for (const [name, value] of before) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  });
  Object.assign(process.env, given);
  // It says what it has been given, and ends.
  const program = `
    const given = ${JSON.stringify(names)}.filter((name) => name in process.env).map((name) => [name, process.env[name]]);
    console.log(JSON.stringify(Object.fromEntries(given)));`;
  const launch = {
    command: [process.execPath, '-e', program],
    name: 'model',
    folder: join(t.testdir(), 'server'),
    startTimeoutMs: 20_000,
    stopTimeoutMs: 1_000,
  };
  const failure = await ModelServer.start(launch, new AbortController().signal).then(
    () => null,
    (error: unknown) => (error instanceof Error ? error.message : String(error)),
  );
  const said = /last words: (\{.*\})/.exec(failure ?? '')?.[1] ?? 'null';
  t.strictSame(JSON.parse(said), own, failure ?? 'it has started');
});
