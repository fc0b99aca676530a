/** Rows of the failure matrix that are the bus's own: a consumer that is slow, and an announcement of weights that does not come through. */
import type { NatsConnection } from 'nats';
import t, { type Test } from 'tap';
import { startNats } from '../../../test/support/nats.js';
import { connectBus } from '../dist/index.js';
import { Bucket } from '../dist/stream/bucket.js';
import { openConnection } from '../dist/stream/connection.js';
import { policyFormat } from '../dist/stream/messages.js';
import { buckets } from '../dist/stream/subjects.js';
import { segment } from './samples.js';

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

async function serve(t: Test) {
  const nats = await startNats();
  const lost: string[] = [];
  const log = { info: () => {}, warn: (_: object, message: string) => void lost.push(message) };
  const bus = await connectBus({ url: nats.url, name: 'test', log });
  t.teardown(async () => {
    await bus.close();
    await nats.stop();
  });
  await bus.setUp();
  return { nats, bus, lost };
}

t.test('slow consumer: more than 64 MiB wait, and the server never has cause to cut the connection', async (t) => {
  const { bus, lost } = await serve(t);
  const tokens = 24_000;
  const count = 380;
  const large = {
    ...segment,
    tokens: new Int32Array(tokens).map((_, i) => i),
    logProbs: new Float32Array(tokens).fill(-1),
    origins: null,
    lossMask: null,
  };
  t.ok(count * tokens * 8 > 64 * 1024 * 1024);
  const idOf = (i: number) => `r-g0-t${i}`;
  for (let at = 0; at < count; at += 20) {
    const ids = Array.from({ length: 20 }, (_, i) => idOf(at + i));
    await Promise.all(
      ids.map((id) => bus.publishSegment('r', { ...large, id: `${id}-s0`, trajectoryId: id, index: 0 })),
    );
  }
  const seen = new Set<string>();
  for await (const lease of bus.consumeSegments()) {
    seen.add(lease.value.segment.trajectoryId);
    await pause(2);
    await lease.ack();
    if (seen.size === count) break;
  }
  t.equal(seen.size, count);
  t.strictSame(lost, [], 'nobody lost the server');
});

t.test('stale weights: an announcement that is suppressed is found by looking', async (t) => {
  const { nats, bus } = await serve(t);
  const connection = await openConnection({ url: nats.url, name: 'deaf' });
  t.teardown(() => connection.nc.close());
  let suppressed = 0;
  const deaf = new Proxy(connection.nc, {
    get(target, name) {
      if (name === 'subscribe') {
        return (...args: Parameters<NatsConnection['subscribe']>) =>
          target.subscribe(args[0], { ...args[1], callback: () => void suppressed++ });
      }
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
  const bucket = new Bucket({ ...connection, nc: deaf }, buckets.policies, policyFormat);
  const policy = { runId: 'r', version: 1, manifestSha256: 'ab', folder: '/p/1', trainerAddress: '127.0.0.1:1' };
  await bus.putActivePolicy(policy);
  const ended = new AbortController();
  const served: number[] = [];
  for await (const { version } of bucket.watch(ended.signal)) {
    served.push(version);
    if (version === 1) await bus.putActivePolicy({ ...policy, version: 2 });
    else ended.abort();
  }
  t.strictSame(served, [1, 2], 'what was there at the start, then what changed');
  t.ok(suppressed > 0, 'though nobody told it');
});
