/** What a taker of a queue is told beside its leases: that nothing comes, and nothing at all once it has ended. On a real nats-server; leases are together.test.ts's. */
import { SegueError } from '@segue/core';
import { headers } from 'nats';
import t, { type Test } from 'tap';
import { startNats } from '../../../test/support/nats.js';
import { inTime } from '../../../test/support/waiting.js';
import { encodeBody } from '../dist/stream/codec.js';
import { openConnection } from '../dist/stream/connection.js';
import { DeadLetters } from '../dist/stream/dead-letters.js';
import { segmentFormat } from '../dist/stream/messages.js';
import { formatPart, partHeader } from '../dist/stream/parts.js';
import { checksumHeader, consumerConfig, queues, streamConfigs } from '../dist/stream/subjects.js';
import { WorkQueue } from '../dist/stream/work-queue.js';

/** Much shorter than a taker waits for messages. */
const leaseMs = 500;
const ignore = async () => {};

async function serve(t: Test) {
  const nats = await startNats();
  const connection = await openConnection({ url: nats.url, name: 'test' });
  t.teardown(async () => {
    await connection.nc.close();
    await nats.stop();
  });
  const { jsm, nc } = connection;
  for (const config of streamConfigs) await jsm.streams.add(config);
  await jsm.consumers.add(queues.segments.stream, consumerConfig(queues.segments, leaseMs));
  const dead = new DeadLetters(connection);
  const queue = new WorkQueue(connection, queues.segments, segmentFormat, dead, leaseMs);
  const publish = (fields: Readonly<Record<string, string>>) => {
    const all = headers();
    for (const [name, value] of Object.entries(fields)) all.set(name, value);
    return nc.jetstream().publish('segue.segment.r.r-g0-t0', encodeBody({}), { headers: all });
  };
  return { queue, dead, publish };
}

t.test('a part whose others do not come is delivered again and again, and nothing else comes', async (t) => {
  const { queue, publish } = await serve(t);
  await publish({ [partHeader]: formatPart(0, 2, 'x') });
  const ended = new AbortController();
  const leases = queue.consume(ended.signal, async () => ended.abort());
  t.strictSame(await inTime(leases.next(), 'the taker is told that nothing comes'), { value: undefined, done: true });
});

t.test('what fails when the taker has ended is no error', async (t) => {
  const { queue, dead, publish } = await serve(t);
  await publish({ [checksumHeader]: '0'.repeat(16) });
  const ended = new AbortController();
  t.capture(dead, 'add', async () => {
    ended.abort();
    throw new SegueError('UNAVAILABLE', 'the connection is closed');
  });
  t.strictSame(await queue.consume(ended.signal, ignore).next(), { value: undefined, done: true });
});
