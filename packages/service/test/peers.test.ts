/** Clients of peers: one per address, and none for ever for actors that are gone. Nothing is connected here, nor looked up. */
import t from 'tap';
import { PeerClients } from '../dist/peers.js';

const minuteMs = 60_000;
/** Nobody listens there. */
const address = (n: number) => `127.0.0.1:${n}`;

t.test('the client of an actor that nobody asks for any more is closed, one that is in use is not', async (t) => {
  let nowMs = 0;
  const config = { peers: { replay: address(9) }, maxMessageBytes: 1_000 };
  const bus = { registrations: async () => [] };
  const peers = new PeerClients(config, bus, new AbortController().signal, undefined, () => nowMs);
  t.teardown(() => peers.close());
  const replay = await peers.replay();
  const gone = peers.actor(address(1));
  const used = peers.actor(address(2));
  nowMs += 40 * minuteMs;
  t.equal(peers.actor(address(2)), used, 'one per address');
  peers.actor(address(3));
  t.equal(peers.actor(address(1)), gone, 'a call of it may still go on');
  nowMs += 40 * minuteMs;
  peers.actor(address(2));
  nowMs += 40 * minuteMs;
  // Actors that are started again have new addresses.
  peers.actor(address(4));
  await t.rejects(gone.getActorStatus({}, { retry: false }), { message: /shut down|closed/ });
  t.not(peers.actor(address(1)), gone, 'whoever comes back at its address has a new one');
  t.equal(peers.actor(address(2)), used);
  t.equal(await peers.replay(), replay, 'the other peers are few');
});
