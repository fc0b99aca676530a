/** When the broker is started again because its disk was full. */
import t from 'tap';
import { BrokerDisk } from '../dist/cluster/broker-disk.js';

t.test('once, when there is space again', async (t) => {
  const restarts: string[] = [];
  let free = 100;
  const mebibyte = 1 << 20;
  const disk = new BrokerDisk(
    async () => free * mebibyte,
    (why) => restarts.push(why),
  );
  for (const now of [100, 3, 100, 1, 3, 1]) {
    free = now;
    await disk.look();
  }
  t.same(restarts, [], 'not while it is full, nor when it never was');
  free = 50;
  await disk.look();
  await disk.look();
  t.match(restarts, [/was full and has 52428800 bytes free again/]);
  t.equal(restarts.length, 1);
});
