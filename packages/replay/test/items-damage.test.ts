/** Tables whose items' rows are lost, whose items stand for what is begun again, and whose disk is full: the others are sampled as before. */
import type { StoreDamage } from '@segue/core';
import t, { type Test } from 'tap';
import { harm, type RecordName } from './support/damage.js';
import { lookThrough } from './support/finished-run.js';
import {
  end,
  failedTry,
  finish,
  member,
  open,
  problem,
  removeFolder,
  runId,
  temporaryFolder,
} from './support/fixtures.js';
import { code } from './support/fresh-store.js';
import { addJudged, atOnce, itemOf, refOf, storeWith } from './support/item-world.js';

const some = refOf('some');

/** A table of items 0 to 3, its rows damaged while the store was closed. */
async function damaged(
  t: Test,
  records: readonly RecordName[],
  harmHow: 'rotten' | 'gone' = 'rotten',
  now: () => number = Date.now,
) {
  const folder = temporaryFolder();
  const before = storeWith(folder, { some: { sampler: 'fifo' } });
  await addJudged(before, 2);
  await before.items.insert(
    some,
    [0, 1, 2, 3].map((n) => itemOf(n)),
    atOnce,
  );
  await before.close();
  for (const record of records) harm(folder, record, harmHow);
  const damages: StoreDamage[] = [];
  const store = storeWith(folder, { some: { sampler: 'fifo' } }, { now, onDamage: (damage) => damages.push(damage) });
  t.teardown(async () => {
    await store.close();
    removeFolder(folder);
  });
  return { store, damages, folder };
}

const itemRow = (sequence: number) => ({ table: 'items', key: [runId, 'some', sequence] });
const tableRow = { table: 'itemTables', key: [runId, 'some'] };

t.test('a rotten item is taken out of its table and counted when the table is read', async (t) => {
  const { store, damages } = await damaged(t, [itemRow(0)]);
  const [draw] = await store.items.sample(some, 1, atOnce);
  t.equal(draw?.item.ref, member(0, 1));
  t.match(store.items.statistics(some), { size: 3, inserts: 4, removedByReason: { stale: 1 } });
  t.match(damages, [{ what: 'item some 0', mending: 'rebuilt' }]);
  t.same(await lookThrough(store, true), [], 'the turn took it off the disk');
});

t.test('a rotten item is told once, however often its table is let go of', async (t) => {
  const clock = { nowMs: 0 };
  const { store, damages } = await damaged(t, [itemRow(0)], 'rotten', () => clock.nowMs);
  const run = store.getRun(runId);
  await store.putRun({ ...run, state: 'stopped' }, run.revision);
  const lookAgain = () => {
    t.equal(store.items.statistics(some).size, 3);
    clock.nowMs += 3_600_000;
    store.letGoOfTables();
    return [damages.length, store.inMemory().tables];
  };
  t.same(lookAgain(), [1, 1], 'it stays until the row is off the disk');
  t.same(lookAgain(), [1, 1]);
  await store.items.removeItems(some, ['nobody']);
  t.same(lookAgain(), [1, 0]);
  t.same(lookAgain(), [1, 0]);
});

t.test('a rotten item is taken out by whoever looks through the store', async (t) => {
  const { store } = await damaged(t, [itemRow(0)]);
  t.match(await lookThrough(store, true), [{ what: 'item some 0', mending: 'rebuilt' }]);
  t.same(await lookThrough(store, false), []);
  t.match(store.items.statistics(some), { size: 3, removedByReason: { stale: 1 } });
});

for (const how of ['rotten', 'gone'] as const) {
  t.test(`the counts of a table are ${how}: no sequence comes twice`, async (t) => {
    const { store } = await damaged(t, [tableRow], how);
    await store.items.insert(some, [itemOf(4)], atOnce);
    t.match(store.items.statistics(some), { size: 5, inserts: 5 });
    t.same(await lookThrough(store, true), []);
    t.equal(store.items.statistics(some).size, 5, 'nothing was overwritten');
  });
}

t.test('what an item stands for is begun again: another one is drawn, and it is counted as removed', async (t) => {
  const { store, folder } = await damaged(t, []);
  await store.items.insert(some, [{ key: 'group', ref: `${runId}-g1`, priority: 1 }], atOnce);
  harm(folder, { table: 'tokens', key: [runId, 0, 0, 0] });
  await new Promise(setImmediate);
  await lookThrough(store, true);
  t.equal(store.getTrajectory(member(0, 0)).state, 'pending');
  const draws = await store.items.sample(some, 2, atOnce);
  t.same(
    draws.map(({ item }) => item.ref),
    [member(0, 1), member(0, 1)],
  );
  t.match(store.items.statistics(some), { size: 4, removedByReason: { stale: 1 } });
});

t.test('a requeued member opens its group: the group is not sampled meanwhile', async (t) => {
  const { store } = await damaged(t, []);
  await store.putProblems({ runId, batchId: 'more' }, [problem('p2')]);
  await end(store, 0);
  await open(store, 1, { policyVersion: store.getIteration(runId, 0).policyVersionOut, groups: [[2, 2]] });
  await finish(store, member(2, 0), 1);
  await store.appendSegment(runId, { ...failedTry(store, member(2, 1), 0), lostTries: 5 });
  await store.items.removeItems(
    some,
    [0, 1, 2, 3].map((n) => itemOf(n).ref),
  );
  await store.items.insert(some, [{ key: 'group', ref: `${runId}-g2`, priority: 1 }], atOnce);
  await store.requeueDeadLetter(`trajectory-${member(2, 1)}`);
  await t.rejects(store.items.sample(some, 1, atOnce), code('RESOURCE_EXHAUSTED'));
  t.match(store.items.statistics(some), { size: 0, removedByReason: { stale: 1 }, sampleCalls: { waiting: 0 } });
});

t.test('a full store refuses calls and goes on when there is space again', async (t) => {
  const folder = temporaryFolder();
  const before = storeWith(folder, { some: {} });
  await addJudged(before, 1);
  await before.items.insert(some, [itemOf(0)], atOnce);
  await before.close();
  const store = storeWith(folder, { some: {} }, { maxStoreBytes: 1 });
  t.teardown(async () => {
    await store.close();
    removeFolder(folder);
  });
  const calls = [store.items.insert(some, [itemOf(1)], atOnce), store.items.sample(some, 1, atOnce)];
  for (const call of calls)
    await t.rejects(
      Promise.resolve(call).then(() => {}),
      code('RESOURCE_EXHAUSTED'),
    );
  t.match(store.items.statistics(some), { size: 1, inserts: 1, samples: 0 });
});
