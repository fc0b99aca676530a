/** What a soak does with calls that a busy machine answers late: it makes them again, and passes on every other failure. */
import { SegueError } from '@segue/core';
import t from 'tap';
import { patiently } from '../../scripts/soak/patience.mjs';

/** Fails with each of the codes in turn, then succeeds. */
function calls(...codes: SegueError['code'][]) {
  const state = { made: 0 };
  return {
    state,
    call: async () => {
      const code = codes[state.made++];
      if (code !== undefined) throw new SegueError(code, `call ${state.made}`);
    },
  };
}

t.test('a call that was answered late is made again', async (t) => {
  const { state, call } = calls('DEADLINE_EXCEEDED', 'UNAVAILABLE');
  await patiently(new AbortController().signal, call);
  t.equal(state.made, 3);
});

t.test('another failure ends it', async (t) => {
  const { state, call } = calls('UNAVAILABLE', 'INTERNAL', 'UNAVAILABLE');
  await t.rejects(patiently(new AbortController().signal, call), { code: 'INTERNAL' });
  t.equal(state.made, 2);
});

t.test('a signal that fires ends it without a failure', async (t) => {
  const over = new AbortController();
  let made = 0;
  await patiently(over.signal, async () => {
    if (++made === 2) over.abort();
    throw new SegueError(made === 2 ? 'CANCELLED' : 'UNAVAILABLE', 'late');
  });
  t.equal(made, 2);
});
