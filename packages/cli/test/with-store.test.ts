/** Ctrl-C while a command reads a store that it has started for the moment: a real message server and a real replay store, in a process of its own. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { isRunning } from '../dist/cluster/process-identity.js';

const module = (name: string) => JSON.stringify(new URL(`../dist/${name}`, import.meta.url).href);

t.test('what was started is stopped', async (t) => {
  const data = t.testdir();
  mkdirSync(join(data, 'replay'));
  writeFileSync(join(data, 'replay', 'data.mdb'), '');
  const script = `
    import { exitCodeOf } from ${module('exit-codes.js')};
    import { withStore } from ${module('run/with-store.js')};
    const work = withStore(${JSON.stringify(data)}, () => {
      console.log('reading');
      return new Promise(() => {});
    });
    process.exitCode = await work.catch(exitCodeOf);`;
  const reader = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.teardown(() => reader.kill('SIGKILL'));
  const ended = once(reader, 'exit');
  await Promise.race([once(reader.stdout, 'data'), ended]);
  const nats = Number(readFileSync(join(data, 'nats', 'nats-server.pid'), 'utf8'));
  t.ok(await isRunning(nats, null));
  reader.kill('SIGINT');
  t.strictSame(await ended, [130, null]);
  const isLeft = await isRunning(nats, null);
  if (isLeft) process.kill(nats, 'SIGKILL');
  t.notOk(isLeft, 'nor is a message server left');
});
