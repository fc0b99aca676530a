/**
 * A store that has its limit: it takes no more rows, but what brings runs to rest and removes them, and goes on once that has made room, without a larger limit. What
 * a full disk does is disk-full.test.ts.
 */
import { groupId, SeededRandom, SegueError, trajectoryId } from '@segue/core';
import type { ReplayStore } from '@segue/replay';
import t from 'tap';
import { Space } from '../src/space.js';
import { openTables } from '../src/tables.js';
import { harm, recordsOf } from './support/damage.js';
import {
  addRun,
  failedTry,
  member,
  open,
  openStore,
  problem,
  removeFolder,
  runId,
  runRecord,
  segmentAfter,
  temporaryFolder,
} from './support/fixtures.js';
import { addJudged, atOnce, itemOf, refOf, storeWith } from './support/item-world.js';

const maxStoreBytes = 1 << 20;
const full = { code: 'RESOURCE_EXHAUSTED', message: /is full: .* raise maxStoreBytes/ };
const all = { finishedRuns: 0, minAgeHours: 0 };
/** Of a few pages, so that pages that were freed apart from each other must do. */
const tokens = Int32Array.from({ length: 4_000 }, (_, i) => i);

const eventOf = (runId: string, kind: string, bodyJson: string) => ({ runId, kind, bodyJson, atMs: 1, key: '' });
/** As a controller tells of a run before it changes its record. */
const toldState = (runId: string, state: string) => eventOf(runId, 'state', JSON.stringify({ state, error: null }));

/** A run that would write more than there is room for. Answers how many segments were taken. */
async function fill(store: ReplayStore, runId: string): Promise<number> {
  await store.putRun({ ...runRecord(runId), state: 'running' }, null);
  await store.putProblems({ runId, batchId: 'all' }, [problem('p0')]);
  const group = { id: groupId(runId, 0), runId, index: 0, problemId: 'p0', size: 200, iteration: 0 };
  const tasks = Array.from({ length: group.size }, (_, index) => ({
    trajectoryId: trajectoryId(group.id, index),
    groupId: group.id,
    problemId: 'p0',
    segmentIndex: 0,
    lastSpan: false,
  }));
  await store.openIteration({ runId, iteration: 0, policyVersion: 0, maxAttempts: 3, newGroups: [group], tasks });
  for (const [taken, task] of tasks.entries()) {
    const ended = segmentAfter(store.getTrajectory(task.trajectoryId), taken === 0 ? 'stop' : 'budget', { tokens });
    const failure = await store.appendSegment(runId, ended).then(() => null, SegueError.from);
    if (failure === null) continue;
    t.match(failure, full);
    return taken;
  }
  throw new Error('the store never was full');
}

function stop(store: ReplayStore, runId: string) {
  const run = store.getRun(runId);
  return store.putRun({ ...run, state: 'stopped' }, run.revision);
}

t.test('a store at its limit is relieved by retention, again and again', async (t) => {
  const folder = temporaryFolder();
  let store = openStore(folder, { maxStoreBytes });
  t.teardown(async () => {
    await store.close();
    removeFolder(folder);
  });
  const taken = await fill(store, 'run-0');
  t.ok(taken > 10, `${taken} segments`);
  for (let round = 1; round <= 4; round++) {
    const [before, next] = [`run-${round - 1}`, `run-${round}`];
    t.ok(store.bytesInUse() >= maxStoreBytes);
    await t.rejects(store.putRun(runRecord(next), null), full, 'no other run begins');
    // Side by side, so that one transaction is asked to hold them.
    const events = [...store.listEvents(before, 0)].length;
    const [told, stopped, ...refused] = await Promise.allSettled([
      store.appendEvent(toldState(before, 'stopped')),
      stop(store, before),
      store.appendEvent(eventOf(before, 'note', '{"state":"stopped"}')),
      ...['created', 'running', 'elsewhere'].map((state) => store.appendEvent(toldState(before, state))),
      ...['', 'null', '{}', '"stopped"'].map((body) => store.appendEvent(eventOf(before, 'state', body))),
    ]);
    t.match([told, stopped], [{ status: 'fulfilled' }, { value: { state: 'stopped' } }]);
    t.equal(refused.length, 8);
    for (const one of refused) t.match(one, { status: 'rejected', reason: full });
    t.equal([...store.listEvents(before, 0)].length, events + 1);
    t.same((await store.retire(all)).runs, [before]);
    t.ok(store.bytesOnDisk() >= maxStoreBytes, 'the file stays as it is');
    t.ok(store.bytesInUse() < maxStoreBytes / 4, 'most of it is free');
    if (round === 2) {
      await store.close();
      store = openStore(folder, { maxStoreBytes });
    }
    const again = await fill(store, next);
    t.ok(again > 0.9 * taken, `${again} segments in round ${round}`);
  }
  t.ok(store.bytesOnDisk() < 2 * maxStoreBytes, `a file of ${store.bytesOnDisk()} bytes`);
});

t.test('a store at its limit lets dead letters go', async (t) => {
  const folder = temporaryFolder();
  const store = openStore(folder, { maxStoreBytes });
  t.teardown(async () => {
    await store.close();
    removeFolder(folder);
  });
  const body = new Uint8Array(60_000);
  const message = { subject: 'segue.segments.x.y', reason: 'unreadable', body, bodyBytes: body.length, checksum: '' };
  const keep = async (atMs: number) => store.keepMessages([{ ...message, atMs }]).then(() => null, SegueError.from);
  let kept = 0;
  for (let failure = await keep(0); failure === null; failure = await keep(kept)) kept++;
  await t.rejects(store.keepMessages([{ ...message, atMs: kept }]), full, 'the bus keeps what there is no room for');
  for (const { id } of store.deadLetters('').slice(0, 3)) await store.dropDeadLetter(id);
  t.equal(await keep(kept), null);
});

t.test('a store at its limit lets items go that are asked for, and takes none', async (t) => {
  const folder = temporaryFolder();
  let store = storeWith(folder, { some: { maxBatch: 1 } });
  t.teardown(async () => {
    await store.close();
    removeFolder(folder);
  });
  await addJudged(store, 1);
  const some = refOf('some');
  await store.items.insert(some, [itemOf(0), itemOf(1)], atOnce);
  await store.close();
  store = storeWith(folder, { some: { maxBatch: 1 } }, { maxStoreBytes: 1 });
  const asked = await Promise.allSettled([
    store.items.insert(some, [itemOf(2)], atOnce),
    store.items.updatePriorities(some, [{ key: member(0, 1), priority: 2 }]),
    store.items.removeItems(some, [member(0, 0)]),
    store.items.sample(some, 1, atOnce),
  ]);
  const refused = { status: 'rejected', reason: full };
  t.match(asked, [refused, refused, { value: { removed: 1 } }, refused]);
  t.match(store.items.statistics(some), { size: 1, inserts: 2, samples: 0, priorityUpdates: 0 });
  t.same(await store.items.removeItems(some, [member(0, 1)]), { removed: 1 }, 'and again');
});

t.test('a store at its limit lets damaged dead letters go, and runs beside one', async (t) => {
  const folder = temporaryFolder();
  t.teardown(() => removeFolder(folder));
  const before = openStore(folder);
  await addRun(before);
  await open(before, 0, { groups: [[0, 3]] });
  for (const index of [0, 1]) {
    await before.appendSegment(runId, { ...failedTry(before, member(0, index), 0), lostTries: 5 });
  }
  const message = { reason: 'unreadable', body: Uint8Array.of(1), bodyBytes: 1, checksum: '' };
  const subjects = [runId, runId, 'x'].map((id) => `segue.rollout.${id}.y`);
  await before.keepMessages(subjects.map((subject, atMs) => ({ ...message, subject, atMs })));
  await stop(before, runId);
  const letters = before.deadLetters('').map(({ id, kind, runId }) => ({ id, kind, runId }));
  const messages = letters.filter(({ kind }) => kind === 'message');
  t.match(messages, [{ runId }, { runId }, { runId: '' }]);
  await before.close();
  for (const id of [`trajectory-${member(0, 0)}`, messages[0]!.id]) harm(folder, { table: 'deadLetters', key: [id] });

  const store = openStore(folder, { maxStoreBytes: 1 });
  t.teardown(() => store.close());
  await t.rejects(store.putRun(runRecord('next'), null), full);
  t.strictSame(await store.retire(all), { runs: [runId], failure: null });
  t.strictSame(
    recordsOf(folder, ['deadLetters', 'letterBodies', 'segments', 'trajectories']),
    ['deadLetters', 'letterBodies'].flatMap((table) =>
      [messages[0]!, messages[2]!].map(({ id }) => ({ table, key: [id] })),
    ),
    'what the damaged message was of cannot be read',
  );
  const list = () => store.keeper.during(() => store.deadLetters(''));
  await t.rejects(list(), { code: 'UNAVAILABLE', message: /try again/ });
  t.match(await list(), [{ id: messages[2]!.id }], 'the damaged one is dropped');
});

t.test('what was put is counted so that a quarter of the room is safe, also where rows are all key', async (t) => {
  const folder = temporaryFolder();
  const tables = openTables(folder);
  t.teardown(async () => {
    await tables.close();
    removeFolder(folder);
  });
  const before = tables.bytesInUse();
  const indexes = new SeededRandom(7, 'marks').shuffle(Array.from({ length: 20_000 }, (_, index) => index));
  for (let from = 0; from < indexes.length; from += 100) {
    tables.transact(() => {
      // In no order, which leaves the pages least full.
      for (const index of indexes.slice(from, from + 100)) tables.fills.put([runId, 'judged', member(index, 0)], 1);
    });
  }
  const taken = tables.bytesInUse() - before;
  t.ok(taken > 1_000_000, `${taken} bytes`);
  t.ok(tables.bytesPut() > 0.25 * taken, `${tables.bytesPut()} bytes were put`);
});

t.test('what is in use is counted when the room that was left may have been taken, not at each write', async (t) => {
  const measured = { onDisk: 500, put: 0, inUse: 200, counts: 0 };
  const space = new Space(
    {
      folder: '/store',
      bytesOnDisk: () => measured.onDisk,
      bytesPut: () => measured.put,
      bytesInUse: () => {
        measured.counts++;
        return measured.inUse;
      },
    },
    1_000,
  );
  const after = (changes: Partial<typeof measured>) => {
    Object.assign(measured, changes);
    return [space.refusal()?.code ?? 'room', measured.counts];
  };
  t.same(after({}), ['room', 0], 'the file is small');
  t.same(after({ onDisk: 1_000 }), ['room', 1]);
  t.same(after({ put: 199 }), ['room', 1], 'less than a quarter of 800');
  t.same(after({ put: 200, inUse: 900 }), ['room', 2]);
  t.same(after({ put: 224, inUse: 1_000 }), ['room', 2]);
  t.same(after({ put: 225 }), ['RESOURCE_EXHAUSTED', 3]);
  t.same(after({ inUse: 999 }), ['room', 4], 'something was removed');
});
