/** A message of several values: what its holders say of it, once each, decides what becomes of it. */
import t from 'tap';
import { SharedDelivery } from '../dist/stream/shared-delivery.js';

function shared(values: number) {
  const said: string[] = [];
  let failures = 0;
  const delivery = new SharedDelivery(values, {
    ack: async () => {
      if (failures-- > 0) throw new Error('no answer');
      said.push('ack');
    },
    giveBack: (delayMs) => said.push(`back ${delayMs}`),
  });
  const fail = () => {
    failures = 1;
  };
  return { said, fail, holders: Array.from({ length: values }, () => delivery.holder()) };
}

t.test('a holder that speaks twice does not speak for another', async (t) => {
  const { said, holders } = shared(2);
  const [first, second] = holders;
  await first!.done();
  await first!.done();
  first!.back(5);
  t.strictSame(said, []);
  second!.back(7);
  t.strictSame(said, ['back 7']);
});

t.test('an ack that failed may be tried again', async (t) => {
  const { said, fail, holders } = shared(1);
  fail();
  await t.rejects(holders[0]!.done(), { message: 'no answer' });
  await holders[0]!.done();
  t.strictSame(said, ['ack']);
});
