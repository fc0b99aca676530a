/** How often a process is started again that dies, or that does not start any more: with real processes. It starts no cluster. */
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { SegueError } from '@segue/core';
import t, { type Test } from 'tap';
import { Child } from '../dist/cluster/child.js';

interface Supervised {
  readonly child: Child;
  /** While the file is there, the process ends as soon as it starts. */
  readonly broken: string;
  /** Why it was given up. */
  readonly givenUp: Promise<SegueError>;
  /** Its next ready line. */
  nextReady(): Promise<void>;
}

/** Every death of a process that was ready is forgiven. */
async function supervise(t: Test, isHindered: () => Promise<boolean>): Promise<Supervised> {
  const folder = t.testdir();
  const broken = join(folder, 'broken');
  const script = `
    if (require('node:fs').existsSync(${JSON.stringify(broken)})) { console.error('it is broken'); process.exit(7); }
    console.log('ready');
    setInterval(() => {}, 1000);`;
  let onReady = () => {};
  let giveUp: (error: SegueError) => void = () => {};
  const givenUp = new Promise<SegueError>((resolve) => {
    giveUp = resolve;
  });
  const spec = {
    name: 'part',
    command: process.execPath,
    args: () => ['-e', script],
    logFile: join(folder, 'part.log'),
    ready: (line: string) => {
      if (line !== 'ready') return null;
      onReady();
      return { address: '', metricsAddress: '' };
    },
    readyTimeoutMs: 60_000,
    leash: false,
    restarts: { maxInARow: 3, healthyAfterMs: 0, pauseMs: () => 1 },
    isHindered,
  };
  const child = new Child(spec, giveUp);
  t.teardown(() => child.stop(1_000));
  await child.start();
  const nextReady = () =>
    new Promise<void>((resolve) => {
      onReady = resolve;
    });
  return { child, broken, givenUp, nextReady };
}

t.test('one that does not start again is given up', async (t) => {
  const { child, broken, givenUp, nextReady } = await supervise(t, async () => false);
  for (let deaths = 1; deaths <= 5; deaths++) {
    const ready = nextReady();
    process.kill(child.pid ?? 0, 'SIGKILL');
    await ready;
    t.equal(child.restarts, deaths, 'a death of one that had lived is forgiven');
  }
  writeFileSync(broken, '');
  process.kill(child.pid ?? 0, 'SIGKILL');
  t.match(await givenUp, {
    code: 'UNAVAILABLE',
    rawMessage: /^part ended with code 7: it is broken \(log: .*\); gave up after 3 restarts in a row$/,
  });
  t.equal(child.restarts, 5 + 3);
});

t.test('one that is hindered is tried on, and lives when it can', async (t) => {
  let looks = 0;
  const { child, broken, givenUp, nextReady } = await supervise(t, async () => {
    if (++looks === 4) rmSync(broken);
    return existsSync(broken) || looks === 4;
  });
  writeFileSync(broken, '');
  const ready = nextReady();
  process.kill(child.pid ?? 0, 'SIGKILL');
  await Promise.race([ready, givenUp.then((error) => Promise.reject(error))]);
  t.equal(looks, 4, 'asked when it would be given up');
  t.equal(child.restarts, 3 + 4);
});
