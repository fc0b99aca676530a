/** When a soak begins its runs: at even times as long as each ends in time, at the end of one that does not, and never two at once to make up for it. */
import t from 'tap';
import { beats } from '../../scripts/soak/beats.mjs';

/** Times at which each began, what was told then of late ones, and the rests, where each takes what is given. Ends after the last. */
async function begun(everyMs: number, takeMs: number[]) {
  const over = new AbortController();
  let atMs = 0;
  const rests: number[] = [];
  const clock = {
    nowMs: () => atMs,
    rest: async (ms: number) => {
      rests.push(ms);
      atMs += ms;
    },
  };
  const times: [atMs: number, late: number][] = [];
  for await (const late of beats(everyMs, over.signal, clock)) {
    times.push([atMs, late]);
    atMs += takeMs[times.length - 1] ?? 0;
    if (times.length === takeMs.length) over.abort();
  }
  return { times, rests };
}

t.test('runs that end in time begin at even times', async (t) => {
  const { times, rests } = await begun(100, [60, 99, 100, 1, 50]);
  t.strictSame(times, [
    [0, 0],
    [100, 0],
    [200, 0],
    [300, 0],
    [400, 0],
  ]);
  t.strictSame(rests, [40, 1, 0, 99], 'after the last there is no rest');
});

t.test(
  'one that takes longer is counted, the next begins at its end, and what was late is not made up for',
  async (t) => {
    const { times } = await begun(100, [250, 10, 101, 10]);
    t.strictSame(times, [
      [0, 0],
      [250, 1],
      [350, 1],
      [451, 2],
    ]);
  },
);

t.test('without a pace each begins when the one before has ended', async (t) => {
  const { times, rests } = await begun(0, [5, 500, 0]);
  t.strictSame(times, [
    [0, 0],
    [5, 0],
    [505, 0],
  ]);
  t.strictSame(rests, []);
});

t.test('a rest ends with the signal', async (t) => {
  const over = new AbortController();
  const times = beats(600_000, over.signal);
  t.strictSame(await times.next(), { value: 0, done: false });
  const next = times.next();
  over.abort();
  t.strictSame(await next, { value: undefined, done: true });
});
