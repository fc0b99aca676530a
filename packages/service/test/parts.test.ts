/** Parts of the process shell by themselves: steps that are undone in reverse, loops that outlive their failures, metrics that begin at 0. */
import { printableUrl } from '@segue/bus';
import { actorConfigSchema, parseConfig, SegueError } from '@segue/core';
import { pino } from 'pino';
import { Counter, Registry } from 'prom-client';
import t, { type Test } from 'tap';
import { printableConfig } from '../dist/credentials.js';
import { Loops } from '../dist/loops.js';
import { createMetrics } from '../dist/metrics.js';
import { Steps } from '../dist/steps.js';

t.test('steps stop newest first, each after the one before has ended', async (t) => {
  const steps = new Steps();
  const said: string[] = [];
  for (const name of ['bus', 'server', 'http']) {
    steps.onStop(name, async () => {
      said.push(`${name} begins`);
      await new Promise((resolve) => setImmediate(resolve));
      said.push(`${name} ends`);
    });
  }
  await steps.stopAll(1_000, (failure) => t.fail(failure.message));
  t.strictSame(said, ['http begins', 'http ends', 'server begins', 'server ends', 'bus begins', 'bus ends']);
  await steps.stopAll(1_000, (failure) => t.fail(failure.message));
  t.equal(said.length, 6, 'a second stop finds nothing left to do');
});

t.test('a step that fails, throws at once or hangs is reported, and the next one goes on', async (t) => {
  const steps = new Steps();
  const said: string[] = [];
  steps.onStop('bus', async () => void said.push('bus'));
  steps.onStop('hung', () => new Promise(() => {}), 20);
  steps.onStop('thrown', () => {
    throw new SegueError('INTERNAL', 'thrown');
  });
  steps.onStop('failed', async () => {
    throw new SegueError('DATA_LOSS', 'failed');
  });
  const failures: SegueError[] = [];
  await steps.stopAll(1_000, (failure) => failures.push(failure));
  t.strictSame(said, ['bus']);
  t.strictSame(
    failures.map(({ code, rawMessage }) => `${code}: ${rawMessage}`),
    ['DATA_LOSS: failed', 'INTERNAL: thrown', 'DEADLINE_EXCEEDED: stopping hung took longer than 20 ms'],
  );
});

t.test('all steps together keep to the time of the stop, and a late one leaves some for the next', async (t) => {
  const steps = new Steps();
  const said: string[] = [];
  steps.onStop('bus', async () => void said.push('bus'));
  steps.onStop('patient', () => new Promise(() => {}), 60_000);
  steps.onStop('hung', () => new Promise(() => {}));
  const failures: string[] = [];
  await steps.stopAll(80, ({ rawMessage }) => failures.push(rawMessage));
  t.match(failures, [/^stopping hung took longer than (60|5\d) ms$/, /^stopping patient took longer than \d+ ms$/]);
  t.strictSame(said, ['bus']);
});

t.test('within answers with the work, its failure, or the name of what took too long', async (t) => {
  const steps = new Steps();
  t.equal(await steps.within('quick', 1_000, Promise.resolve(7)), 7);
  await t.rejects(steps.within('bad', 1_000, Promise.reject(new SegueError('NOT_FOUND', 'no'))), { code: 'NOT_FOUND' });
  await t.rejects(steps.within('slow', 10, new Promise(() => {})), {
    code: 'DEADLINE_EXCEEDED',
    rawMessage: 'slow took longer than 10 ms',
  });
});

function makeLoops(t: Test) {
  const stopping = new AbortController();
  t.teardown(() => stopping.abort());
  const failures = new Counter({ name: 'failures', help: 'x', labelNames: ['loop'], registers: [new Registry()] });
  const loops = new Loops(stopping.signal, pino({ level: 'silent' }), failures);
  const failed = async (loop: string) =>
    (await failures.get()).values.find(({ labels }) => labels.loop === loop)?.value ?? 0;
  return { loops, stopping, failed };
}

t.test('a loop counts its failures, goes on, and ends with the signal', async (t) => {
  const { loops, stopping, failed } = makeLoops(t);
  let turns = 0;
  loops.every('tidy', 1, async () => {
    turns++;
    if (turns <= 2) throw new SegueError('UNAVAILABLE', 'away');
    if (turns === 5) stopping.abort();
  });
  t.equal(turns, 0, 'nothing runs before the start');
  loops.start();
  await loops.ended();
  t.equal(turns, 5);
  t.equal(await failed('tidy'), 2);
});

t.test('a task is begun again when it fails and when it ends', async (t) => {
  const { loops, stopping, failed } = makeLoops(t);
  let turns = 0;
  loops.keep('take', async () => {
    turns++;
    if (turns === 1) throw new TypeError('odd');
    if (turns === 3) stopping.abort();
  });
  loops.start();
  await loops.ended();
  t.equal(turns, 3);
  t.equal(await failed('take'), 1);
});

t.test('what fails because the service stops is no failure', async (t) => {
  const { loops, stopping, failed } = makeLoops(t);
  loops.keep('take', (signal) => {
    setImmediate(() => stopping.abort());
    return new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('cut'))));
  });
  loops.start();
  await loops.ended();
  t.equal(await failed('take'), 0);
});

t.test('what is known beforehand begins at 0, and what is not yet known has no value', async (t) => {
  const metrics = createMetrics('reward', 'reward-1');
  const made = metrics.define({
    tasks_total: {
      type: 'counter',
      unit: 'count',
      help: 'Tasks',
      labels: { queue: ['a', 'b'], state: ['new', 'old'] },
    },
    code_total: { type: 'counter', unit: 'count', help: 'By what comes', labels: { code: null } },
    wait_seconds: { type: 'histogram', unit: 'seconds', help: 'Waits', labels: { queue: ['a'] }, buckets: [1] },
    version: { type: 'gauge', unit: 'version', help: 'Version', startsEmpty: true },
  });
  const samples = async () =>
    (await metrics.registry.metrics()).split('\n').filter((line) => line.startsWith('segue_reward_'));
  t.strictSame(
    (await samples()).map((line) =>
      line.replace('service="reward",id="reward-1",', '').replace(',service="reward",id="reward-1"', ''),
    ),
    [
      'segue_reward_tasks_total{queue="a",state="new"} 0',
      'segue_reward_tasks_total{queue="a",state="old"} 0',
      'segue_reward_tasks_total{queue="b",state="new"} 0',
      'segue_reward_tasks_total{queue="b",state="old"} 0',
      'segue_reward_wait_seconds_bucket{le="1",queue="a"} 0',
      'segue_reward_wait_seconds_bucket{le="+Inf",queue="a"} 0',
      'segue_reward_wait_seconds_sum{queue="a"} 0',
      'segue_reward_wait_seconds_count{queue="a"} 0',
    ],
  );
  made.version.set(3);
  t.match((await samples()).at(-1), /^segue_reward_version\{.*\} 3$/);
});

t.test('what is printed of a URL holds no user', (t) => {
  for (const [url, printed] of [
    ['nats://one, nats://u:planted@two', 'nats://one, nats://two'],
    ['nats://u:planted@one:4222/,v:planted@two:4222', 'nats://one:4222/,two:4222'],
    ['at http://u:planted@one', 'at http://one'],
    ['u:planted@one:4222', 'one:4222'],
    ['http://one/meta,llama@main', 'http://one/meta,llama@main'],
  ] as const)
    t.equal(printableUrl(url), printed);
  for (const url of [
    'nats://u:p,lanted@one',
    'nats://u:p@lanted@one',
    'nats://u:x@one:1, nats://v:planted@two',
    'u:x@one,v:planted@two',
  ])
    t.notMatch(printableUrl(url), /lanted/, url);
  t.end();
});

t.test('the printed configuration holds no secret that stands in a URL or a command', (t) => {
  const config = parseConfig(
    actorConfigSchema,
    {
      natsUrl: 'nats://u:plan,ted@one:4222,nats://v:plan@ted@two:4222',
      tracing: { endpoint: 'https://alice:planted@collector:4318/base?key=planted' },
      server: { command: 'llama-server --api-key planted --port {port}' },
    },
    'test',
  );
  t.match(printableConfig(config), {
    id: config.id,
    natsUrl: 'nats://one:4222,nats://two:4222',
    tracing: { endpoint: 'https://collector:4318/base?...', share: config.tracing.share },
    server: { command: 'llama-server ...', startTimeoutMs: config.server.startTimeoutMs },
  });
  const listed = { ...config, server: { ...config.server, command: ['llama-server', '--api-key', 'planted'] } };
  t.match(printableConfig(listed), { server: { command: 'llama-server ...' } });
  const served = { ...config, server: { ...config.server, url: 'http://key:planted@gpu:8000' } };
  t.match(printableConfig(served), { server: { url: 'http://gpu:8000' } });
  for (const one of [config, listed, served]) t.notMatch(JSON.stringify(printableConfig(one)), /plan|ted@/);
  t.end();
});
