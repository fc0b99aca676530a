/** What the server is told about each stream, as a real nats-server has it. What it does with that is streams.test.ts's. */
import t, { type Test } from 'tap';
import type { BusOptions } from '../dist/index.js';
import { buckets, patienceMs, queues } from '../dist/stream/subjects.js';
import { registration } from './samples.js';
import { serveBus } from './served-bus.js';

async function serve(t: Test, options: Partial<BusOptions> = {}) {
  const { bus, nc } = await serveBus(t, options);
  const jsm = await nc.jetstreamManager();
  return { bus, configOf: async (stream: string) => (await jsm.streams.info(stream)).config };
}

t.test(
  'a queue knows what was published for longer than anybody tries; tasks and verdicts not much longer',
  async (t) => {
    const { configOf } = await serve(t);
    for (const { stream } of Object.values(queues)) {
      const windowMs = (await configOf(stream)).duplicate_window / 1e6;
      const longestMs = stream === queues.segments.stream ? 4 * patienceMs : 2 * patienceMs;
      t.ok(windowMs > patienceMs && windowMs <= longestMs, `${stream}: ${windowMs} ms`);
    }
  },
);

t.test('a registry with a limit refuses the service that has no room, and keeps those that are there', async (t) => {
  const { bus, configOf } = await serve(t, { registryMaxBytes: 4_096 });
  t.equal((await configOf(`KV_${buckets.registry.name}`)).max_bytes, 4_096);
  const ids = Array.from({ length: 64 }, (_, i) => `actor-${i}`);
  const refused: string[] = [];
  for (const id of ids) {
    await bus
      .register({ ...registration, id })
      .catch((error: { code?: string }) => refused.push(`${id} ${error.code}`));
  }
  t.ok(refused.length > 0 && refused.length < ids.length, `${refused.length} of ${ids.length} are refused`);
  t.strictSame(
    refused.map((line) => line.split(' ')[1]),
    refused.map(() => 'RESOURCE_EXHAUSTED'),
  );
  await bus.register({ ...registration, id: 'actor-0', running: 1 });
  t.equal(
    (await bus.registrations()).find(({ id }) => id === 'actor-0')?.running,
    1,
    'the next heartbeat takes the place of the one before',
  );
});

t.test('without a limit the registry has none', async (t) => {
  const { configOf } = await serve(t);
  t.equal((await configOf(`KV_${buckets.registry.name}`)).max_bytes, -1);
});
