/** Ctrl-C while a command reads a store that it has started for the moment: a real message server and a real replay store, in a process of its own. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { until } from '../../../test/support/waiting.js';
import { isRunning } from '../dist/cluster/process-identity.js';

const module = (name: string) => JSON.stringify(new URL(`../dist/${name}`, import.meta.url).href);

/** A process that reads a store, for as long as it may. */
function startReader(t: Test, data: string, env: NodeJS.ProcessEnv = {}) {
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
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
  });
  t.teardown(() => reader.kill('SIGKILL'));
  let said = '';
  reader.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  return { reader, ended: once(reader, 'close'), said: () => said };
}

/** Whether it was there, for the last time. */
async function endLeft(pid: number): Promise<boolean> {
  const isLeft = await isRunning(pid, null);
  if (isLeft) process.kill(pid, 'SIGKILL');
  return isLeft;
}

t.test('what was started is stopped', async (t) => {
  const data = t.testdir();
  const { reader, ended, said } = startReader(t, data);
  await Promise.race([once(reader.stdout, 'data'), ended]);
  const nats = Number(readFileSync(join(data, 'nats', 'nats-server.pid'), 'utf8'));
  t.ok(await isRunning(nats, null));
  reader.kill('SIGINT');
  t.strictSame(await ended, [130, null]);
  t.notOk(await endLeft(nats), 'nor is a message server left');
  t.equal(said(), 'stopping (Ctrl-C again ends at once)\n');
});

t.test('what does not start is not waited for', async (t) => {
  const data = t.testdir();
  const pidFile = join(data, 'pid');
  const server = join(data, 'mute-server.cjs');
  const mute = `require('node:fs').writeFileSync(${JSON.stringify(pidFile)}, String(process.pid)); setInterval(() => {}, 1000);`;
  writeFileSync(server, `#!${process.execPath}\n${mute}\n`);
  chmodSync(server, 0o755);
  const { reader, ended, said } = startReader(t, data, { SEGUE_NATS_SERVER: server });
  await until(async () => existsSync(pidFile) && readFileSync(pidFile, 'utf8') !== '');
  reader.kill('SIGINT');
  t.strictSame(await ended, [130, null]);
  t.notOk(await endLeft(Number(readFileSync(pidFile, 'utf8'))));
  t.equal(said(), 'stopping (Ctrl-C again ends at once)\n');
});
