/** A server that is there and does not answer: the bus waits on the one connection that it has asked for, and opens no second beside it. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import t from 'tap';
import { startNats } from '../../../test/support/nats.js';
import { inTime, until } from '../../../test/support/waiting.js';
import { connectBus } from '../dist/index.js';
import { startGate } from './gate.js';
import { gatedBus } from './gated-bus.js';

/** Longer than any answer of a server that is well is waited for. */
const silenceMs = 4_000;

t.test('a server that was silent for a while has one connection afterwards', async (t) => {
  const { gate, bus } = await gatedBus(t);
  t.equal(gate.open(), 1);
  gate.shut();
  await gate.isAsked();
  await new Promise((resolve) => setTimeout(resolve, silenceMs));
  t.equal(gate.open(), 1, 'the one that it asked for first');
  gate.reopen();
  t.match(await bus.queueDepths().then(({ rollout }) => rollout), { pending: 0, leased: 0 }, 'it works again');
  t.equal(gate.open(), 1);
});

t.test('who takes from a server that says nothing can leave', async (t) => {
  const { gate, bus } = await gatedBus(t);
  gate.shut();
  await gate.isAsked();
  const leaving = new AbortController();
  // The first of all: what lease the server has is asked before, as after each reconnect.
  const taken = bus.takeRolloutTasks(1, { waitMs: 60_000, signal: leaving.signal });
  leaving.abort();
  t.strictSame(await inTime(taken, 'the end of a take'), []);
});

t.test('a server that dies while it greets is asked again at once', async (t) => {
  const nats = await startNats();
  const gate = await startGate(nats.port);
  const changes: boolean[] = [];
  const bus = await connectBus({ url: gate.url, name: 'test', onConnection: (isUp) => changes.push(isUp) });
  t.teardown(async () => {
    await bus.close();
    gate.close();
    await nats.stop();
  });
  await bus.setUp();
  gate.cut(3);
  await until(async () => gate.wasCut() && bus.connected, 'the bus is there again');
  t.match(await bus.queueDepths().then(({ rollout }) => rollout), { pending: 0, leased: 0 }, 'it works again');
  t.equal(gate.open(), 1);
  t.equal(changes.at(-1), true);
});

t.test('a server that dies while it greets is asked again in time, at a start', async (t) => {
  const nats = await startNats();
  const gate = await startGate(nats.port);
  t.teardown(async () => {
    gate.close();
    await nats.stop();
  });
  gate.cut(1);
  // In a process of its own: the library waits a minute for the server that died, and would keep this one.
  const script = `
    import { connectBus } from ${JSON.stringify(import.meta.resolve('../dist/index.js'))};
    const bus = await connectBus({ url: ${JSON.stringify(gate.url)}, name: 'test' });
    process.stdout.write(String(bus.connected), () => process.exit());`;
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script]);
  t.ok(gate.wasCut());
  t.equal(stdout, 'true');
});

t.test('a server that takes its time at a start is not left for another try', async (t) => {
  const nats = await startNats();
  const gate = await startGate(nats.port);
  gate.shut();
  const connecting = connectBus({ url: gate.url, name: 'test' });
  t.teardown(async () => {
    await connecting.then((bus) => bus.close()).catch(() => undefined);
    gate.close();
    await nats.stop();
  });
  await until(async () => gate.open() > 1, 'a second try is made beside the first');
  gate.letOne();
  t.ok((await connecting).connected, 'by the first');
});

t.test('a server that never answers is given up in time, at a start', async (t) => {
  const gate = await startGate(1);
  t.teardown(() => gate.close());
  gate.shut();
  const error = await connectBus({ url: gate.url, name: 'test', connectTimeoutMs: 300 }).catch(
    (thrown: unknown) => thrown,
  );
  t.match(error, { code: 'UNAVAILABLE', message: /does not answer/ });
});
