/** Streams and buckets that are not there: the nudges, which the server keeps in memory alone, and buckets that were lost with the server's data. */
import { connect as natsConnect, StorageType } from 'nats';
import t, { type Test } from 'tap';
import { startNats } from '../../../test/support/nats.js';
import { until } from '../../../test/support/waiting.js';
import { type BusLog, connectBus } from '../dist/index.js';
import { buckets, eventsPrefix, eventsStream } from '../dist/stream/subjects.js';

const registry = `KV_${buckets.registry.name}`;

async function serve(t: Test) {
  const nats = await startNats();
  t.teardown(() => nats.stop());
  const nc = await natsConnect({ servers: nats.url, reconnectTimeWait: 20 });
  t.teardown(() => nc.close());
  const jsm = await nc.jetstreamManager();
  const storageOf = async (stream: string) => (await jsm.streams.info(stream)).config.storage;
  const open = async (log?: BusLog) => {
    const bus = await connectBus({ url: nats.url, name: 'test', log });
    t.teardown(() => bus.close());
    return bus;
  };
  return { nats, nc, jsm, storageOf, open };
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

t.test('a key of a bucket that is not there is not a key that is not there', async (t) => {
  const { nc, jsm, open } = await serve(t);
  const [store, other] = [await open(), await open()];
  await store.setUp();
  const reads = {
    [buckets.policies.name]: () => other.getActivePolicy('r'),
    [buckets.iterations.name]: () => other.getIterationSignal('r'),
    [buckets.devices.name]: () => other.deviceLease('cuda-0'),
  };
  for (const [name, read] of Object.entries(reads)) {
    t.equal(await read(), null, `${name}: the bucket is there, and the key is not`);
    await jsm.streams.delete(`KV_${name}`);
    let asks = 0;
    const heard = nc.subscribe(`$JS.API.STREAM.MSG.GET.KV_${name}`, { callback: () => void asks++ });
    let isAnswered = false;
    const asked = read().finally(() => {
      isAnswered = true;
    });
    await until(async () => asks > 1 || isAnswered, 'it is asked again');
    t.notOk(isAnswered, `${name}: nobody knows`);
    heard.unsubscribe();
    await store.setUp();
    t.equal(await asked, null);
  }
});

/** Beyond one patience of the bus and the longest pause between its tries. */
const patienceMs = 120_000;

/** A stream that takes the subjects of another one, which the server refuses to make until it is gone. */
const squatter = { name: 'SQUATTER', subjects: [`${eventsPrefix}.>`] };

/** The store's bus on a server that has started anew, with something in the way of the nudges and without a registry. */
async function refused(t: Test) {
  const { nats, nc, jsm, open } = await serve(t);
  const told: string[] = [];
  const tell = (_: object, message: string) => {
    if (message.includes('the streams')) told.push(message);
  };
  const store = await open({ info: tell, warn: tell });
  await store.setUp();
  const isThere = (stream: string) => jsm.streams.info(stream).then(Boolean, () => false);
  await jsm.streams.delete(eventsStream);
  await jsm.streams.delete(registry);
  await jsm.streams.add(squatter);
  let tries = 0;
  nc.subscribe(`$JS.API.STREAM.CREATE.${eventsStream}`, { callback: () => void tries++ });
  const startAnew = async () => {
    await nats.kill();
    await until(async () => !store.connected, 'it has noticed');
    await nats.restart();
  };
  await startAnew();
  return { jsm, store, told, isThere, startAnew, tries: () => tries };
}

t.test('what a server refuses to make after its return is made when it does not any more, and told once', async (t) => {
  const { jsm, told, isThere, tries } = await refused(t);
  await until(async () => told.length > 0, 'it is refused', patienceMs);
  const before = tries();
  await until(async () => tries() > before + 1, 'it is tried again', patienceMs);
  t.strictSame(told, ['could not look after the streams: it is tried until they are there']);
  t.notOk(await isThere(eventsStream));
  t.ok(await isThere(registry), 'what is refused keeps nothing else from being made');
  await jsm.streams.delete(squatter.name);
  await until(() => isThere(eventsStream), 'the nudges have their stream', patienceMs);
  await until(async () => told.length > 1, 'that is told too');
  t.equal(told[1], 'the streams are all there again');
});

t.test('the next return of the server begins anew, and the end of the bus ends it', async (t) => {
  const { store, told, startAnew } = await refused(t);
  await until(async () => told.length > 0, 'the first return');
  await startAnew();
  await until(async () => told.length > 1, 'the second return is told of itself');
  await store.close();
  t.equal(told.length, 2);
});
