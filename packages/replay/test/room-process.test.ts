/** A store that runs makes room for the shared state of a large cluster, and begins where there is none left. Real nats-server, real processes. */
import { connect } from 'nats';
import t, { type Test } from 'tap';
import { until } from '../../../test/support/waiting.js';
import { newWorld } from './support/processes.js';

async function worldOfMany(t: Test) {
  const world = await newWorld(t);
  const { bus, nats } = world;
  const nc = await connect({ servers: nats.url });
  const jsm = await nc.jetstreamManager();
  t.teardown(() => nc.close());
  const register = (n: number) =>
    bus.register({
      id: `actor-${n}`,
      service: 'actor',
      address: `10.0.0.1:${n}`,
      metricsAddress: `10.0.0.1:${n}`,
      policyVersion: 0,
      slots: 32,
      running: 0,
      flushedIteration: null,
      seenAtMs: 0,
      runId: 'run',
      published: {},
    });
  const room = async () => (await jsm.streams.info('KV_segue_registry')).config.max_bytes;
  const taken = async () => (await jsm.streams.info('KV_segue_registry')).state.bytes;
  return { ...world, register, room, taken };
}

t.test('it gives the registry more room before it is full, however seldom it derives hand-overs again', async (t) => {
  const { start, register, room, taken } = await worldOfMany(t);
  await start({ reconcileIntervalMs: 3_600_000 });
  const before = await room();
  // Until more than half is taken.
  for (let n = 0; 2 * (await taken()) <= before; n++) await register(n);
  await until(async () => (await room()) > before, 'there is more room');
});

t.test('it begins although its own entry finds no room', async (t) => {
  const { bus, start, register, room } = await worldOfMany(t);
  await (await start()).kill();
  // What is left is less than any entry takes, so that the store's own finds no room either.
  await t.rejects(
    (async () => {
      for (let n = 0; ; n++) await register(n);
    })(),
    { code: 'RESOURCE_EXHAUSTED' },
  );
  const before = await room();
  await start();
  await until(async () => (await room()) > before, 'there is more room');
  await until(async () => (await bus.registrations('replay')).length > 0, 'the store is there');
});
