/** Values that are published together travel in one message, and stay values of their own: read, settled and refused one by one. */
import type { Segment } from '@segue/core';
import { headers, connect as natsConnect } from 'nats';
import t, { type Test } from 'tap';
import { startNats } from '../../../test/support/nats.js';
import { type Bus, connectBus, type Lease } from '../dist/index.js';
import { checksum, encodeBodies, encodeBody } from '../dist/stream/codec.js';
import { segmentFormat } from '../dist/stream/messages.js';
import { segment } from './samples.js';

type SegmentLease = Lease<{ readonly runId: string; readonly segment: Segment }>;

async function open(t: Test): Promise<{ bus: Bus; url: string }> {
  const nats = await startNats();
  const bus = await connectBus({ url: nats.url, name: 'test' });
  t.teardown(async () => {
    await bus.close();
    await nats.stop();
  });
  await bus.setUp();
  return { bus, url: nats.url };
}

function segmentOf(member: number, runId = 'r'): Segment {
  const trajectoryId = `${runId}-g0-t${member}`;
  const length = 3 + member;
  return {
    ...segment,
    id: `${trajectoryId}-s0`,
    trajectoryId,
    tokens: new Int32Array(length).fill(member),
    logProbs: new Float32Array(length).fill(-member),
    origins: null,
    lossMask: null,
  };
}

const memberOf = (lease: SegmentLease) => Number(lease.value.segment.trajectoryId.split('-t').at(-1));

/** The next `count` values. What else came with them is given back by the queue. */
async function take(bus: Bus, count: number): Promise<SegmentLease[]> {
  const leases: SegmentLease[] = [];
  for await (const lease of bus.consumeSegments()) {
    leases.push(lease);
    if (leases.length === count) break;
  }
  return leases;
}

t.test(
  'what is published in one turn is one message per run, in order, and gone when each value is done',
  async (t) => {
    const { bus } = await open(t);
    const sent = [0, 1, 2].map((member) => segmentOf(member));
    const other = segmentOf(0, 'other');
    await Promise.all([...sent.map((each) => bus.publishSegment('r', each)), bus.publishSegment('other', other)]);
    t.match((await bus.queueDepths()).segments, { pending: 2, leased: 0 });
    const leases = await take(bus, 4);
    t.strictSame(
      leases.map(({ value }) => value),
      [...sent.map((each) => ({ runId: 'r', segment: each })), { runId: 'other', segment: other }],
    );
    for (const lease of leases.slice(0, 2)) await lease.ack();
    t.match((await bus.queueDepths()).segments, { pending: 0, leased: 2 }, 'one value of it is not done');
    for (const lease of leases.slice(2)) await lease.ack();
    t.match((await bus.queueDepths()).segments, { pending: 0, leased: 0 });
  },
);

t.test('what comes while a message is on its way goes together after it, a bounded number at a time', async (t) => {
  const { bus } = await open(t);
  const published = Array.from({ length: 70 }, (_, member) => bus.publishSegment('r', segmentOf(member)));
  await Promise.all(published);
  t.equal((await bus.queueDepths()).segments.pending, 3, '32, 32 and 6');
  t.strictSame((await take(bus, 70)).map(memberOf), [...Array(70).keys()]);
});

t.test('a value that is given back brings the whole message again', async (t) => {
  const { bus } = await open(t);
  await Promise.all([0, 1, 2].map((member) => bus.publishSegment('r', segmentOf(member))));
  const [first, second, third] = await take(bus, 3);
  second?.giveBack();
  await first?.ack();
  t.match((await bus.queueDepths()).segments, { pending: 0, leased: 1 }, 'not before all are settled');
  await third?.ack();
  const again = await take(bus, 3);
  t.strictSame(again.map(memberOf), [0, 1, 2]);
  t.equal(again[0]?.deliveryCount, 2);
  for (const lease of again) await lease.ack();
  t.match((await bus.queueDepths()).segments, { pending: 0, leased: 0 });
});

t.test('a value that nobody can use goes to the dead letters alone, the others go on', async (t) => {
  const { bus, url } = await open(t);
  const nc = await natsConnect({ servers: url });
  t.teardown(() => nc.close());
  const good = (member: number) => encodeBody(segmentFormat.write({ runId: 'r', segment: segmentOf(member) }));
  const senseless = encodeBody({ runId: 'r' });
  const body = encodeBodies([good(0), senseless, good(1), Buffer.from('junk'), good(2)]);
  const fields = headers();
  fields.set('Segue-Checksum', checksum(body));
  await nc.jetstream().publish('segue.segment.r.r-g0-t0', body, { headers: fields });
  const leases = await take(bus, 3);
  t.strictSame(leases.map(memberOf), [0, 1, 2]);
  await leases[0]?.discard('not this one');
  for (const lease of leases.slice(1)) await lease.ack();
  t.match((await bus.queueDepths()).segments, { pending: 0, leased: 0 });
  const letters = await bus.deadLetters();
  t.match(letters, [{ reason: /is not a map/ }, { reason: /INVALID_INPUT/ }, { reason: 'not this one' }]);
  t.strictSame(
    letters.map((letter) => Buffer.from(letter.body)),
    [senseless, Buffer.from('junk'), good(0)],
  );
});

t.test('a body that says that it holds several, and does not, is refused', async (t) => {
  const { bus, url } = await open(t);
  const nc = await natsConnect({ servers: url });
  t.teardown(() => nc.close());
  for (const bodies of [new Uint8Array(3), { a: 1 }, 7]) {
    const body = encodeBody({ bodies });
    const fields = headers();
    fields.set('Segue-Checksum', checksum(body));
    await nc.jetstream().publish('segue.segment.r.r-g0-t0', body, { headers: fields });
  }
  await bus.publishSegment('r', segmentOf(5));
  t.strictSame((await take(bus, 1)).map(memberOf), [5]);
  const refusal = { reason: /bodies is not a list of bytes/ };
  t.match(await bus.deadLetters(), [refusal, refusal, refusal]);
});

t.test('a message is opened when those before it were taken; one that was not opened is given back', async (t) => {
  const { bus, url } = await open(t);
  const nc = await natsConnect({ servers: url });
  t.teardown(() => nc.close());
  const answers = nc.subscribe('$JS.ACK.SEGUE_SEGMENTS.>');
  await nc.flush();
  for (const member of [0, 1]) await bus.publishSegment('r', segmentOf(member));
  const fields = headers();
  fields.set('Segue-Checksum', '0'.repeat(16));
  await nc.jetstream().publish('segue.segment.r.r-g0-t2', encodeBody({}), { headers: fields });
  await bus.publishSegment('r', segmentOf(3));
  const [first] = await take(bus, 1);
  const givenBack: string[] = [];
  for await (const { subject, data } of answers) {
    if (Buffer.from(data).toString().startsWith('-NAK')) givenBack.push(subject.split('.').slice(4, 6).join('.'));
    if (givenBack.length === 3) break;
  }
  t.strictSame(givenBack, ['1.2', '1.3', '1.4'], 'delivery and number of each');
  t.strictSame(await bus.deadLetters(), [], 'nobody has looked at the broken one');
  await first?.ack();
  const others = await take(bus, 2);
  t.strictSame(others.map(memberOf), [1, 3]);
  t.match(await bus.deadLetters(), [{ reason: /checksum/ }]);
  for (const lease of others) await lease.ack();
  t.match((await bus.queueDepths()).segments, { pending: 0, leased: 0 });
});
