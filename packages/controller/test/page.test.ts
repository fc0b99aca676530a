/** What the page is made of: the iterations that it shows, the rows of a timeline that are not read twice, events for who leaves. The page itself is in test/page. */

import { once } from 'node:events';
import { createServer, get } from 'node:http';
import type { Client } from '@segue/bus';
import {
  type Phase,
  parseTrajectoryId,
  type ReplayApi,
  type StoredEvent,
  type TimelineRow,
  type TrajectoryState,
} from '@segue/core';
import t from 'tap';
import { newRunState, takeEvent } from '../dist/browser/run-state.js';
import { clampSpan, orderSpan, readSpan } from '../dist/browser/span.js';
import { streamEvents } from '../dist/page/event-stream.js';
import { Timelines } from '../dist/page/timelines.js';
import { until } from './fake-cluster.js';

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

t.test('the iterations of a run are those that have begun to roll out', async (t) => {
  const run = newRunState();
  const enter = (sequence: number, phase: Phase, iteration: number) =>
    takeEvent(run, { sequence, atMs: 0, kind: 'phase', body: { phase, iteration } });
  enter(1, 'evaluate', 0);
  t.equal(run.lastIteration, 0);
  enter(2, 'rollout', 0);
  enter(3, 'rollout', 1);
  enter(4, 'evaluate', 2);
  t.equal(run.lastIteration, 1, 'an evaluation after iteration 1 is no iteration 2');
});

const row = (trajectoryId: string, state: TrajectoryState, reward: number | null = null): TimelineRow => {
  return { trajectoryId, state, reward, segments: [{ iteration: 0, tokens: 3, endReason: 'stop', policyVersion: 0 }] };
};

t.test('what is over is read once; what is open, late verdicts and what is new are read again', async (t) => {
  const asked: { fromGroup: number; also: readonly string[] }[] = [];
  let stored = [row('r-g0-t0', 'scored', 1), row('r-g0-t1', 'finished'), row('r-g1-t0', 'scored', 0)];
  // As the store answers.
  const replay: Pick<Client<ReplayApi>, 'listTimeline'> = {
    async *listTimeline({ fromGroup, also }) {
      asked.push({ fromGroup, also });
      yield { rows: stored.filter(({ trajectoryId }) => also.includes(trajectoryId)) };
      yield { rows: stored.filter(({ trajectoryId }) => parseTrajectoryId(trajectoryId).groupIndex >= fromGroup) };
    },
  };
  const timelines = new Timelines({ replay: async () => replay as Client<ReplayApi> });
  const rows = async () => (await timelines.rows('r')).map(({ id, state, reward }) => `${id} ${state} ${reward}`);
  t.same(await rows(), ['r-g0-t0 scored 1', 'r-g0-t1 finished null', 'r-g1-t0 scored 0']);
  t.same((await timelines.rows('r'))[0]?.segments, [[0, 3, 'stop', 0]]);
  stored = stored.map((one) => (one.trajectoryId === 'r-g0-t1' ? row('r-g0-t1', 'scored', 1) : one));
  stored.push(row('r-g2-t0', 'failed'));
  t.same(await rows(), ['r-g0-t0 scored 1', 'r-g0-t1 scored 1', 'r-g1-t0 scored 0', 'r-g2-t0 failed null']);
  // Its dead letter is put back to work, in a group that is not the newest any more.
  stored = [...stored.filter(({ trajectoryId }) => trajectoryId !== 'r-g2-t0'), row('r-g2-t0', 'pending')];
  stored.push(row('r-g3-t0', 'scored', 1));
  const [one, two] = await Promise.all([rows(), rows()]);
  t.same(one, two);
  t.same(one.slice(3), ['r-g2-t0 pending null', 'r-g3-t0 scored 1']);
  t.same(
    asked,
    [
      { fromGroup: 0, also: [] },
      { fromGroup: 1, also: ['r-g0-t1'] },
      { fromGroup: 1, also: ['r-g0-t1'] },
      { fromGroup: 2, also: ['r-g2-t0'] },
    ],
    'the newest group, and what was open; two at a time share a reading',
  );
  for (const run of ['a', 'b', 'c', 'd']) await timelines.rows(run);
  const readings = asked.length;
  t.same(...(await Promise.all([rows(), rows()])));
  t.same(asked.slice(readings), [{ fromGroup: 0, also: [] }], 'a few runs are kept, and a first reading is shared too');
});

t.test('a browser that left while there was more to say costs nothing any more', async (t) => {
  let ended = false;
  async function* watch(afterSequence: number, signal: AbortSignal): AsyncGenerator<StoredEvent> {
    try {
      for (let sequence = afterSequence + 1; sequence < 10; sequence++) {
        yield { sequence, kind: 'phase', atMs: 0, bodyJson: '{"phase":"rollout","iteration":0}' };
        // What was read before it left is still handed over.
        if (!signal.aborted) await once(signal, 'abort');
      }
    } finally {
      ended = true;
    }
  }
  let streamed: Promise<void> | null = null;
  const server = createServer((request, response) => {
    streamed = streamEvents(request, response, watch);
  });
  t.teardown(() => server.close());
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the server has no port');
  const request = get({ host: '127.0.0.1', port: address.port });
  request.on('error', () => undefined);
  const [response] = await once(request, 'response');
  await once(response, 'data');
  request.destroy();
  await until(() => ended, 'the watching ends');
  await streamed;
});
