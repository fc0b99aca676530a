/** A bus that reaches a real server through a gate (gate.ts), set up, and ended with its test. */
import type { Test } from 'tap';
import { startNats } from '../../../test/support/nats.js';
import { type BusOptions, connectBus } from '../dist/index.js';
import { startGate } from './gate.js';

export async function gatedBus(t: Test, options: Partial<BusOptions> = {}) {
  const nats = await startNats();
  t.teardown(() => nats.stop());
  const gate = await startGate(nats.port);
  t.teardown(() => gate.close());
  const bus = await connectBus({ url: gate.url, name: 'test', ...options });
  t.teardown(() => bus.close());
  await bus.setUp();
  return { nats, gate, bus };
}
