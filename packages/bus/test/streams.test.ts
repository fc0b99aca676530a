/** The work bus on a real nats-server: leases, redelivery, dead letters, purge, buckets, and a server that is killed and comes back. */
import type { RolloutTask, Segment } from '@segue/core';
import { headers, connect as natsConnect } from 'nats';
import t, { type Test } from 'tap';
import { startNats, type TestNats } from '../../../test/support/nats.js';
import { type Bus, type BusOptions, connectBus, type IterationSignal, type Lease } from '../dist/index.js';
import { checksum, encodeBody } from '../dist/stream/codec.js';
import { deliveryCountOf, sequenceOf } from '../dist/stream/delivery.js';
import { rolloutTaskFormat } from '../dist/stream/messages.js';
import { registration, rolloutTask, score, segment } from './samples.js';

// The shortest lease that is not over before a slow machine has looked: tests that wait for one take as long.
const leaseMs = 1_000;

/** A server of the test's own, and a bus on it. */
async function open(
  t: Test,
  options: Partial<BusOptions> = {},
): Promise<{ nats: TestNats; bus: Bus; another: () => Promise<Bus> }> {
  const nats = await startNats();
  const buses: Bus[] = [];
  t.teardown(async () => {
    for (const bus of buses) await bus.close();
    await nats.stop();
  });
  const another = async () => {
    const bus = await connectBus({ url: nats.url, name: 'test', rolloutLeaseMs: leaseMs, ...options });
    buses.push(bus);
    return bus;
  };
  const bus = await another();
  await bus.setUp();
  return { nats, bus, another };
}

function task(member: number, changes: Partial<RolloutTask> = {}): RolloutTask {
  const runId = changes.runId ?? 'r';
  return { ...rolloutTask, runId, groupId: `${runId}-g0`, trajectoryId: `${runId}-g0-t${member}`, ...changes };
}

const tasks = (count: number, changes: Partial<RolloutTask> = {}) =>
  Array.from({ length: count }, (_, i) => task(i, changes));
const members = (leases: readonly Lease<RolloutTask>[]) =>
  leases.map((lease) => Number(lease.value.trajectoryId.split('-t').at(-1)));

function segmentOf(member: number, tokens: number): Segment {
  const trajectoryId = `r-g0-t${member}`;
  return {
    ...segment,
    id: `${trajectoryId}-s0`,
    trajectoryId,
    tokens: new Int32Array(tokens).map((_, i) => i * 7),
    logProbs: new Float32Array(tokens).fill(-0.5),
    origins: null,
    lossMask: null,
  };
}

async function first<T>(source: AsyncIterable<T>): Promise<T> {
  for await (const value of source) return value;
  throw new Error('the source ended');
}

t.test('tasks are taken in the order in which they were published, each by one taker', async (t) => {
  const { bus, another } = await open(t);
  const other = await another();
  await bus.publishRolloutTasks(tasks(100));
  t.match((await bus.queueDepths()).rollout, { pending: 100, leased: 0 });
  const a = await bus.takeRolloutTasks(60, { waitMs: 1_000 });
  const b = await other.takeRolloutTasks(60, { waitMs: 1_000 });
  t.strictSame(members(a), [...Array(60).keys()]);
  t.strictSame(
    members(b),
    [...Array(40).keys()].map((i) => i + 60),
  );
  t.strictSame(a[0]?.value, task(0));
  t.match((await bus.queueDepths()).rollout, { pending: 0, leased: 100 });
  await Promise.all([...a, ...b].map((lease) => lease.ack()));
  t.match((await bus.queueDepths()).rollout, { pending: 0, leased: 0 });
});

t.test('taking waits for the first task, then brings what is there; nothing comes of an empty wait', async (t) => {
  const { bus } = await open(t);
  t.strictSame(await bus.takeRolloutTasks(4, { waitMs: 100 }), []);
  const waiting = bus.takeRolloutTasks(4, { waitMs: 20_000 });
  await bus.publishRolloutTasks([task(0)]);
  t.strictSame(members(await waiting), [0]);
  const stop = new AbortController();
  const stopped = bus.takeRolloutTasks(4, { waitMs: 20_000, signal: stop.signal });
  stop.abort();
  t.strictSame(await stopped, []);
});

t.test('the same attempt published again is there once, another attempt beside it', async (t) => {
  const { bus } = await open(t);
  await bus.publishRolloutTasks([task(0)]);
  await bus.publishRolloutTasks([task(0)]);
  await bus.publishRolloutTasks([task(0, { attempt: 1 })]);
  t.equal((await bus.queueDepths()).rollout.pending, 2);
});

t.test('a task whose holder says nothing comes again; one that is extended does not', async (t) => {
  const { bus } = await open(t);
  await bus.publishRolloutTasks(tasks(2));
  const [silent, busy] = await bus.takeRolloutTasks(2, { waitMs: 1_000 });
  t.equal(silent?.leaseMs, leaseMs);
  const extending = setInterval(() => busy?.extend(), leaseMs / 4);
  t.teardown(() => clearInterval(extending));
  const again = await bus.takeRolloutTasks(2, { waitMs: 10 * leaseMs });
  t.strictSame(members(again), [0]);
  t.equal(again[0]?.deliveryCount, 2);
  await again[0]?.ack();
  t.strictSame(await bus.takeRolloutTasks(2, { waitMs: 2 * leaseMs }), [], 'the extended one is still held');
  await busy?.ack();
  t.match((await bus.queueDepths()).rollout, { pending: 0, leased: 0 });
});

t.test('a task that is given back comes at once, or after the delay', async (t) => {
  const { bus } = await open(t, { rolloutLeaseMs: 60_000 });
  await bus.publishRolloutTasks([task(0)]);
  const [lease] = await bus.takeRolloutTasks(1, { waitMs: 1_000 });
  lease?.giveBack();
  const [again] = await bus.takeRolloutTasks(1, { waitMs: 10_000 });
  t.equal(again?.deliveryCount, 2);
  again?.giveBack(300);
  t.strictSame(await bus.takeRolloutTasks(1, { waitMs: 1 }), []);
  const [late] = await bus.takeRolloutTasks(1, { waitMs: 10_000 });
  t.equal(late?.deliveryCount, 3);
});

t.test('a delivery that was given back is told from one that was lost with its taker', async (t) => {
  const { bus, another } = await open(t);
  await bus.publishRolloutTasks([task(0)]);
  const take = async () => (await bus.takeRolloutTasks(1, { waitMs: 2 * leaseMs }))[0]!;
  for (let count = 1; count <= 3; count++) {
    const lease = await take();
    t.equal(lease.deliveryCount, count);
    t.equal(await lease.lostDeliveries(), 0);
    lease.giveBack();
  }
  // Whoever has the fourth dies: its lease runs out, and nothing is said of it.
  t.equal((await take()).deliveryCount, 4);
  const other = await another();
  const next = async () => (await other.takeRolloutTasks(1, { waitMs: 10 * leaseMs }))[0]!;
  const lost = await next();
  t.equal(lost.deliveryCount, 5);
  t.equal(await lost.lostDeliveries(), 1);
  await lost.ack();
  await bus.publishRolloutTasks([task(1)]);
  t.equal(await (await next()).lostDeliveries(), 0, 'each message has its own count');
});

t.test('what is discarded is among the dead letters with its reason, and never comes again', async (t) => {
  const { bus } = await open(t);
  await bus.publishRolloutTasks([task(0)]);
  const [lease] = await bus.takeRolloutTasks(1, { waitMs: 1_000 });
  await lease?.discard('no such run – gone');
  t.match(await bus.deadLetters(), [{ subject: 'segue.rollout.r.r-g0-t0', reason: 'no such run ? gone' }]);
  t.strictSame(await bus.takeRolloutTasks(1, { waitMs: 2 * leaseMs }), []);
  t.match((await bus.queueDepths()).rollout, { pending: 0, leased: 0 });
});

t.test(
  'bodies of an unknown version, with a wrong checksum, or of no meaning go to the dead letters; the rest goes on',
  async (t) => {
    const { nats, bus } = await open(t);
    const nc = await natsConnect({ servers: nats.url });
    t.teardown(() => nc.close());
    const publish = async (body: Uint8Array, sum: string) => {
      const fields = headers();
      fields.set('Segue-Checksum', sum);
      await nc.jetstream().publish('segue.rollout.r.r-g0-t0', body, { headers: fields });
    };
    const later = encodeBody({ ...rolloutTaskFormat.write(rolloutTask), v: 2 });
    const good = encodeBody(rolloutTaskFormat.write(rolloutTask));
    const junk = Buffer.from('not msgpack at all');
    await publish(later, checksum(later));
    await publish(good, '0000000000000000');
    await publish(junk, checksum(junk));
    await nc.jetstream().publish('segue.rollout.r.r-g0-t0', good);
    await bus.publishRolloutTasks([task(5)]);
    t.strictSame(members(await bus.takeRolloutTasks(10, { waitMs: 1_000 })), [5]);
    t.match(await bus.deadLetters(), [
      { reason: /version 2 is unknown/ },
      { reason: /DATA_LOSS.*checksum/ },
      { reason: /INVALID_INPUT/ },
      { reason: /checksum/ },
    ]);
  },
);

t.test('a purge takes out one run, leased or not, and leaves the leases of the others alone', async (t) => {
  const { bus } = await open(t);
  await bus.publishRolloutTasks([...tasks(3, { runId: 'other' }), ...tasks(40), task(3, { runId: 'other' })]);
  const held = await bus.takeRolloutTasks(5, { waitMs: 1_000 });
  t.equal(await bus.purgeRolloutTasks('r'), 40);
  t.match((await bus.queueDepths()).rollout, { pending: 1, leased: 3 });
  t.equal(held[4]?.value.runId, 'r');
  await held[4]?.ack();
  t.equal(await bus.purgeRolloutTasks('r'), 0);
  // What was leased before the purge comes again when its time is over: a purge by subject would have lost it.
  const seen = new Set<number>();
  while (seen.size < 4) {
    for (const lease of await bus.takeRolloutTasks(5, { waitMs: 5 * leaseMs })) {
      t.equal(lease.value.runId, 'other');
      seen.add(Number(lease.value.trajectoryId.at(-1)));
      await lease.ack();
    }
  }
  t.strictSame([...seen].sort(), [0, 1, 2, 3]);
});

t.test('segments come through unchanged, large ones in parts', async (t) => {
  const { bus } = await open(t);
  const sent = [segmentOf(0, 3), segmentOf(1, 150_000), segmentOf(2, 0)];
  for (const each of sent) await bus.publishSegment('r', each);
  t.equal((await bus.queueDepths()).segments.pending, 5, 'the large one is three messages');
  const received: Segment[] = [];
  for await (const lease of bus.consumeSegments()) {
    t.equal(lease.value.runId, 'r');
    received.push(lease.value.segment);
    await lease.ack();
    if (received.length === sent.length) break;
  }
  t.strictSame(received, sent);
  t.match((await bus.queueDepths()).segments, { pending: 0, leased: 0 });
});

t.test('what a consumer was given and did not look at goes back at once', async (t) => {
  const { bus, another } = await open(t);
  for (let i = 0; i < 5; i++) await bus.publishSegment('r', segmentOf(i, 1));
  const one = await first(bus.consumeSegments());
  await one.ack();
  const other = await another();
  const seen = new Set<string>();
  for await (const lease of other.consumeSegments()) {
    seen.add(lease.value.segment.trajectoryId);
    await lease.ack();
    if (seen.size === 4) break;
  }
  t.notOk(seen.has(one.value.segment.trajectoryId));
});

t.test('reward tasks and scores travel the same way', async (t) => {
  const { bus } = await open(t);
  await bus.publishRewardTasks([{ runId: 'r', trajectoryId: 'r-g0-t0', attempt: 0 }]);
  const [lease] = await bus.takeRewardTasks(4, { waitMs: 1_000 });
  t.strictSame(lease?.value, { runId: 'r', trajectoryId: 'r-g0-t0', attempt: 0 });
  await bus.publishScore('r', { ...score, status: 'timeout', reward: null });
  await lease?.ack();
  const verdict = await first(bus.consumeScores());
  t.strictSame(verdict.value, { runId: 'r', score: { ...score, status: 'timeout', reward: null } });
});

t.test('shared state: watching begins with what is there and goes on with what changes', async (t) => {
  const { bus, another } = await open(t);
  const signal = (iteration: number): IterationSignal => ({ runId: 'r', iteration, policyVersion: 0, open: true });
  await bus.putIterationSignal(signal(1));
  const other = await another();
  await other.ready();
  const watch = other.watchIterationSignals()[Symbol.asyncIterator]();
  t.strictSame((await watch.next()).value, signal(1));
  await bus.putIterationSignal(signal(2));
  t.strictSame((await watch.next()).value, signal(2));
  t.strictSame(await other.getIterationSignal('r'), signal(2));
  t.equal(await other.getIterationSignal('nobody'), null);
  await watch.return?.();

  const policy = { runId: 'r', version: 3, manifestSha256: 'ab', folder: '/p/3', trainerAddress: 'h:1' };
  await bus.putActivePolicy(policy);
  t.strictSame(await first(other.watchActivePolicies()), policy);
  t.strictSame(await other.getActivePolicy('r'), policy);

  await bus.register(registration);
  await bus.register({ ...registration, service: 'replay', id: 'replay' });
  t.strictSame(await other.registrations('actor'), [registration]);
  t.equal((await other.registrations()).length, 2);
  await bus.unregister('actor', registration.id);
  t.strictSame(await other.registrations('actor'), []);
});

t.test('nudges reach who listens', async (t) => {
  const { bus, another } = await open(t);
  const other = await another();
  const notes = other.watchProgress()[Symbol.asyncIterator]();
  const next = notes.next();
  const note = { runId: 'r', iteration: 3, kind: 'score' } as const;
  // Subscribing takes a moment, and a lost nudge is harmless: it is sent until it is heard.
  const sending = setInterval(() => bus.announceProgress(note), 20);
  t.teardown(() => clearInterval(sending));
  t.strictSame((await next).value, note);
  await notes.return?.();
});

t.test('iterations end when their signal fires or the bus closes', async (t) => {
  const { another } = await open(t);
  const bus = await another();
  const count = async (source: AsyncIterable<unknown>) => {
    let values = 0;
    for await (const _ of source) values++;
    return values;
  };
  const stop = new AbortController();
  const bySignal = [
    count(bus.consumeSegments({ signal: stop.signal })),
    count(bus.watchIterationSignals({ signal: stop.signal })),
    count(bus.watchProgress({ signal: stop.signal })),
  ];
  stop.abort();
  t.strictSame(await Promise.all(bySignal), [0, 0, 0]);
  const byClose = [count(bus.consumeScores()), count(bus.watchActivePolicies()), count(bus.watchProgress())];
  await bus.close();
  t.strictSame(await Promise.all(byClose), [0, 0, 0]);
  await t.rejects(bus.takeRolloutTasks(1, { waitMs: 10 }), { code: 'CANCELLED' });
});

t.test('a server that is killed and comes back: nothing that was published is lost, everyone goes on', async (t) => {
  const { nats, bus, another } = await open(t);
  const consumer = await another();
  const watcher = await another();
  const signals = watcher.watchIterationSignals()[Symbol.asyncIterator]();
  await bus.putIterationSignal({ runId: 'r', iteration: 1, policyVersion: 0, open: true });
  await signals.next();

  const total = 60;
  const seen = new Set<string>();
  const consumed = (async () => {
    for await (const lease of consumer.consumeSegments()) {
      seen.add(lease.value.segment.id);
      // The ack of a message that came just before the kill may be lost: it comes again, which the store bears.
      await lease.ack().catch(() => {});
      if (seen.size === total) return;
    }
  })();
  for (let i = 0; i < total; i++) {
    const sent = bus.publishSegment('r', segmentOf(i, 10));
    if (i === 20) {
      await nats.kill();
      while (bus.connected) await new Promise((resolve) => setTimeout(resolve, 10));
      await nats.restart();
    }
    await sent;
  }
  await consumed;
  t.equal(seen.size, total);

  await bus.putIterationSignal({ runId: 'r', iteration: 2, policyVersion: 1, open: false });
  t.match(await signals.next(), { value: { iteration: 2, open: false } }, 'the watcher goes on');
  await signals.return?.();
  await bus.publishRolloutTasks([task(0)]);
  t.strictSame(members(await consumer.takeRolloutTasks(1, { waitMs: 20_000 })), [0]);
});

t.test('who starts first waits: for a server, and for the streams', async (t) => {
  const nats = await startNats();
  t.teardown(() => nats.stop());
  await nats.kill();
  const connecting = connectBus({ url: nats.url, name: 'early', connectTimeoutMs: 20_000 });
  await nats.restart();
  const early = await connecting;
  t.teardown(() => early.close());
  await t.rejects(early.ready({ timeoutMs: 200 }), {
    code: 'UNAVAILABLE',
    message: /the replay store makes it/,
  });
  const waiting = early.ready();
  const taking = early.takeRolloutTasks(1, { waitMs: 20_000 });
  const late = await connectBus({ url: nats.url, name: 'late' });
  t.teardown(() => late.close());
  await Promise.all([early.setUp(), late.setUp()]);
  await waiting;
  await late.publishRolloutTasks([task(0)]);
  t.strictSame(members(await taking), [0]);
});

t.test('a missing server is refused in one clear sentence', async (t) => {
  const nats = await startNats();
  await nats.stop();
  await t.rejects(connectBus({ url: nats.url, name: 'x', connectTimeoutMs: 300 }), {
    code: 'UNAVAILABLE',
    message: /no NATS server answers at nats:.*: start one with nats-server --jetstream, or set natsUrl/,
  });
});

t.test('the delivery count and the number of the message are read from both forms of the reply subject', async (t) => {
  t.equal(deliveryCountOf('$JS.ACK.S.c.3.1.5.170000.0'), 3);
  t.equal(deliveryCountOf('$JS.ACK._.hash.S.c.4.1.5.170000.0.rnd'), 4);
  t.equal(deliveryCountOf('$JS.ACK.hub.hash.S.c.4.1.5.170000.0'), 4);
  t.equal(sequenceOf('$JS.ACK.S.c.3.17.5.170000.0'), 17);
  t.equal(sequenceOf('$JS.ACK._.hash.S.c.4.17.5.170000.0.rnd'), 17);
});
