/** A message server that comes back without its data, or with another clock: who watched or took before goes on. */
import { mkdtempSync } from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as natsConnect } from 'nats';
import t, { type Test } from 'tap';
import { startNats } from '../../../test/support/nats.js';
import { inTime, until } from '../../../test/support/waiting.js';
import { type Bus, connectBus, type IterationSignal } from '../dist/index.js';
import { Changes } from '../dist/stream/bucket.js';
import { queues } from '../dist/stream/subjects.js';

/** Not the queue's own. */
const leaseMs = 3_000;

/** A bus of the store, which makes the streams, one of somebody else, and a server that can lose everything. */
async function serve(t: Test) {
  const folder = mkdtempSync(join(tmpdir(), 'segue-nats-'));
  const nats = await startNats({ folder });
  const open = () => connectBus({ url: nats.url, name: 'test', rolloutLeaseMs: leaseMs });
  const [store, other] = await Promise.all([open(), open()]);
  const buses: Bus[] = [store, other];
  t.teardown(async () => {
    for (const bus of buses) await bus.close();
    await nats.stop();
  });
  await store.setUp();
  const loseEverything = async () => {
    await nats.kill();
    await until(async () => buses.every((bus) => !bus.connected), 'both have noticed');
    for (const name of await readdir(folder)) await rm(join(folder, name), { recursive: true });
    await nats.restart();
    await until(async () => buses.every((bus) => bus.connected), 'both are there again');
    await store.setUp();
  };
  return { nats, store, other, loseEverything };
}

t.test(
  'a watcher sees what is written to a server that came back empty, though its revisions begin anew',
  async (t) => {
    const { store, other, loseEverything } = await serve(t);
    const signal = (iteration: number): IterationSignal => ({ runId: 'r', iteration, policyVersion: 0, open: true });
    const watch = other.watchIterationSignals()[Symbol.asyncIterator]();
    const next = async () => (await inTime(watch.next(), 'the next signal')).value;
    for (const iteration of [1, 2, 3]) {
      await store.putIterationSignal(signal(iteration));
      t.strictSame(await next(), signal(iteration));
    }
    await loseEverything();
    t.equal(await store.getIterationSignal('r'), null);
    await store.putIterationSignal(signal(4));
    t.strictSame(await next(), signal(4));
    await watch.return?.();
  },
);

t.test('a taker sets its lease again on a server that came back empty', async (t) => {
  const { nats, other, loseEverything } = await serve(t);
  await other.takeRolloutTasks(1, { waitMs: 1 });
  await loseEverything();
  await other.takeRolloutTasks(1, { waitMs: 1 });
  const nc = await natsConnect({ servers: nats.url });
  t.teardown(() => nc.close());
  const { stream, consumer } = queues.rollout;
  const { config } = await (await nc.jetstreamManager()).consumers.info(stream, consumer);
  t.equal(config.ack_wait, leaseMs * 1_000_000);
});

t.test('a clock that goes back brings no old value again, nor hides a new one', async (t) => {
  const changes = new Changes<string>();
  const isNew = (revision: number, createdMs: number) =>
    changes.offer({ key: 'k', revision, createdMs, value: `${revision} at ${createdMs}` });
  t.ok(isNew(7, 100));
  t.ok(isNew(8, 90), 'written after the clock went back');
  t.notOk(isNew(7, 100), 'a look that was long on its way');
  t.ok(isNew(9, 95));
  t.ok(isNew(2, 110), 'a server that has lost data counts anew');
  t.notOk(isNew(2, 110));
});
