/** Which deliveries were lost, where the server cannot say. */
import { connect as natsConnect } from 'nats';
import t from 'tap';
import { startNats } from '../../../test/support/nats.js';
import { connectBus } from '../dist/index.js';

t.test('a message that comes often is handed out when nobody can say how often it was lost', async (t) => {
  const nats = await startNats();
  const bus = await connectBus({ url: nats.url, name: 'test' });
  const nc = await natsConnect({ servers: nats.url });
  t.teardown(async () => {
    await nc.close();
    await bus.close();
    await nats.stop();
  });
  await bus.setUp();
  await bus.publishRewardTasks([{ runId: 'r', trajectoryId: 'r-g0-t0', attempt: 0 }]);
  const take = async () => (await bus.takeRewardTasks(1, { waitMs: 10_000 }))[0];
  for (let count = 1; count <= 20; count++) (await take())?.giveBack();
  await (await nc.jetstreamManager()).streams.delete('SEGUE_RETURNS');
  const lease = await take();
  t.equal(lease?.deliveryCount, 21);
  await t.rejects(lease!.lostDeliveries(), { code: 'NOT_FOUND' });
  t.strictSame(await bus.deadLetters(), []);
});
