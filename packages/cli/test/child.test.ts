/** How often a process is started again that dies, or that does not start any more: with real processes. It starts no cluster. */
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { SegueError } from '@segue/core';
import t, { type Test } from 'tap';
import { until } from '../../../test/support/waiting.js';
import { Child, type RestartRules } from '../dist/cluster/child.js';
import { isRunning } from '../dist/cluster/process-identity.js';

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
const forgiving: RestartRules = { maxInARow: 3, healthyAfterMs: 0, pauseMs: () => 1 };
const untilKilled = `
  console.log('ready');
  setInterval(() => {}, 1000);`;

/** @param work what the process does when it is not broken */
function unstarted(t: Test, isHindered: () => Promise<boolean>, restarts = forgiving, work = untilKilled): Supervised {
  const folder = t.testdir();
  const broken = join(folder, 'broken');
  const script = `
    if (require('node:fs').existsSync(${JSON.stringify(broken)})) { console.error('it is broken'); process.exit(7); }
    ${work}`;
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
    restarts,
    isHindered,
  };
  const child = new Child(spec, giveUp);
  t.teardown(() => child.stop(1_000));
  const nextReady = () =>
    new Promise<void>((resolve) => {
      onReady = resolve;
    });
  return { child, broken, givenUp, nextReady };
}

async function supervise(...how: Parameters<typeof unstarted>): Promise<Supervised> {
  const supervised = unstarted(...how);
  await supervised.child.start();
  return supervised;
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

t.test('what fails while it is hindered counts for nothing, though that is over when it ends', async (t) => {
  let looks = 0;
  const { child, broken, givenUp, nextReady } = await supervise(t, async () => {
    looks++;
    // One look at the first start, which is not hindered, one at the death, then one at each start.
    if (looks === 11) rmSync(broken);
    return looks >= 2 && looks <= 9;
  });
  const { startedAtMs } = child;
  writeFileSync(broken, '');
  const ready = nextReady();
  process.kill(child.pid ?? 0, 'SIGKILL');
  await Promise.race([ready, givenUp.then((error) => Promise.reject(error))]);
  t.equal(child.restarts, 7 + 2, 'seven that were hindered, one that was not, and one that lives');
  t.ok(child.startedAtMs > startedAtMs);
  writeFileSync(broken, '');
  process.kill(child.pid ?? 0, 'SIGKILL');
  t.match(await givenUp, { rawMessage: /gave up after 3 restarts in a row$/ });
  t.equal(child.restarts, 7 + 2 + 3);
});

t.test('one that dies as soon as it is ready is given up, however long it takes to start', async (t) => {
  const restarts = { ...forgiving, healthyAfterMs: 400 };
  const brief = `setTimeout(() => { console.log('ready'); process.exit(7); }, 600);`;
  const { child, givenUp } = await supervise(t, async () => false, restarts, brief);
  let isGivenUp = false;
  const waiting = givenUp.then(() => {
    isGivenUp = true;
  });
  await until(async () => isGivenUp || child.restarts > 8);
  t.ok(isGivenUp, `after ${child.restarts} restarts`);
  await child.stop(1_000);
  if (isGivenUp) await waiting;
});

t.test('an abort ends a start', async (t) => {
  const slow = 'setTimeout(() => {}, 100_000);';
  const abort = new AbortController();
  const { child } = unstarted(t, async () => false, forgiving, slow);
  const start = child.start(abort.signal);
  const pid = child.pid ?? 0;
  abort.abort(new SegueError('CANCELLED', 'interrupted'));
  await t.rejects(start, { code: 'CANCELLED', rawMessage: 'interrupted' });
  await child.stop(1_000);
  t.notOk(await isRunning(pid, null));
  await t.rejects(child.start(abort.signal), { code: 'CANCELLED' });
  t.equal(child.pid, null, 'nor does another begin');
});
