/**
 * What else goes on while a store lets go of a run: somebody reads it, it is looked through for damage, somebody uses one of its tables, a snapshot is taken. What
 * goes, and which runs, is retention.test.ts.
 */
import { SegueError, type SnapshotRun } from '@segue/core';
import type { ReplayStore } from '@segue/replay';
import t from 'tap';
import { collect } from '../../../test/support/waiting.js';
import { markRetired, removeSome } from '../src/retire.js';
import { openTables } from '../src/tables.js';
import { getTrajectory, readGroups } from '../src/trajectories.js';
import { recordsOf } from './support/damage.js';
import {
  addRun,
  end,
  finish,
  member,
  open,
  removeFolder,
  runId,
  runRecord,
  temporaryFolder,
} from './support/fixtures.js';
import { atOnce, refOf, storeWith } from './support/item-world.js';

const all = { finishedRuns: 0, minAgeHours: 0 };
const size = 2;

/** A run that was trained on in iteration 0 and is over, and another that goes on. */
async function addOver(store: ReplayStore, groups: number): Promise<void> {
  await addRun(store, groups);
  const indexes = Array.from({ length: groups }, (_, index) => index);
  await open(store, 0, { groups: indexes.map((index) => [index, size] as const) });
  await Promise.all(indexes.flatMap((group) => [0, 1].map((index) => finish(store, member(group, index), index))));
  await end(store, 0);
  const run = store.getRun(runId);
  await store.putRun({ ...run, state: 'finished' }, run.revision);
  await store.putRun({ ...runRecord('other'), state: 'running' }, null);
}

t.test('who reads a run while its records go finds a thing whole or not at all', async (t) => {
  const folder = temporaryFolder();
  t.teardown(() => removeFolder(folder));
  const store = storeWith(folder, {});
  await addOver(store, 3);
  await store.close();
  const tables = openTables(folder);
  t.teardown(() => tables.close());
  const context = { tables, nowMs: 0, note: () => undefined };
  const groups = [...tables.groups.rows([runId])];
  const ids = groups.flatMap(({ index }) => [0, 1].map((n) => member(index, n)));
  const whole = new Map(ids.map((id) => [id, JSON.stringify(getTrajectory(tables, id))]));
  t.equal([...readGroups(tables, groups)].length, 3);

  tables.transact(() => markRetired(context, runId));
  const read = (id: string) => {
    try {
      return JSON.stringify(getTrajectory(tables, id)) === whole.get(id) ? 'whole' : 'less';
    } catch (error) {
      return SegueError.from(error).code;
    }
  };
  const found = new Set<string>();
  for (let removed = 1; removed === 1; ) {
    for (const id of ids) found.add(read(id));
    t.throws(() => [...readGroups(tables, groups)], { code: 'FAILED_PRECONDITION', message: /were removed/ });
    tables.transact(() => {
      removed = removeSome(context, runId, 1);
    });
  }
  t.same([...found].sort(), ['NOT_FOUND', 'whole']);
});

t.test('a look through the store takes what goes meanwhile for no damage, and mends nothing of it', async (t) => {
  const folder = temporaryFolder();
  const damages: string[] = [];
  const store = storeWith(folder, {}, { onDamage: ({ what, detail }) => damages.push(`${what} ${detail}`) });
  t.teardown(async () => {
    await store.close();
    removeFolder(folder);
  });
  // Many times what is looked at in one turn.
  await addOver(store, 200);
  const before = store.statistics(runId);
  const [looks, gone] = await Promise.all([collect(store.keeper.check(null, true)), store.retire(all)]);
  t.same(gone, [runId]);
  t.same(damages, []);
  t.same(
    looks.map(({ damage }) => damage),
    [null],
  );
  t.same(store.keeper.standing, []);
  const bulk = ['segments', 'tokens', 'trajectories', 'groups', 'iterations', 'problems', 'problemTallies', 'recounts'];
  t.same(recordsOf(folder, bulk), []);
  t.same(store.statistics(runId).trajectoriesByState, before.trajectoriesByState, 'its counters stay');
  t.same(store.inMemory().runs, 0);
});

t.test('a table of a run whose records are gone takes nothing more', async (t) => {
  const folder = temporaryFolder();
  const store = storeWith(folder, { some: {} });
  t.teardown(async () => {
    await store.close();
    removeFolder(folder);
  });
  await addOver(store, 2);
  const some = refOf('some');
  await store.items.insert(some, [{ key: '', ref: member(0, 0), priority: 1 }], atOnce);
  await store.retire(all);
  const gone = { code: 'FAILED_PRECONDITION', message: /were removed/ };
  await t.rejects(store.items.removeItems(some, ['nobody']), gone);
  await t.rejects(store.items.updatePriorities(some, [{ key: 'nobody', priority: 2 }]), gone);
  t.same(recordsOf(folder, ['items', 'itemTables']), []);
});

t.test(
  'a snapshot says nothing of runs whose records are gone, so that a restore leaves their weights alone',
  async (t) => {
    const folder = temporaryFolder();
    const store = storeWith(folder, {});
    t.teardown(async () => {
      await store.close();
      removeFolder(folder);
    });
    await addOver(store, 2);
    const runsOf = async (): Promise<readonly SnapshotRun[]> => {
      const [head] = await collect(store.keeper.snapshot());
      return head?.runs ?? [];
    };
    const other = { id: 'other', state: 'running', policyVersion: 0 };
    const byId = (runs: readonly SnapshotRun[]) => [...runs].sort((a, b) => (a.id < b.id ? -1 : 1));
    t.match(byId(await runsOf()), [other, { id: runId, state: 'finished', policyVersion: 1 }]);
    await store.retire(all);
    t.same(
      (await runsOf()).map(({ id }) => id),
      ['other'],
    );
    t.equal(store.listRuns().length, 2, 'it is listed all the same');
  },
);
