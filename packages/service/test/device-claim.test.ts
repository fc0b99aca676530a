/** A claim whose renewals hang: it ends by itself, before others may take the device. The lease on a real bus is in agent.test.ts. */
import type { DeviceLease, SegueError } from '@segue/core';
import { DeviceClaim } from '@segue/service';
import t from 'tap';

t.test('a holder whose renewals hang gives the device up, and a late answer does not bring it back', async (t) => {
  let answer: (revision: number) => void = () => {};
  let writes = 0;
  const bus = {
    deviceLease: async () => null,
    putDeviceLease: (_lease: DeviceLease, _revision: number) => {
      if (writes++ === 0) return Promise.resolve(1);
      return new Promise<number>((resolve) => {
        answer = resolve;
      });
    },
  };
  let lose: (error: SegueError) => void = () => {};
  const lost = new Promise<SegueError>((resolve) => {
    lose = resolve;
  });
  const claim = new DeviceClaim({
    bus,
    device: 'cpu',
    holder: 'actor-0',
    leaseMs: 150,
    onLost: (error) => lose(error),
  });
  t.equal(await claim.acquire(0, new AbortController().signal), 1);
  const never = new Promise((resolve) => setTimeout(resolve, 10_000, 'it holds on').unref());
  t.match(await Promise.race([lost, never]), { code: 'UNAVAILABLE' });
  t.ok(writes > 1, 'it tried');
  t.equal(claim.epoch, null);
  answer(2);
  await new Promise(setImmediate);
  t.equal(claim.epoch, null);
});
