/** A bus on a nats-server of the test's own, its streams made, and beside it a plain connection, which sees and does what the bus does not offer. */
import { connect, type NatsConnection } from 'nats';
import type { Test } from 'tap';
import { startNats } from '../../../test/support/nats.js';
import { type Bus, type BusOptions, connectBus } from '../dist/index.js';

export async function serveBus(t: Test, options: Partial<BusOptions> = {}): Promise<{ bus: Bus; nc: NatsConnection }> {
  const nats = await startNats();
  const bus = await connectBus({ url: nats.url, name: 'test', ...options });
  const nc = await connect({ servers: nats.url });
  t.teardown(async () => {
    await nc.close();
    await bus.close();
    await nats.stop();
  });
  await bus.setUp();
  return { bus, nc };
}
