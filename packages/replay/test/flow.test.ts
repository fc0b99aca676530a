/** What flows through the store's process, without the process: taking in messages, handing over reward tasks, announcing. */
import type { Lease, ProgressNote } from '@segue/bus';
import { type RewardTask, replayConfigSchema, SegueError } from '@segue/core';
import { Announcer, HandOver, type IngestReport, ingest, type Notice } from '@segue/replay';
import t from 'tap';
import { queues } from '../../bus/dist/stream/subjects.js';
import { firstPauseMs } from '../dist/hand-over.js';

/** A message that writes down what became of it. */
function message(value: string, diary: string[]): Lease<string> {
  return {
    value,
    deliveryCount: 1,
    lostDeliveries: async () => 0,
    leaseMs: 1000,
    extend: () => diary.push(`extend ${value}`),
    ack: async () => void diary.push(`ack ${value}`),
    hold: () => undefined,
    begin: async () => undefined,
    lose: () => undefined,
    excuse: () => undefined,
    giveBack: (delayMs) => diary.push(`back ${value} ${delayMs}`),
    discard: async (reason) => void diary.push(`discard ${value}: ${reason}`),
  };
}

async function* stream<T>(items: readonly T[]): AsyncGenerator<T> {
  yield* items;
}

t.test('nothing is acknowledged that is not committed', async (t) => {
  const diary: string[] = [];
  let commit = () => {};
  const committed = new Promise<void>((resolve) => {
    commit = resolve;
  });
  const done = ingest(
    stream([message('a', diary)]),
    () => committed,
    () => {},
  );
  await new Promise((resolve) => setImmediate(resolve));
  t.same(diary, []);
  commit();
  await done;
  t.same(diary, ['ack a']);
});

t.test('a message that cannot be stored now comes again, one that never can goes to the dead letters', async (t) => {
  const diary: string[] = [];
  const reports: IngestReport['result'][] = [];
  const codes: Record<string, SegueError['code']> = {
    full: 'RESOURCE_EXHAUSTED',
    bug: 'INTERNAL',
    stranger: 'NOT_FOUND',
    malformed: 'INVALID_INPUT',
    early: 'FAILED_PRECONDITION',
  };
  const store = async (value: string) => {
    const code = codes[value];
    if (code !== undefined) throw new SegueError(code, 'no');
  };
  const values = ['full', 'bug', 'stranger', 'malformed', 'early', 'good'];
  await ingest(stream(values.map((value) => message(value, diary))), store, ({ result }) => reports.push(result));
  t.same(diary.sort(), [
    'ack good',
    'back bug 1000',
    'back full 1000',
    'discard early: [FAILED_PRECONDITION] no',
    'discard malformed: [INVALID_INPUT] no',
    'discard stranger: [NOT_FOUND] no',
  ]);
  t.same(reports.sort(), ['postponed', 'postponed', 'refused', 'refused', 'refused', 'stored']);
});

t.test('a message that meets damage comes again after growing pauses', async (t) => {
  const diary: string[] = [];
  const deliveries = [1, 2, 4, 7, 2_000];
  const leases = deliveries.map((deliveryCount) => ({ ...message(String(deliveryCount), diary), deliveryCount }));
  const store = () => Promise.reject(new SegueError('DATA_LOSS', 'a record is lost'));
  await ingest(stream(leases), store, () => {});
  t.same(diary, ['back 1 1000', 'back 2 2000', 'back 4 8000', 'back 7 60000', 'back 2000 60000']);
});

t.test('messages are handled side by side, and a failing acknowledgement ends the stream', async (t) => {
  const diary: string[] = [];
  const lost: Lease<string> = { ...message('lost', diary), ack: () => Promise.reject(new Error('no connection')) };
  const done = ingest(
    stream([message('a', diary), lost, message('b', diary)]),
    async () => {},
    () => {},
  );
  await t.rejects(done, /no connection/);
  t.ok(diary.includes('ack a'), 'what was in hand is finished first');
});

t.test('what is in hand is finished also when the stream breaks off', async (t) => {
  const diary: string[] = [];
  async function* broken() {
    yield message('a', diary);
    throw new SegueError('UNAVAILABLE', 'the bus is gone');
  }
  const later = () => new Promise((resolve) => setImmediate(resolve));
  await t.rejects(
    ingest(broken(), later, () => {}),
    { code: 'UNAVAILABLE' },
  );
  t.strictSame(diary, ['ack a']);
});

t.test('reward tasks are derived from what waits, and published again after growing pauses', async (t) => {
  const waiting = new Map([['run', new Map([['run-g0-t0', 0]])]]);
  const published: RewardTask[] = [];
  let nowMs = 0;
  let fails = false;
  const handOver = new HandOver({
    awaiting: () => waiting,
    publish: async (tasks) => {
      if (fails) throw new SegueError('UNAVAILABLE', 'no server');
      published.push(...tasks);
    },
    now: () => nowMs,
    repeatAfterMs: 1000,
  });
  const runAt = (atMs: number) => {
    nowMs = atMs;
    return handOver.run();
  };
  t.equal(await runAt(0), 1, 'at start');
  t.same(published, [{ runId: 'run', trajectoryId: 'run-g0-t0', attempt: 0 }]);
  t.equal(await runAt(999), 0);
  t.equal(await runAt(1000), 1, 'no answer: again');
  t.equal(await runAt(2999), 0);
  t.equal(await runAt(3000), 1, 'after twice the pause');
  waiting.get('run')?.set('run-g0-t0', 1);
  t.equal(await runAt(3000), 1, 'a failed verdict is asked for again at once');
  t.equal(published.at(-1)?.attempt, 1);
  waiting.get('run')?.set('run-g0-t1', 0);
  fails = true;
  await t.rejects(runAt(3001), { code: 'UNAVAILABLE' });
  fails = false;
  t.equal(await runAt(3001), 1, 'what could not be published is still due');
  waiting.get('run')?.clear();
  t.equal(await runAt(100_000), 0, 'what has its verdict is forgotten');
});

t.test('the queue still knows a reward task when it is published again for the first time', async (t) => {
  const { reconcileIntervalMs } = replayConfigSchema.parse({});
  t.ok(firstPauseMs + reconcileIntervalMs < queues.reward.duplicateWindowMs);
});

t.test('a hand-over that is asked for while one runs looks once more', async (t) => {
  const waiting = new Map([['run', new Map([['run-g0-t0', 0]])]]);
  const published: string[] = [];
  const handOver: HandOver = new HandOver({
    awaiting: () => waiting,
    publish: async (tasks) => {
      published.push(...tasks.map(({ trajectoryId }) => trajectoryId));
      if (published.length > 1) return;
      waiting.get('run')?.set('run-g0-t1', 0);
      void handOver.run();
    },
  });
  await handOver.run();
  t.same(published, ['run-g0-t0', 'run-g0-t1']);
});

t.test('many commits make one announcement, of the most telling kind', async (t) => {
  const notes: ProgressNote[] = [];
  const announcer = new Announcer((note) => notes.push(note));
  const failedTry = { iteration: 4, runId: 'run', kind: 'failed-try' } as Notice;
  const group = { runId: 'run', kind: 'group', group: { iteration: 3 } } as Notice;
  const other = { ...failedTry, runId: 'other' } as Notice;
  for (const notice of [failedTry, group, failedTry, other]) announcer.add(notice);
  t.same(notes, []);
  announcer.flush();
  t.same(notes, [
    { runId: 'run', iteration: 3, kind: 'group' },
    { runId: 'other', iteration: 4, kind: 'segment' },
  ]);
});
