/** `segue actor join` whose log cannot be written: it lives as long as its actor does. What it joins, and what the actor does there, is no matter here. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { startSegue } from '../../../test/support/command.js';
import { startOf } from '../dist/cluster/process-identity.js';

/** Of a cluster that this process stands for; answers how an actor that refuses its settings ended. */
async function joinBadly(t: Test, prepare: (data: string) => Promise<unknown>) {
  const data = t.testdir();
  const state = {
    supervisorPid: process.pid,
    supervisorStartedAt: await startOf(process.pid),
    natsUrl: 'nats://127.0.0.1:1',
  };
  await writeFile(join(data, 'cluster.json'), JSON.stringify(state));
  await prepare(data);
  const ended = await startSegue(['actor', 'join', '--data', data, '--id', 'late', '--set', 'nonsense=1']).ended;
  return { ...ended, log: () => readFile(join(data, 'logs/late.log'), 'utf8') };
}

t.test('the log of one that joins says why it did not', async (t) => {
  for (const prepare of [async () => undefined, (data: string) => mkdir(join(data, 'logs'))]) {
    const { code, stderr, log } = await joinBadly(t, prepare);
    t.not(code, 0);
    t.equal(stderr, '');
    t.match(await log(), /nonsense/);
  }
});

t.test('a log that cannot be written ends nobody', async (t) => {
  const well = await joinBadly(t, async () => undefined);
  const { code, stderr } = await joinBadly(t, (data) =>
    writeFile(join(data, 'logs'), 'a file where a folder should be'),
  );
  t.equal(stderr, '', 'no error that nobody caught');
  t.equal(code, well.code, "it ends with its actor's code");
});
