/** What the page is made of: the iterations that it shows, and the rows of a timeline that are not read twice. The page itself is in test/page. */

import type { Client } from '@segue/bus';
import type { ReplayApi, TrajectoryRecord, TrajectoryState } from '@segue/core';
import t from 'tap';
import { clampSpan, orderSpan, readSpan } from '../dist/browser/span.js';
import { Timelines } from '../dist/page/timelines.js';

t.test('a span comes from an address that anybody may have written', async (t) => {
  t.same(readSpan('3', '5'), { from: 3, to: 5 });
  const nothing: [string | null, string | null][] = [
    [null, '5'],
    ['3', null],
    ['5', '3'],
    ['-1', '3'],
    ['1', 'x'],
    ['1', '1e999'],
    ['0.5', '2'],
  ];
  for (const [from, to] of nothing) t.equal(readSpan(from, to), null, `${from} to ${to}`);
  t.same(clampSpan({ from: 2, to: 900_000_000 }, 7), { from: 2, to: 7 });
  t.same(clampSpan({ from: 20, to: 30 }, 7), { from: 7, to: 7 });
  t.same(orderSpan({ from: Number.NaN, to: -4 }), { from: 0, to: 0 });
});

const record = (id: string, lastIteration: number, state: TrajectoryState, reward: number | null = null) =>
  ({ summary: { id, state, reward, lastIteration }, segments: [], tokenCounts: [] }) as unknown as TrajectoryRecord;

t.test('what is over is read once; what is open, late verdicts and what is new are read again', async (t) => {
  const asked: number[] = [];
  let stored = [record('r-g0-t0', 0, 'scored', 1), record('r-g0-t1', 1, 'finished'), record('r-g1-t0', 2, 'scored', 0)];
  // As the store filters.
  const replay = {
    async *listTrajectories({ fromIteration }: { fromIteration: number }) {
      asked.push(fromIteration);
      for (const one of stored) {
        const isOver = one.summary.state === 'scored' || one.summary.state === 'failed';
        if (!isOver || one.summary.lastIteration >= fromIteration) yield one;
      }
    },
  } as unknown as Client<ReplayApi>;
  const timelines = new Timelines({ replay: async () => replay });
  const rows = async () => (await timelines.rows('r')).map(({ id, state, reward }) => `${id} ${state} ${reward}`);
  t.same(await rows(), ['r-g0-t0 scored 1', 'r-g0-t1 finished null', 'r-g1-t0 scored 0']);
  stored = stored.map((one) => (one.summary.id === 'r-g0-t1' ? record('r-g0-t1', 1, 'scored', 1) : one));
  stored.push(record('r-g2-t0', 3, 'unfinished'));
  t.same(await rows(), ['r-g0-t0 scored 1', 'r-g0-t1 scored 1', 'r-g1-t0 scored 0', 'r-g2-t0 unfinished null']);
  const [one, two] = await Promise.all([rows(), rows()]);
  t.same(one, two);
  t.same(asked, [0, 1, 3], 'from the oldest that was open on; two at a time share a reading');
  for (const run of ['a', 'b', 'c', 'd']) await timelines.rows(run);
  await rows();
  t.equal(asked.at(-1), 0, 'a few runs are kept');
});
