/** What the server itself gives up on a real nats-server: once among the dead letters, however many follow, and out of the queue. */
import { connect as natsConnect } from 'nats';
import t from 'tap';
import { startNats } from '../../../test/support/nats.js';
import { connectBus } from '../dist/index.js';
import { rolloutTask } from './samples.js';

t.test('what the server gives up is a dead letter, once, and leaves the queue', async (t) => {
  const nats = await startNats();
  const open = () => connectBus({ url: nats.url, name: 'test', rolloutLeaseMs: 1_000 });
  const [bus, follower] = [await open(), await open()];
  const nc = await natsConnect({ servers: nats.url });
  t.teardown(async () => {
    for (const connection of [bus, follower, nc]) await connection.close();
    await nats.stop();
  });
  for (const one of [bus, follower]) await one.setUp();
  await bus.publishRolloutTasks([{ ...rolloutTask, runId: 'r', groupId: 'r-g0', trajectoryId: 'r-g0-t0' }]);
  const [lease] = await bus.takeRolloutTasks(1, { waitMs: 1_000 });
  lease?.giveBack();
  // Somebody has given the consumer a limit; Segue itself gives none.
  const jsm = await nc.jetstreamManager();
  await jsm.consumers.update('SEGUE_ROLLOUT', 'actors', { max_deliver: 2 });
  const [second] = await bus.takeRolloutTasks(1, { waitMs: 10_000 });
  second?.giveBack();
  // The server notices when it would deliver the message again.
  const found = new AbortController();
  const looking = bus.takeRolloutTasks(1, { waitMs: 60_000, signal: found.signal });
  while ((await bus.deadLetters()).length === 0) await new Promise((resolve) => setTimeout(resolve, 20));
  while ((await jsm.streams.info('SEGUE_ROLLOUT')).state.messages > 0) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  found.abort();
  t.strictSame(await looking, []);
  const letters = await bus.deadLetters();
  t.match(letters, [{ subject: 'segue.rollout.r.r-g0-t0', reason: /gave it up after 2 deliveries/ }]);
  t.equal(letters.length, 1, 'two processes follow');
});
