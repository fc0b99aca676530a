/**
 * A message server whose disk has changed bits counts messages that it gives to nobody, and takes new ones that it gives to nobody either: they are taken out,
 * and nothing else ever is.
 */
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AckPolicy, NatsError, RetentionPolicy } from 'nats';
import t, { type Test } from 'tap';
import { rotStream } from '../../../test/support/bit-rot.js';
import { startNats } from '../../../test/support/nats.js';
import { until } from '../../../test/support/waiting.js';
import { type Bus, connectBus } from '../dist/index.js';
import { openConnection } from '../dist/stream/connection.js';
import { queues } from '../dist/stream/subjects.js';
import { UnreadableMessages } from '../dist/stream/unreadable.js';
import { rolloutTask, score, segment } from './samples.js';

const total = 10;
const member = (index: number) => `r-g0-t${index}`;
const streams = Object.values(queues).map(({ stream }) => stream);

/** The same into every queue. */
async function publish(bus: Bus, from: number, to: number): Promise<void> {
  for (let i = from; i < to; i++) {
    const trajectoryId = member(i);
    await bus.publishRolloutTasks([{ ...rolloutTask, runId: 'r', groupId: 'r-g0', trajectoryId }]);
    await bus.publishRewardTasks([{ runId: 'r', trajectoryId, attempt: 0 }]);
    await bus.publishSegment('r', { ...segment, id: `${trajectoryId}-s0`, trajectoryId, index: 0 });
    await bus.publishScore('r', { ...score, trajectoryId });
  }
}

/** What came out of each queue, while takers take and acknowledge all that they are given. */
function takeAll(t: Test, bus: Bus) {
  const seen = { rollout: [] as string[], reward: [] as string[], segments: [] as string[], scores: [] as string[] };
  const ended = new AbortController();
  const { signal } = ended;
  const tasks = async () => {
    while (!signal.aborted) {
      for (const lease of await bus.takeRolloutTasks(total, { waitMs: 200, signal })) {
        seen.rollout.push(lease.value.trajectoryId);
        await lease.ack();
      }
      for (const lease of await bus.takeRewardTasks(total, { waitMs: 200, signal })) {
        seen.reward.push(lease.value.trajectoryId);
        await lease.ack();
      }
      // As a controller does.
      await bus.queueDepths();
    }
  };
  const segments = async () => {
    for await (const lease of bus.consumeSegments({ signal })) {
      seen.segments.push(lease.value.segment.trajectoryId);
      await lease.ack();
    }
  };
  const scores = async () => {
    for await (const lease of bus.consumeScores({ signal })) {
      seen.scores.push(lease.value.score.trajectoryId);
      await lease.ack();
    }
  };
  const done = Promise.all([tasks(), segments(), scores()]);
  const end = async () => {
    ended.abort();
    await done;
  };
  t.teardown(end);
  return { seen, end };
}

async function serve(t: Test) {
  const folder = mkdtempSync(join(tmpdir(), 'segue-nats-'));
  const nats = await startNats({ folder });
  t.teardown(() => nats.stop());
  const bus = await connectBus({ url: nats.url, name: 'test' });
  t.teardown(() => bus.close());
  const connection = await openConnection({ url: nats.url, name: 'look' });
  t.teardown(() => connection.nc.close());
  const { jsm } = connection;
  await bus.setUp();
  /** What the server counts. */
  const kept = async (stream: string) => (await jsm.streams.info(stream)).state.messages;
  const rot = async () => {
    await nats.kill();
    for (const stream of streams) t.ok((await rotStream(folder, stream)) > 0);
    await nats.restart();
    await until(async () => bus.connected && connection.isUp(), 'both are there again');
  };
  return { nats, bus, connection, kept, rot };
}

t.test('no queue stays one that takes everything and gives nothing', async (t) => {
  const { bus, kept, rot } = await serve(t);
  await publish(bus, 0, total);
  await rot();
  // Into what cannot be read.
  await publish(bus, total, total + 3);
  for (const stream of streams) t.ok((await kept(stream)) > 0);
  const { seen, end } = takeAll(t, bus);
  const isEmpty = async () => (await Promise.all(streams.map(kept))).every((messages) => messages === 0);
  await until(isEmpty, 'nothing is counted that is not given', 60_000);
  for (const [queue, ids] of Object.entries(seen)) {
    t.ok(ids.includes(member(0)), `${queue}: what can be read was given`);
    t.notOk(ids.includes(member(total)), `${queue}: what went into the damaged block was not`);
  }
  await publish(bus, total + 3, total + 4);
  await until(async () => Object.values(seen).every((ids) => ids.includes(member(total + 3))), 'new messages arrive');
  // Whoever waits for a verdict asks again, under the same name as far as it knows.
  await until(async () => {
    await bus.publishRewardTasks([{ runId: 'r', trajectoryId: member(total), attempt: 0 }]);
    return seen.reward.includes(member(total));
  }, 'so does what the stream was sent a moment ago and has lost');
  await end();
});

/** A stream with five messages of which the first is acknowledged, the second leased, and the others wait; its server may be made to lie. */
async function queueOf(t: Test) {
  const { connection, rot } = await serve(t);
  const { js, jsm } = connection;
  await jsm.streams.add({ name: 'KEPT', subjects: ['kept.>'], retention: RetentionPolicy.Workqueue });
  await jsm.consumers.add('KEPT', { durable_name: 'takers', ack_policy: AckPolicy.Explicit });
  const publishOne = () => js.publish('kept.r.t');
  for (let i = 0; i < 5; i++) await publishOne();
  const take = () => js.pull('KEPT', 'takers');
  await (await take()).ackAck();
  const leased = await take();
  const kept = async () => (await jsm.streams.info('KEPT')).state.messages;
  /** Looks as often as would do in a row. */
  const lookEnough = async (streams: Partial<typeof jsm.streams>) => {
    const lying: typeof jsm = Object.create(jsm, {
      streams: { value: Object.assign(Object.create(jsm.streams), streams) },
    });
    const warned: string[] = [];
    const log = { info: () => {}, warn: (_: object, message: string) => void warned.push(message) };
    const unreadable = new UnreadableMessages({ jsm: lying, log }, 'KEPT', 0);
    const removed: number[] = [];
    for (let looks = 0; looks < 4; looks++) removed.push(await unreadable.remove());
    return { removed, warned };
  };
  return { jsm, rot, publishOne, take, leased, kept, lookEnough };
}

const cannotRead = (): Promise<never> =>
  Promise.reject(Object.assign(new NatsError('no message found', '404'), { api_error: { err_code: 10037 } }));

t.test('while a server can read one of its messages, none is taken out', async (t) => {
  const { jsm, kept, lookEnough } = await queueOf(t);
  t.strictSame(await lookEnough({}), { removed: [0, 0, 0, 0], warned: [] });
  const oldest = {
    getMessage: (stream: string, query: { seq: number }) =>
      query.seq === 2 ? jsm.streams.getMessage(stream, query) : cannotRead(),
  };
  t.strictSame(
    await lookEnough(oldest),
    { removed: [0, 0, 0, 0], warned: [] },
    'though it is but the oldest, and leased',
  );
  t.equal(await kept(), 4);
});

t.test('of a stream in order the numbers that are gone are not asked for', async (t) => {
  const { jsm, kept, publishOne, lookEnough } = await queueOf(t);
  const asked: boolean[] = [];
  const info: typeof jsm.streams.info = (stream, query) => {
    asked.push(query?.deleted_details === true);
    return jsm.streams.info(stream, query);
  };
  // In the middle, and the newest.
  for (const seq of [3, 5]) await jsm.streams.deleteMessage('KEPT', seq);
  t.strictSame(await lookEnough({ info }), { removed: [0, 0, 0, 0], warned: [] });
  t.strictSame(asked, [false, false, false, false]);
  await publishOne();
  await lookEnough({ info, getMessage: cannotRead });
  t.ok(asked.includes(true), 'but of one that looks damaged');
  t.equal(await kept(), 0, 'which is taken out by them');
});

t.test('what is acknowledged while it is looked for is not taken for unreadable', async (t) => {
  const { jsm, publishOne, take, leased, kept, lookEnough } = await queueOf(t);
  await leased.ackAck();
  let purges = 0;
  const getMessage = async (stream: string, query: { seq: number }) => {
    // Somebody is faster, each time.
    while ((await kept()) > 0) await (await take()).ackAck();
    const message = jsm.streams.getMessage(stream, query);
    await message.catch(() => publishOne());
    return message;
  };
  const purge: typeof jsm.streams.purge = (stream, options) => {
    purges++;
    return jsm.streams.purge(stream, options);
  };
  t.strictSame((await lookEnough({ getMessage, purge })).removed, [0, 0, 0, 0]);
  t.equal(purges, 0);
  t.equal(await kept(), 1);
});

t.test('what comes between the last look and the purge stays', async (t) => {
  const { jsm, publishOne, take, kept, lookEnough } = await queueOf(t);
  const purge: typeof jsm.streams.purge = async (stream, options) => {
    await publishOne();
    return jsm.streams.purge(stream, options);
  };
  const { removed, warned } = await lookEnough({ getMessage: cannotRead, purge });
  t.strictSame(removed, [0, 0, 4, 0], 'at the third look');
  t.equal(warned.length, 1);
  t.equal(await kept(), 1);
  t.equal((await take()).seq, 6, 'and is given');
});

t.test('a look that fails is told, and nothing is taken out for it', async (t) => {
  const { kept, lookEnough } = await queueOf(t);
  const getMessage = () => Promise.reject(new NatsError('no right', 'PERMISSIONS_VIOLATION'));
  const { removed, warned } = await lookEnough({ getMessage });
  t.strictSame(removed, [0, 0, 0, 0]);
  t.equal(warned.length, 1, 'once, and then it waits');
  t.equal(await kept(), 4);
});
