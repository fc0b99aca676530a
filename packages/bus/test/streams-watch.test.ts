/**
 * Whether a real server's streams are mute, asked again and again: over one connection, as a server remembers thousands of those that were closed. A server that is away is not
 * mute, and neither is one that takes a connection and says nothing; what a full disk makes of one is in test/cluster/broker-disk.
 */
import t from 'tap';
import { startNats } from '../../../test/support/nats.js';
import { until } from '../../../test/support/waiting.js';
import { watchStreams } from '../dist/index.js';
import { startGate } from './gate.js';

t.test('looks go over one connection for as long as it lasts', async (t) => {
  const nats = await startNats();
  t.teardown(() => nats.stop());
  const gate = await startGate(nats.port);
  t.teardown(() => gate.close());
  const streams = watchStreams({ url: gate.url, name: 'watch' });
  for (let looks = 0; looks < 5; looks++) t.notOk(await streams.areMute());
  t.equal(gate.taken(), 1, 'five looks');

  gate.shut();
  t.notOk(await streams.areMute(), 'what takes a connection and says nothing is away');
  gate.reopen();
  t.notOk(await streams.areMute());
  await nats.kill();
  t.notOk(await streams.areMute(), 'one that has ended is away');
  await nats.restart();
  const taken = gate.taken();
  for (let looks = 0; looks < 3; looks++) t.notOk(await streams.areMute());
  t.equal(gate.taken(), taken + 1, 'three looks at the one that came after it');

  await streams.close();
  await until(async () => gate.open() === 0, 'no connection is left');
});

t.test('a look that is under way when the watch is closed keeps nothing open', async (t) => {
  const nats = await startNats();
  t.teardown(() => nats.stop());
  const gate = await startGate(nats.port);
  t.teardown(() => gate.close());
  const closeDuringLook = async (streams: ReturnType<typeof watchStreams>) => {
    const looking = streams.areMute();
    await streams.close();
    t.notOk(await looking);
    await until(async () => gate.open() === 0, 'no connection is left');
  };
  await closeDuringLook(watchStreams({ url: gate.url, name: 'first' }));
  t.equal(gate.taken(), 1);
  const kept = watchStreams({ url: gate.url, name: 'kept' });
  t.notOk(await kept.areMute());
  await closeDuringLook(kept);
  t.equal(gate.taken(), 2, 'what was closed is not asked for again');
});
