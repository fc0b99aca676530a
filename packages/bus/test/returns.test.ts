/** Which deliveries were lost with their takers, under one message and over several; and where the server cannot say. */
import { connect as natsConnect } from 'nats';
import t from 'tap';
import { startNats } from '../../../test/support/nats.js';
import { connectBus } from '../dist/index.js';
import { gatedBus } from './gated-bus.js';
import { rolloutTask } from './samples.js';
import { serveBus } from './served-bus.js';

const leaseMs = 1_000;

t.test('what waited when its taker died was not lost by it, what had begun was', async (t) => {
  const nats = await startNats();
  const bus = await connectBus({ url: nats.url, name: 'test', rolloutLeaseMs: leaseMs });
  t.teardown(async () => {
    await bus.close();
    await nats.stop();
  });
  await bus.setUp();
  const task = { ...rolloutTask, runId: 'r', groupId: 'r-g0', trajectoryId: 'r-g0-t0' };
  await bus.publishRolloutTasks([task]);
  const take = async () => (await bus.takeRolloutTasks(1, { waitMs: 10 * leaseMs }))[0]!;
  const lose = async (act: (lease: Awaited<ReturnType<typeof take>>) => unknown) => {
    const lease = await take();
    const lost = await lease.lostDeliveries();
    await act(lease);
    return lost;
  };
  t.equal(await lose(() => undefined), 0, 'the first delivery');
  t.equal(await lose((lease) => lease.hold()), 1, 'it was lost: nothing was said of it');
  const begin = async (lease: Awaited<ReturnType<typeof take>>) => {
    lease.hold();
    await lease.begin();
  };
  t.equal(await lose(begin), 1, 'it had waited');
  t.equal(await lose((lease) => lease.lose()), 2, 'it had begun');
  t.equal(await lose((lease) => lease.excuse()), 3, 'what tried it broke');
  const last = await take();
  t.equal(await last.lostDeliveries(), 3, 'it was late, not lost');
  t.equal(last.deliveryCount, 6);

  await bus.markLostTries(task, 2);
  await bus.markLostTries(task, 3);
  t.strictSame(await bus.lostTries('r'), [{ trajectoryId: 'r-g0-t0', segmentIndex: task.segmentIndex, tries: 3 }]);
  const later = { ...task, iteration: task.iteration + 1 };
  await bus.publishRolloutTasks([later, { ...later, groupId: 'r-g1', trajectoryId: 'r-g1-t0' }]);
  await bus.takeRolloutTasks(1, { waitMs: 1_000 });
  // The first message is gone and this one is leased. The third was never delivered.
  await last.ack();
  const delivered = await bus.deliveredTasks('r');
  t.match(delivered, [{ value: { trajectoryId: 'r-g0-t0', iteration: later.iteration } }]);
  for (let time = 0; time < 2; time++) await bus.markLostTries(delivered[0]!.value, 1);
  t.match(await bus.lostTries('r', 'r-g0'), [{ tries: 4 }], 'over both messages');
  t.strictSame(await bus.lostTries('r', 'r-g1'), []);
  await bus.forgetLostTries('r', 'r-g0');
  t.strictSame(await bus.lostTries('r'), []);
});

t.test('what is said while the server is away is known when that resolves', async (t) => {
  const { gate, bus } = await gatedBus(t, { rolloutLeaseMs: leaseMs });
  const task = { ...rolloutTask, runId: 'r', groupId: 'r-g0', trajectoryId: 'r-g0-t0' };
  await bus.publishRolloutTasks([task]);
  const take = async () => (await bus.takeRolloutTasks(1, { waitMs: 10 * leaseMs }))[0]!;
  await take();
  const lease = await take();
  lease.hold();
  await bus.queueDepths();
  gate.shut();
  await gate.isAsked();
  const said = Promise.all([bus.markLostTries(task, 2), lease.begin()]);
  // What is buffered when a connection is begun anew does not outlive it.
  gate.shut();
  await gate.isAsked();
  gate.reopen();
  await said;
  t.match(await bus.lostTries('r'), [{ trajectoryId: 'r-g0-t0', tries: 2 }]);
  const last = await take();
  t.equal(last.deliveryCount, 3);
  t.equal(await last.lostDeliveries(), 2, 'the second had begun');
});

t.test('two tasks that are given back at once both come again', async (t) => {
  const nats = await startNats();
  const bus = await connectBus({ url: nats.url, name: 'test', rolloutLeaseMs: 60_000 });
  t.teardown(async () => {
    await bus.close();
    await nats.stop();
  });
  await bus.setUp();
  const ids = ['r-g0-t0', 'r-g0-t1'];
  const task = { ...rolloutTask, runId: 'r', groupId: 'r-g0' };
  await bus.publishRolloutTasks(ids.map((trajectoryId) => ({ ...task, trajectoryId })));
  const take = async (count: number) => {
    const leases: Awaited<ReturnType<typeof bus.takeRolloutTasks>> = [];
    while (leases.length < count) leases.push(...(await bus.takeRolloutTasks(2, { waitMs: 10_000 })));
    return leases;
  };
  for (const lease of await take(2)) lease.giveBack();
  const again = await take(2);
  t.strictSame(again.map(({ value }) => value.trajectoryId).sort(), ids);
  for (const lease of again) {
    t.equal(lease.deliveryCount, 2);
    t.equal(await lease.lostDeliveries(), 0);
    await lease.ack();
  }
  t.match((await bus.queueDepths()).rollout, { pending: 0, leased: 0 });
});

t.test('a message that comes often is handed out when nobody can say how often it was lost', async (t) => {
  const { bus, nc } = await serveBus(t);
  await bus.publishRewardTasks([{ runId: 'r', trajectoryId: 'r-g0-t0', attempt: 0 }]);
  const take = async () => (await bus.takeRewardTasks(1, { waitMs: 10_000 }))[0];
  for (let count = 1; count <= 20; count++) (await take())?.giveBack();
  await (await nc.jetstreamManager()).streams.delete('SEGUE_RETURNS');
  const lease = await take();
  t.equal(lease?.deliveryCount, 21);
  await t.rejects(lease!.lostDeliveries(), { code: 'NOT_FOUND' });
  t.strictSame(await bus.deadLetters(), []);
});

t.test("what was given back, or only waits, is nobody's to lose", async (t) => {
  const nats = await startNats();
  const bus = await connectBus({ url: nats.url, name: 'test', rolloutLeaseMs: 60_000 });
  const nc = await natsConnect({ servers: nats.url });
  t.teardown(async () => {
    await nc.close();
    await bus.close();
    await nats.stop();
  });
  await bus.setUp();
  const ids = ['left', 'again', 'waits', 'begun', 'runs'].map((name) => `r-${name}`);
  const task = { ...rolloutTask, runId: 'r', groupId: 'r-g0' };
  await bus.publishRolloutTasks(ids.map((trajectoryId) => ({ ...task, trajectoryId })));
  const questions = nc.subscribe('$JS.API.STREAM.INFO.SEGUE_RETURNS');
  await nc.flush();
  t.strictSame(await bus.deliveredTasks('r'), []);
  const leases = new Map<string, Awaited<ReturnType<typeof bus.takeRolloutTasks>>[number]>();
  const take = async (count: number) => {
    for (let taken = 0; taken < count; ) {
      for (const lease of await bus.takeRolloutTasks(count - taken, { waitMs: 10_000 })) {
        leases.set(lease.value.trajectoryId, lease);
        taken++;
      }
    }
  };
  await bus.publishRolloutTasks([{ ...task, runId: 'r2', trajectoryId: 'r2-other' }]);
  await take(ids.length + 1);
  leases.get('r-again')!.giveBack();
  await take(1);
  leases.get('r-left')!.giveBack(60_000);
  leases.get('r-waits')!.hold();
  leases.get('r-begun')!.hold();
  // In order: when the stream has this, it has all before.
  await leases.get('r-begun')!.begin();
  t.equal((await bus.queueDepths()).rollout.leased, ids.length + 1, 'the server counts them all');
  const delivered = await bus.deliveredTasks('r');
  t.strictSame(
    delivered.map(({ value, ...deliveries }) => [value.trajectoryId, deliveries]),
    [
      ['r-again', { deliveryCount: 2, lostBefore: 0, isNewestLost: true }],
      ['r-begun', { deliveryCount: 1, lostBefore: 0, isNewestLost: true }],
      ['r-runs', { deliveryCount: 1, lostBefore: 0, isNewestLost: true }],
    ],
  );
  await nc.flush();
  t.equal(questions.getReceived(), 1, 'for all messages together, and none where nothing is leased');
});

t.test('a loss is known though a later taker gave the task back, and counts once whoever marks it', async (t) => {
  const nats = await startNats();
  const bus = await connectBus({ url: nats.url, name: 'test', rolloutLeaseMs: leaseMs });
  t.teardown(async () => {
    await bus.close();
    await nats.stop();
  });
  await bus.setUp();
  const task = { ...rolloutTask, runId: 'r', groupId: 'r-g0', trajectoryId: 'r-g0-t0' };
  await bus.publishRolloutTasks([task]);
  const take = async () => (await bus.takeRolloutTasks(1, { waitMs: 10 * leaseMs }))[0]!;
  const deliveries = async () => {
    const [one] = await bus.deliveredTasks('r');
    return one && [one.deliveryCount, one.lostBefore, one.isNewestLost];
  };
  await take();
  const second = await take();
  second.giveBack();
  // In order: when the stream has this, it has all before.
  await bus.markLostTries(task, 1);
  t.strictSame(await deliveries(), [2, 1, false], 'the first was lost');
  await take();
  await bus.markLostTries(task, 1);
  t.strictSame(await deliveries(), [3, 1, true]);
  // As the close of an iteration marks it while the lease still runs, and then the next taker.
  await bus.markLostTries(task, 2);
  const last = await take();
  await bus.markLostTries(task, await last.lostDeliveries());
  t.match(await bus.lostTries('r'), [{ tries: 2 }]);
});

t.test('a task that is given back while the server is away was not lost', async (t) => {
  const { gate, bus } = await gatedBus(t, { rolloutLeaseMs: leaseMs });
  const task = { ...rolloutTask, runId: 'r', groupId: 'r-g0', trajectoryId: 'r-g0-t0' };
  await bus.publishRolloutTasks([task]);
  const take = async () => (await bus.takeRolloutTasks(1, { waitMs: 10 * leaseMs }))[0]!;
  const lease = await take();
  gate.shut();
  await gate.isAsked();
  lease.giveBack();
  // Told after it, again and again as that is.
  const said = bus.markLostTries(task, 1);
  gate.shut();
  await gate.isAsked();
  gate.reopen();
  await said;
  const again = await take();
  t.equal(again.deliveryCount, 2);
  t.equal(await again.lostDeliveries(), 0);
});
