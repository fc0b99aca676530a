/** Tables of items over a real file: what is kept over a restart and a failed commit, who waits and what they are told, what is filled in. */
import t, { type Test } from 'tap';
import { member, removeFolder, runId, temporaryFolder } from './support/fixtures.js';
import { code } from './support/fresh-store.js';
import { addJudged, atOnce, itemOf, patiently, refOf, storeWith } from './support/item-world.js';

/** A store over two groups of judged trajectories; `again` opens it anew from its file. */
async function newWorld(t: Test, tables: object, groups = 2) {
  const folder = temporaryFolder();
  let store = storeWith(folder, tables);
  t.teardown(async () => {
    await store.close();
    removeFolder(folder);
  });
  await addJudged(store, groups);
  return {
    get store() {
      return store;
    },
    again: async (changed: object = tables, options = {}) => {
      await store.close();
      store = storeWith(folder, changed, options);
      return store;
    },
  };
}

t.test('items are sampled with their probability, in full, and counted', async (t) => {
  const { store } = await newWorld(t, {
    hard: { sampler: 'prioritized', remover: 'min-heap', maxSize: 3, maxBatch: 3 },
  });
  const hard = refOf('hard');
  const inserted = await store.items.insert(hard, [itemOf(0, 1), itemOf(1, 3)], atOnce);
  t.strictSame(inserted, { accepted: 2, repeated: 0, waitedFor: '' });
  t.match(await store.items.insert(hard, [itemOf(1, 3)], atOnce), { accepted: 1, repeated: 1 }, 'the same again');
  const draws = await store.items.sample(hard, 3, atOnce);
  for (const draw of draws) {
    const { item, probability, tableSize, trajectory, group } = store.items.describe(draw, true);
    t.equal(probability, item.ref === member(0, 0) ? 0.25 : 0.75);
    t.equal(tableSize, 2);
    t.match(trajectory, { id: item.ref, state: 'scored', segments: [{ index: 0 }] });
    t.equal(group, null);
  }
  t.strictSame(
    await store.items.updatePriorities(hard, [
      { key: member(0, 0), priority: 9 },
      { key: 'gone', priority: 1 },
    ]),
    {
      updated: 1,
      missing: ['gone'],
    },
  );
  const [again] = await store.items.sample(hard, 1, atOnce);
  t.equal(again?.probability, again?.item.ref === member(0, 0) ? 0.75 : 0.25, '9 or 3 of 12');
  // A group among trajectories; a full table lets go of the least.
  await store.items.insert(hard, [{ key: 'whole', ref: `${runId}-g1`, priority: 1e9 }, itemOf(2, 5)], atOnce);
  const [whole] = await store.items.sample(hard, 1, atOnce);
  t.match(store.items.describe(whole!, true), {
    item: { key: 'whole' },
    group: { trajectories: { length: 4 } },
    trajectory: null,
  });
  t.strictSame(await store.items.removeItems(hard, ['whole', 'whole', 'gone']), { removed: 1 });
  t.match(store.items.statistics(hard), {
    size: 2,
    inserts: 4,
    samples: 5,
    priorityUpdates: 1,
    removedByReason: { 'max-size': 1, 'max-times-sampled': 0, request: 1 },
    insertCalls: { waits: 0, timeouts: 0 },
  });
});

t.test('what an item cannot stand for, and what no call may ask, is refused by name', async (t) => {
  const { store } = await newWorld(t, { some: { maxBatch: 2 } });
  const some = refOf('some');
  const insert = (ref: string, changes = {}) => store.items.insert(some, [{ ...itemOf(0), ref, ...changes }], atOnce);
  await t.rejects(insert('other-g0-t0'), { code: 'INVALID_INPUT', message: /no trajectory or group of run/ });
  await t.rejects(insert(member(7, 0)), { code: 'INVALID_INPUT', message: /unknown, not scored/ });
  await t.rejects(insert(`${runId}-g9`), { code: 'INVALID_INPUT', message: /unknown, not complete/ });
  await t.rejects(insert(member(0, 0), { priority: -1 }), { code: 'INVALID_INPUT', message: /priority/ });
  await t.rejects(insert(member(0, 0), { key: 'k'.repeat(129) }), { code: 'INVALID_INPUT', message: /128/ });
  await t.rejects(store.items.insert(some, [], atOnce), { code: 'INVALID_INPUT', message: /1 to 1024 items/ });
  await t.rejects(store.items.sample(some, 3, atOnce), { code: 'INVALID_INPUT', message: /maxBatch 2, got 3/ });
  await t.rejects(store.items.sample(refOf('none'), 1, atOnce), { code: 'NOT_FOUND', message: /configured .*: some/ });
  await t.rejects(store.items.sample(refOf('constructor'), 1, atOnce), code('NOT_FOUND'));
  await t.rejects(store.items.sample({ runId: 'nobody', table: 'some' }, 1, atOnce), code('NOT_FOUND'));
  await t.rejects(store.items.sample(refOf('training'), 1, atOnce), {
    code: 'FAILED_PRECONDITION',
    message: /FreezeBatch/,
  });
  t.match(store.items.statistics(some), { size: 0, inserts: 0 }, 'nothing was left of them');
  t.match(store.items.statistics(refOf('training')), {
    size: 2,
    inserts: 2,
    samples: 0,
    removedByReason: { consumed: 0 },
  });
});

t.test('a restart changes nothing: items, counts and draws go on as without it', async (t) => {
  const tables = { recent: { sampler: 'prioritized', maxSize: 6, maxTimesSampled: 3, maxBatch: 4, seed: 5 } };
  const history = async (restarts: boolean) => {
    const world = await newWorld(t, tables);
    const ref = refOf('recent');
    const seen: string[] = [];
    for (let i = 0; i < 8; i++) {
      await world.store.items.insert(ref, [itemOf(i, 1 + (i % 3))], atOnce);
      if (i % 2 === 1) await world.store.items.updatePriorities(ref, [{ key: itemOf(i).ref, priority: 7 }]);
      if (restarts) await world.again();
      if (i < 4) continue;
      const draws = await world.store.items.sample(ref, 2, atOnce);
      for (const { item, probability, isLast } of draws) {
        seen.push(`${item.key} ${item.timesSampled} ${probability.toFixed(9)} ${isLast}`);
      }
    }
    return { seen, statistics: world.store.items.statistics(ref) };
  };
  const plain = await history(false);
  t.strictSame(await history(true), plain);
  t.equal(plain.statistics.samples, 8);
  t.ok((plain.statistics.removedByReason['max-size'] ?? 0) > 0);
});

t.test('a lowered bound is kept to after a restart', async (t) => {
  const world = await newWorld(t, { few: {} });
  const few = refOf('few');
  await world.store.items.insert(
    few,
    [0, 1, 2, 3, 4].map((n) => itemOf(n)),
    atOnce,
  );
  const store = await world.again({ few: { maxSize: 2, maxBatch: 1 } });
  await store.items.insert(few, [itemOf(5)], atOnce);
  t.match(store.items.statistics(few), { size: 2, removedByReason: { 'max-size': 4 } });
});

t.test('calls wait in line, hear what they waited for, and are counted', async (t) => {
  const queue = { sampler: 'fifo', maxTimesSampled: 1, maxSize: 2, maxBatch: 2, rateLimiter: { kind: 'queue' } };
  const { store } = await newWorld(t, { queue });
  const ref = refOf('queue');
  const keysOf = async (draws: ReturnType<typeof store.items.sample>) => (await draws).map(({ item }) => item.key);

  await t.rejects(store.items.sample(ref, 1, atOnce), {
    code: 'RESOURCE_EXHAUSTED',
    message: /table queue of run run .*holds 0/,
  });
  await t.rejects(store.items.sample(ref, 1, { waitMs: 1 }), {
    code: 'DEADLINE_EXCEEDED',
    message: /waited 1 ms for items/,
  });
  const [first, second] = [store.items.sample(ref, 2, patiently), store.items.sample(ref, 1, patiently)];
  t.match(store.items.statistics(ref).sampleCalls, { waiting: 2 });
  // One item would do for the second, but the first is first.
  await store.items.insert(ref, [itemOf(0)], atOnce);
  t.match(store.items.statistics(ref), { size: 1, sampleCalls: { waiting: 2 } });
  t.match(await store.items.insert(ref, [itemOf(1), itemOf(2)], atOnce), { accepted: 2 });
  t.strictSame(await keysOf(first), [member(0, 0), member(0, 1)]);
  t.strictSame(await keysOf(second), [member(0, 2)]);

  const long = store.items.insert(
    ref,
    [3, 4, 5, 6].map((n) => itemOf(n)),
    patiently,
  );
  const late = await store.items.insert(ref, [itemOf(7)], { waitMs: 1 }).catch((error: unknown) => error);
  t.match(late, { code: 'DEADLINE_EXCEEDED', message: /inserts into .* waited 1 ms for room: it holds 2 items/ });
  t.strictSame(await keysOf(store.items.sample(ref, 2, atOnce)), [member(0, 3), member(1, 0)]);
  t.strictSame(await long, { accepted: 4, repeated: 0, waitedFor: '' });
  await store.items.removeItems(ref, [member(1, 1)]);
  const partly = await store.items.insert(ref, [itemOf(0), itemOf(1)], { waitMs: 1 });
  t.match(partly, { accepted: 1, repeated: 0, waitedFor: /waited 1 ms for room/ });

  const leaving = new AbortController();
  const left = store.items.insert(ref, [itemOf(7)], { ...patiently, signal: leaving.signal });
  leaving.abort();
  await t.rejects(left, code('CANCELLED'));
  const { insertCalls, sampleCalls } = store.items.statistics(ref);
  t.match(insertCalls, { waits: 3, timeouts: 2, waiting: 0 });
  t.match(sampleCalls, { waits: 4, timeouts: 2, waiting: 0 });
  t.ok(insertCalls.blockedMs > 0 && sampleCalls.blockedMs > 0);
});

t.test('a call whose time is over before its turn comes is judged by that turn', async (t) => {
  const pair = { sampler: 'fifo', maxTimesSampled: 1, maxSize: 2, maxBatch: 2, rateLimiter: { kind: 'queue' } };
  const { store } = await newWorld(t, { pair });
  const ref = refOf('pair');
  const insert = (...numbers: number[]) =>
    store.items.insert(
      ref,
      numbers.map((n) => itemOf(n)),
      { waitMs: 1 },
    );
  // Both timers are due when the process comes to them, before any turn.
  const calls = [insert(0, 1, 2), insert(3)].map((call) => call.catch((error: unknown) => error));
  for (const untilMs = performance.now() + 20; performance.now() < untilMs; );
  const [partly, not] = await Promise.all(calls);
  t.match(partly, { accepted: 2, waitedFor: /waited 1 ms for room: it holds 2 items/ });
  t.match(not, { code: 'DEADLINE_EXCEEDED', message: /waited 1 ms for room: it holds 2 items/ });
  t.match(store.items.statistics(ref), { size: 2, insertCalls: { waits: 2, timeouts: 2, waiting: 0 } });
});

t.test('only so many calls wait, and none is left behind when the store closes', async (t) => {
  const world = await newWorld(t, { some: {} });
  const { store } = world;
  const waiting = Array.from({ length: 8 }, () => store.items.sample(refOf('some'), 1, patiently));
  const ended = Promise.allSettled(waiting);
  await t.rejects(store.items.sample(refOf('some'), 1, patiently), {
    code: 'RESOURCE_EXHAUSTED',
    message: /8 calls wait already, its maxWaitingCalls/,
  });
  await world.again();
  for (const outcome of await ended) t.match(outcome, { status: 'rejected', reason: code('UNAVAILABLE') });
});

t.test('a turn that cannot be committed leaves no trace, and later ones go on', async (t) => {
  const tables = { some: { sampler: 'fifo', maxTimesSampled: 2, maxBatch: 1 } };
  const world = await newWorld(t, tables);
  const some = refOf('some');
  await world.store.items.insert(some, [itemOf(0), itemOf(1)], atOnce);
  await world.store.items.sample(some, 1, atOnce);
  const before = world.store.items.statistics(some);
  const full = await world.again(tables, { maxStoreBytes: 1 });
  const refused = { code: 'RESOURCE_EXHAUSTED', message: /is full/ };
  const calls = [
    full.items.sample(some, 1, patiently),
    full.items.insert(some, [itemOf(2)], patiently),
    full.items.updatePriorities(some, [{ key: itemOf(0).ref, priority: 5 }]),
  ];
  for (const outcome of await Promise.allSettled(calls)) t.match(outcome, { status: 'rejected', reason: refused });
  t.strictSame(full.items.statistics(some), before);
  const store = await world.again();
  t.match(await store.items.sample(some, 1, atOnce), [
    { item: { key: member(0, 0), timesSampled: 2, priority: 1 }, isLast: true },
  ]);
});

t.test('tables fill themselves with what is judged and what is complete', async (t) => {
  const tables = {
    judged: { fill: 'trajectories', sampler: 'lifo' },
    whole: { fill: 'groups', sampler: 'fifo' },
    mine: {},
  };
  const { store } = await newWorld(t, tables, 1);
  t.match(store.items.list(), [{ table: 'training' }, { table: 'judged' }, { table: 'whole' }, { table: 'mine' }]);
  // What a commit makes fit is inserted in the next turn; a turn later it is there.
  for (const name of ['judged', 'whole']) await store.items.removeItems(refOf(name), ['nobody']);
  t.match(store.items.statistics(refOf('judged')), { size: 4, inserts: 4 });
  t.match(store.items.statistics(refOf('whole')), { size: 1, inserts: 1 });
  t.match(store.items.statistics(refOf('mine')), { size: 0 });
  const newest = [{ item: { ref: member(0, 3), priority: 1 } }];
  t.match(await store.items.sample(refOf('judged'), 1, atOnce), newest);
});
