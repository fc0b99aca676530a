/** What the server is told about each stream, as a real nats-server has it. What it does with that is streams.test.ts's. */
import t, { type Test } from 'tap';
import { requestTimeoutMs } from '../dist/stream/connection.js';
import { buckets, patienceMs, queues } from '../dist/stream/subjects.js';
import { registration } from './samples.js';
import { serveBus } from './served-bus.js';

/** Up to here nats-server makes a stream of blocks of 32 KB, in place of 4 MB. */
const smallBlocksMaxBytes = 4 * 32_000;

async function serve(t: Test) {
  const { bus, nc } = await serveBus(t);
  const jsm = await nc.jetstreamManager();
  const configOf = async (stream: string) => (await jsm.streams.info(stream)).config;
  const roomOf = async (bucket: keyof typeof buckets) => (await configOf(`KV_${buckets[bucket].name}`)).max_bytes;
  return { bus, nc, configOf, roomOf };
}

t.test(
  'a queue knows what was published for longer than anybody tries; rollout tasks and verdicts, of which one counts, for less',
  async (t) => {
    const { configOf } = await serve(t);
    for (const { stream } of Object.values(queues)) {
      const windowMs = (await configOf(stream)).duplicate_window / 1e6;
      const most = stream === queues.segments.stream ? 4 : 2;
      const isBrief = stream === queues.rollout.stream || stream === queues.scores.stream;
      const [shortestMs, longestMs] = isBrief ? [requestTimeoutMs, patienceMs] : [patienceMs, most * patienceMs];
      t.ok(windowMs > shortestMs && windowMs <= longestMs, `${stream}: ${windowMs} ms`);
    }
  },
);

t.test('all shared state begins in small blocks', async (t) => {
  const { configOf } = await serve(t);
  for (const { name } of Object.values(buckets)) {
    const { max_bytes: maxBytes } = await configOf(`KV_${name}`);
    t.ok(maxBytes > 0 && maxBytes < smallBlocksMaxBytes, `${name}: ${maxBytes} bytes`);
  }
});

t.test('a registry that is full refuses the service that has no room, until there is more', async (t) => {
  const { bus, roomOf } = await serve(t);
  const ids = Array.from({ length: 1_000 }, (_, i) => `actor-${i}`);
  const refused = new Map<string, string>();
  for (const id of ids) {
    await bus.register({ ...registration, id }).catch(({ code }: { code: string }) => refused.set(id, code));
  }
  t.ok(refused.size > 0 && refused.size < ids.length, `${refused.size} of ${ids.length} are refused`);
  t.strictSame([...new Set(refused.values())], ['RESOURCE_EXHAUSTED']);
  await bus.register({ ...registration, id: 'actor-0', running: 1 });
  t.equal(
    (await bus.registrations()).find(({ id }) => id === 'actor-0')?.running,
    1,
    'the next heartbeat takes the place of the one before',
  );

  const before = await roomOf('registry');
  await bus.makeRoom();
  const after = await roomOf('registry');
  t.ok(after > before, `${before} -> ${after} bytes`);
  for (const id of ids) await bus.register({ ...registration, id });
  t.equal((await bus.registrations()).length, ids.length);
});

t.test('a signal that finds no room waits until there is some', async (t) => {
  const { bus, nc, roomOf } = await serve(t);
  const room = await roomOf('iterations');
  const js = nc.jetstream();
  const fill = (key: string, bytes: number) =>
    js.publish(`$KV.${buckets.iterations.name}.${key}`, new Uint8Array(bytes));
  await fill('other', room - 1_000);
  // Shorter than any signal: what is left then has no room for one.
  const filling = async () => {
    for (let n = 0; ; n++) await fill(`other-${n}`, 1);
  };
  await t.rejects(filling());
  const { state } = await (await nc.jetstreamManager()).streams.info(`KV_${buckets.iterations.name}`);
  t.ok(room - state.bytes < 100, `${room - state.bytes} bytes are left`);
  const signal = { runId: 'run-1', iteration: 3, policyVersion: 2, open: true };
  let isThere = false;
  const putting = bus.putIterationSignal(signal).then(() => {
    isThere = true;
  });
  t.equal(await bus.getIterationSignal('run-1'), null);
  t.notOk(isThere);
  await bus.makeRoom();
  await putting;
  t.match(await bus.getIterationSignal('run-1'), signal);
});

t.test('what has room for half, or no limit, keeps what it has', async (t) => {
  const { bus, nc, roomOf } = await serve(t);
  const jsm = await nc.jetstreamManager();
  await jsm.streams.update(`KV_${buckets.policies.name}`, { max_bytes: -1 });
  await nc.jetstream().publish(`$KV.${buckets.policies.name}.run-1`, new Uint8Array(100_000));
  await nc.jetstream().publish(`$KV.${buckets.iterations.name}.run-1`, new Uint8Array(50_000));
  const before = await roomOf('iterations');
  await bus.makeRoom();
  t.equal(await roomOf('iterations'), before);
  t.equal(await roomOf('policies'), -1);
});
