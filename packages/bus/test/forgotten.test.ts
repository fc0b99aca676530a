/**
 * Messages that a killed server comes back with though they were acknowledged and taken out (nats-server 2.9 does, 2.10 does not): nobody waits for
 * them, the store looks at its own once more, and they go.
 */
import { AckPolicy } from 'nats';
import t from 'tap';
import { startNats } from '../../../test/support/nats.js';
import { type Bus, connectBus } from '../dist/index.js';
import { openConnection, withPatience } from '../dist/stream/connection.js';
import { forgottenUpTo, readForgotten } from '../dist/stream/forgotten.js';
import { rolloutTask, segment } from './samples.js';

const total = 20;
const member = (index: number) => `r-g0-t${index}`;
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

async function until(isSo: () => Promise<boolean> | boolean): Promise<void> {
  for (let looks = 0; looks < 600; looks++) {
    if (await isSo()) return;
    await pause(50);
  }
  throw new Error('it did not come to be');
}

/** Takes segments in until `isEnough`; the first of all is not acknowledged when `exceptFirst`. */
async function takeIn(bus: Bus, isEnough: (seen: number) => boolean | Promise<boolean>, exceptFirst = false) {
  const seen: string[] = [];
  const ended = new AbortController();
  const watch = until(async () => isEnough(seen.length)).then(() => ended.abort());
  for await (const lease of bus.consumeSegments({ signal: ended.signal })) {
    seen.push(lease.value.segment.trajectoryId);
    if (!exceptFirst || seen.length > 1) await lease.ack();
  }
  await watch;
  return seen;
}

t.test(
  'what a server had acknowledged and comes back with is not waited for, looked at once more, and gone',
  async (t) => {
    const nats = await startNats();
    const bus = await connectBus({ url: nats.url, name: 'test', rolloutLeaseMs: 1_000 });
    const { nc, jsm } = await openConnection({ url: nats.url, name: 'look' });
    t.teardown(async () => {
      await nc.close();
      await bus.close();
      await nats.stop();
    });
    await bus.setUp();
    for (let i = 0; i < total; i++) {
      await bus.publishSegment('r', { ...segment, id: `${member(i)}-s0`, trajectoryId: member(i), index: 0 });
      await bus.publishRolloutTasks([{ ...rolloutTask, runId: 'r', groupId: 'r-g0', trajectoryId: member(i) }]);
    }
    // While one message is left the others are taken out of its block, in memory.
    await takeIn(bus, (seen) => seen === total, true);
    const [held, ...done] = await bus.takeRolloutTasks(total, { waitMs: 1_000 });
    for (const lease of done) await lease.ack();
    t.equal(held?.value.trajectoryId, member(0));
    // A consumer's state is written down within a second.
    await pause(1_000);
    await nats.kill();
    await nats.restart();
    await until(() => bus.connected);

    const kept = async (stream: string) =>
      (await withPatience(nc, `looking at ${stream}`, () => jsm.streams.info(stream))).state.messages;
    t.comment(`came back with ${await kept('SEGUE_SEGMENTS')} segments and ${await kept('SEGUE_ROLLOUT')} tasks`);
    const again = await takeIn(bus, async (seen) => seen > 0 && (await kept('SEGUE_SEGMENTS')) === 0);
    t.ok(again.includes(member(0)), 'what was not acknowledged comes again');
    t.match(await bus.queueDepths(), { segments: { pending: 0, leased: 0 } }, 'nobody waits for the rest');

    const [last] = await bus.takeRolloutTasks(total, { waitMs: 5_000 });
    t.equal(last?.value.trajectoryId, member(0));
    await last?.ack();
    t.match(await bus.queueDepths(), { rollout: { pending: 0, leased: 0 } });
    t.equal(await kept('SEGUE_ROLLOUT'), 0, 'and old tasks are gone when somebody has counted');
  },
);

t.test('what somebody else has taken out meanwhile is not made up for with messages that wait', async (t) => {
  const nats = await startNats();
  const connection = await openConnection({ url: nats.url, name: 'test' });
  const { nc, js, jsm } = connection;
  t.teardown(async () => {
    await nc.close();
    await nats.stop();
  });
  // A stream that keeps what was acknowledged, as a server does that comes back with it.
  const queue = { stream: 'KEPT', consumer: 'takers', prefix: 'kept' };
  await jsm.streams.add({ name: queue.stream, subjects: [`${queue.prefix}.>`] });
  await jsm.consumers.add(queue.stream, { durable_name: queue.consumer, ack_policy: AckPolicy.Explicit });
  for (let i = 1; i <= 6; i++) await js.publish(`${queue.prefix}.r.t${i}`);
  for (let i = 1; i <= 4; i++) {
    const message = await js.pull(queue.stream, queue.consumer);
    if (i < 4) await message.ackAck();
  }
  const sequences = async (from: Pick<typeof connection, 'nc' | 'jsm'>) =>
    (await readForgotten(from, queue)).map(({ sequence }) => sequence);
  t.strictSame(await sequences(connection), [1, 2, 3]);
  let isFirst = true;
  const streams: typeof jsm.streams = Object.create(jsm.streams);
  streams.getMessage = async (stream, query) => {
    if (isFirst) for (const seq of [1, 2]) await jsm.streams.deleteMessage(queue.stream, seq);
    isFirst = false;
    return jsm.streams.getMessage(stream, query);
  };
  const raced: typeof jsm = Object.create(jsm, { streams: { value: streams } });
  t.strictSame(await sequences({ nc, jsm: raced }), [3], 'the fourth is leased, the others wait');
});

t.test('which messages nobody waits for', async (t) => {
  t.equal(
    forgottenUpTo({ floor: 1762, delivered: 1790, leased: 0 }),
    1790,
    'all that were delivered, though the floor hangs',
  );
  t.equal(forgottenUpTo({ floor: 1762, delivered: 1790, leased: 3 }), 1762, 'one of those above may be leased');
});
