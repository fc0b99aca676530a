/** Copies of a message's parts, which were published when the stream had forgotten the first: on a real nats-server none outlasts its message, whenever it comes. */
import type { Segment } from '@segue/core';
import t, { type Test } from 'tap';
import { until } from '../../../test/support/waiting.js';
import type { Bus } from '../dist/index.js';
import { queues } from '../dist/stream/subjects.js';
import { segment } from './samples.js';
import { serveBus } from './served-bus.js';

const { stream } = queues.segments;
/** Of three parts. */
const large: Segment = {
  ...segment,
  tokens: new Int32Array(150_000),
  logProbs: new Float32Array(150_000),
  origins: null,
  lossMask: null,
};

/** A bus whose stream holds a segment's parts as messages 1 to 3, and what publishes the first of them again. */
async function serve(t: Test): Promise<{ bus: Bus; publishCopy: () => Promise<unknown> }> {
  const { bus, nc } = await serveBus(t);
  await bus.publishSegment('r', large);
  const { subject, data, header } = await (await nc.jetstreamManager()).streams.getMessage(stream, { seq: 1 });
  // By which the stream would know it.
  header.delete('Nats-Msg-Id');
  return { bus, publishCopy: () => nc.jetstream().publish(subject, data, { headers: header }) };
}

function untilEmpty(bus: Bus): Promise<void> {
  const isEmpty = async () => {
    const { pending, leased } = (await bus.queueDepths()).segments;
    return pending + leased === 0;
  };
  return until(isEmpty, 'nothing waits and nothing is leased', 15_000);
}

t.test('a copy that comes when its message is done', async (t) => {
  const { bus, publishCopy } = await serve(t);
  const leases = bus.consumeSegments()[Symbol.asyncIterator]();
  const { value: lease } = await leases.next();
  await lease?.ack();
  await publishCopy();
  await bus.publishSegment('r', { ...large, id: 'r-g0-t0-s1', index: 2 });
  const { value: other } = await leases.next();
  t.equal(other?.value.segment.index, 2, 'nothing is handed out for it');
  await other?.ack();
  await untilEmpty(bus);
});

t.test('a copy that comes while its message is in hand', async (t) => {
  const { bus, publishCopy } = await serve(t);
  const leases = bus.consumeSegments()[Symbol.asyncIterator]();
  const { value: lease } = await leases.next();
  await publishCopy();
  await bus.publishSegment('r', { ...large, id: 'r-g0-t0-s1', index: 2 });
  const { value: other } = await leases.next();
  await other?.ack();
  t.equal((await bus.queueDepths()).segments.leased, 4);
  await lease?.ack();
  await untilEmpty(bus);
});

t.test('a message that is given back when a copy of it has come', async (t) => {
  const { bus, publishCopy } = await serve(t);
  await publishCopy();
  const leases = bus.consumeSegments()[Symbol.asyncIterator]();
  const { value: lease } = await leases.next();
  lease?.giveBack();
  const { value: again } = await leases.next();
  await again?.ack();
  void leases.next();
  await untilEmpty(bus);
});
