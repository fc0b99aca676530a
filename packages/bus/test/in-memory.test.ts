/** What the server keeps in memory alone, the registry and the nudges: it comes again after the server was gone, and a server of an earlier release keeps them where it has them. */
import { connect as natsConnect, StorageType } from 'nats';
import t, { type Test } from 'tap';
import { startNats } from '../../../test/support/nats.js';
import { until } from '../../../test/support/waiting.js';
import { connectBus } from '../dist/index.js';
import { buckets, eventsPrefix, eventsStream } from '../dist/stream/subjects.js';
import { registration } from './samples.js';

const registry = buckets.registry.name;

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
  return { nats, nc, jsm, storageOf, open };
}

t.test('a service stands in the registry again once a server is back that kept nothing of it', async (t) => {
  const { nats, storageOf, open } = await serve(t);
  const [store, other] = [await open(), await open()];
  await store.setUp();
  for (const stream of [`KV_${registry}`, eventsStream]) t.equal(await storageOf(stream), StorageType.Memory, stream);
  t.equal(await storageOf(`KV_${buckets.policies.name}`), StorageType.File);
  await other.register(registration);
  t.strictSame(await store.registrations(), [registration]);

  await nats.kill();
  await until(async () => !store.connected && !other.connected, 'both have noticed');
  await nats.restart();
  // The store looks after the streams by itself; a heartbeat that comes before them fails, as one does while the server is away.
  const beat = async () => {
    try {
      await other.register(registration);
      return true;
    } catch {
      return false;
    }
  };
  await until(beat, 'a heartbeat is taken again');
  t.strictSame(await store.registrations(), [registration]);
});

t.test('where an earlier release has them on disk they stay, and serve', async (t) => {
  const { nc, jsm, storageOf, open } = await serve(t);
  await nc.jetstream().views.kv(registry, { history: 1, ttl: 10_000 });
  await jsm.streams.add({ name: eventsStream, subjects: [`${eventsPrefix}.*`], storage: StorageType.File });
  const bus = await open();
  await bus.setUp();
  for (const stream of [`KV_${registry}`, eventsStream]) t.equal(await storageOf(stream), StorageType.File, stream);
  await bus.register(registration);
  t.strictSame(await bus.registrations(), [registration]);
});
