/** A way to a server that tests shut and cut: what a client of the message server meets when the network or a proxy fails. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** A way to a server that can be cut, and then takes connections without passing anything on until it is opened again. */
export async function startGate(port: number) {
  const sockets = new Set<Socket>();
  const held: Socket[] = [];
  let isOpen = true;
  let greetings = 0;
  let taken = 0;
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
    taken++;
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
    /** Connections since the start. */
    taken: () => taken,
    shut: () => {
      isOpen = false;
      held.length = 0;
      for (const socket of sockets) socket.destroy();
    },
    /** Cuts what is there, and the next connections in the middle of their beginning. */
    cut: (next: number) => {
      greetings = next;
      for (const socket of sockets) socket.destroy();
    },
    wasCut: () => greetings <= 0,
    /** A connection waits. */
    isAsked: async () => {
      if (held.length === 0) await once(gate, 'connection');
    },
    /** The one that has waited longest is passed on, though the gate stays shut. */
    letOne: () => {
      const client = held.shift();
      if (client) passOn(client);
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
