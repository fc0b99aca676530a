/** Pulls that end while messages are being published: none is lost on the way to its taker, which would count as a try of its own. */
import t from 'tap';
import { startNats } from '../../../test/support/nats.js';
import { connectBus } from '../dist/index.js';
import { rolloutTask } from './samples.js';
import { serveBus } from './served-bus.js';

const takers = 4;
const rounds = 40;
const burst = 24;

t.test('every message of many bursts is delivered once, though pulls end among them', async (t) => {
  const nats = await startNats();
  const connectOne = () => connectBus({ url: nats.url, name: 'test', rolloutLeaseMs: 5_000 });
  const [publisher, ...buses] = await Promise.all(Array.from({ length: 1 + takers }, connectOne));
  t.teardown(async () => {
    for (const bus of [publisher!, ...buses]) await bus.close();
    await nats.stop();
  });
  await publisher!.setUp();
  let done = 0;
  let again = 0;
  const taking = buses.map(async (bus) => {
    while (done < rounds * burst) {
      for (const lease of await bus.takeRolloutTasks(8, { waitMs: 200 })) {
        if (lease.deliveryCount > 1) again++;
        await lease.ack();
        done++;
      }
    }
  });
  for (let round = 0; round < rounds; round++) {
    const group = `r-g${round}`;
    const put = (_: unknown, i: number) =>
      publisher!.publishRolloutTasks([{ ...rolloutTask, runId: 'r', groupId: group, trajectoryId: `${group}-t${i}` }]);
    await Promise.all(Array.from({ length: burst }, put));
    // Until the takers wait again.
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  await Promise.all(taking);
  t.equal(again, 0);
});

t.test('a taker that waits gets the first message, and what came with it, without waiting longer', async (t) => {
  const nats = await startNats();
  const bus = await connectBus({ url: nats.url, name: 'test' });
  t.teardown(async () => {
    await bus.close();
    await nats.stop();
  });
  await bus.setUp();
  t.strictSame(await bus.takeRolloutTasks(8, { waitMs: 0 }), []);
  t.strictSame(await bus.takeRolloutTasks(8, { waitMs: 50 }), []);
  const taken = bus.takeRolloutTasks(8, { waitMs: 600_000 });
  await bus.publishRolloutTasks([{ ...rolloutTask, runId: 'r', groupId: 'r-g0', trajectoryId: 'r-g0-t0' }]);
  const [first] = await taken;
  t.equal(first?.value.trajectoryId, 'r-g0-t0');
  await first?.ack();
});

t.test('a server that refuses every pull is asked less and less often', async (t) => {
  const { bus, nc } = await serveBus(t);
  // Somebody has given the consumer a bound that no pull keeps to: each is refused at once (409).
  const jsm = await nc.jetstreamManager();
  await jsm.consumers.update('SEGUE_ROLLOUT', 'actors', { max_bytes: 1 });
  const asked = nc.subscribe('$JS.API.CONSUMER.MSG.NEXT.SEGUE_ROLLOUT.actors');
  await nc.flush();
  t.strictSame(await bus.takeRolloutTasks(8, { waitMs: 700 }), []);
  await nc.flush();
  // After pauses of 10, 20, 40, 80, 160, 320 ms and what is left of 700; each time twice, since the first may be refused for the sake of others.
  const count = asked.getReceived();
  t.ok(count > 0 && count <= 16, `${count} times`);
});
