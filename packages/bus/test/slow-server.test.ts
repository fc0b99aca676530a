/** A server that is there and does not answer: the bus waits on the one connection that it has asked for, and opens no second beside it. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import t from 'tap';
import { startNats } from '../../../test/support/nats.js';
import { until } from '../../../test/support/waiting.js';
import { connectBus } from '../dist/index.js';

/** Longer than any answer of a server that is well is waited for. */
const silenceMs = 4_000;

/** A way to a server that can be cut, and then takes connections without passing anything on until it is opened again. */
async function startGate(port: number) {
  const sockets = new Set<Socket>();
  const held: Socket[] = [];
  let isOpen = true;
  let greetings = 0;
  const passOn = (client: Socket) => {
    const server = connect(port, '127.0.0.1');
    for (const [from, to] of [
      [client, server],
      [server, client],
    ] as const) {
      from.on('error', () => undefined);
      from.pipe(to);
      from.once('close', () => to.destroy());
    }
  };
  const gate = createServer((client) => {
    sockets.add(client);
    client.once('close', () => sockets.delete(client));
    client.on('error', () => undefined);
    if (!isOpen) {
      held.push(client);
      return;
    }
    passOn(client);
    // It has the server's first line, says who it is, and gets no answer.
    if (greetings-- > 0) client.once('data', () => client.destroy());
  });
  gate.listen(0, '127.0.0.1');
  await once(gate, 'listening');
  return {
    url: `nats://127.0.0.1:${(gate.address() as AddressInfo).port}`,
    /** Connections at this moment. */
    open: () => sockets.size,
    shut: () => {
      isOpen = false;
      for (const socket of sockets) socket.destroy();
    },
    /** Cuts what is there, and the next connections in the middle of their beginning. */
    cut: (next: number) => {
      greetings = next;
      for (const socket of sockets) socket.destroy();
    },
    wasCut: () => greetings <= 0,
    isAsked: async () => {
      if (held.length === 0) await once(gate, 'connection');
    },
    reopen: () => {
      isOpen = true;
      for (const client of held.splice(0)) passOn(client);
    },
    close: () => {
      for (const socket of sockets) socket.destroy();
      gate.close();
    },
  };
}

t.test('a server that was silent for a while has one connection afterwards', async (t) => {
  const nats = await startNats();
  const gate = await startGate(nats.port);
  const bus = await connectBus({ url: gate.url, name: 'test' });
  t.teardown(async () => {
    await bus.close();
    gate.close();
    await nats.stop();
  });
  await bus.setUp();
  t.equal(gate.open(), 1);
  gate.shut();
  await gate.isAsked();
  await new Promise((resolve) => setTimeout(resolve, silenceMs));
  t.equal(gate.open(), 1, 'the one that it asked for first');
  gate.reopen();
  t.same(await bus.queueDepths().then(({ rollout }) => rollout), { pending: 0, leased: 0 }, 'it works again');
  t.equal(gate.open(), 1);
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
  t.same(await bus.queueDepths().then(({ rollout }) => rollout), { pending: 0, leased: 0 }, 'it works again');
  t.equal(gate.open(), 1);
  t.equal(changes.at(-1), true);
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
