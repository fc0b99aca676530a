/** How much a client may send ahead to a real gRPC server that does not come to read: a store that waits for its disk finds many calls then, and not seven of 8 KB. */
import { connect } from 'node:http2';
import t from 'tap';
import { createServer, listen, stopServer } from '../dist/index.js';

/** As much as a server sends ahead in a call. */
const windowBytes = 1024 * 1024;

t.test('a connection is told that a megabyte of calls may come ahead, on each address of its server', async (t) => {
  const server = createServer();
  t.teardown(() => stopServer(server, 0));
  for (const _ of ['first', 'second']) {
    const client = connect(`http://127.0.0.1:${await listen(server, '127.0.0.1', 0)}`);
    t.teardown(() => client.destroy());
    // Answered behind all that the server says at first.
    await new Promise<void>((resolve, reject) => {
      client.once('error', reject);
      client.once('connect', () => client.ping((error) => (error === null ? resolve() : reject(error))));
    });
    t.equal(client.state.remoteWindowSize, windowBytes);
  }
});
