/** Streams and buckets that are not there: the nudges, which the server keeps in memory alone, and a registry that was lost with the server's data. */
import { connect as natsConnect, StorageType } from 'nats';
import t, { type Test } from 'tap';
import { startNats } from '../../../test/support/nats.js';
import { until } from '../../../test/support/waiting.js';
import { connectBus } from '../dist/index.js';
import { buckets, eventsPrefix, eventsStream } from '../dist/stream/subjects.js';

const registry = `KV_${buckets.registry.name}`;

async function serve(t: Test) {
  const nats = await startNats();
  t.teardown(() => nats.stop());
  const nc = await natsConnect({ servers: nats.url });
  t.teardown(() => nc.close());
  const jsm = await nc.jetstreamManager();
  const storageOf = async (stream: string) => (await jsm.streams.info(stream)).config.storage;
  const open = async () => {
    const bus = await connectBus({ url: nats.url, name: 'test' });
    t.teardown(() => bus.close());
    return bus;
  };
  return { nats, jsm, storageOf, open };
}

t.test('a server that started anew has no nudges, and nobody waits for them', async (t) => {
  const { nats, jsm, storageOf, open } = await serve(t);
  const store = await open();
  await store.setUp();
  t.equal(await storageOf(eventsStream), StorageType.Memory);
  t.equal(await storageOf(registry), StorageType.File, 'who is there is known at once');
  await store.close();

  await nats.kill();
  await nats.restart();
  const other = await open();
  await other.ready({ timeoutMs: 0 });
  const isReached = () => jsm.streams.info(registry).then(Boolean, () => false);
  await until(isReached, 'the test is connected again too');
  await t.rejects(jsm.streams.info(eventsStream), /not found/);
  await other.setUp();
  t.equal(await storageOf(eventsStream), StorageType.Memory);
});

t.test('where an earlier release has the nudges on disk they stay', async (t) => {
  const { jsm, storageOf, open } = await serve(t);
  await jsm.streams.add({ name: eventsStream, subjects: [`${eventsPrefix}.*`], storage: StorageType.File });
  const bus = await open();
  await bus.setUp();
  t.equal(await storageOf(eventsStream), StorageType.File);
});

t.test('who asks for services while the registry is not there waits until it is', async (t) => {
  const { jsm, open } = await serve(t);
  const [store, other] = [await open(), await open()];
  await store.setUp();
  await jsm.streams.delete(registry);
  let isAnswered = false;
  const asked = other.registrations().finally(() => {
    isAnswered = true;
  });
  await t.rejects(jsm.streams.info(registry), /not found/);
  t.notOk(isAnswered);
  await store.setUp();
  await until(async () => isAnswered, 'the answer comes');
  t.strictSame(await asked, []);
});
