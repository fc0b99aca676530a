/**
 * Damage that nothing mends, met at start: the store starts, tells it, refuses what needs it, and goes on with everything else. What is mended is in
 * mend.test.ts.
 */
import type { StoreDamage } from '@segue/core';
import type { ReplayStore } from '@segue/replay';
import t, { type Test } from 'tap';
import { harm, type RecordName } from './support/damage.js';
import {
  addRun,
  end,
  finish,
  member,
  open,
  openStore,
  problem,
  removeFolder,
  runId,
  runRecord,
  temporaryFolder,
} from './support/fixtures.js';
import { code } from './support/fresh-store.js';

/** A run whose only iteration was trained on, with its files damaged afterwards. */
async function finished(
  t: Test,
  records: readonly RecordName[],
  more: (store: ReplayStore) => Promise<void> = async () => {},
) {
  const folder = temporaryFolder();
  t.teardown(() => removeFolder(folder));
  const before = openStore(folder);
  await addRun(before);
  await before.putRun(runRecord('other'), null);
  await open(before, 0, { groups: [[0, 2]] });
  await finish(before, member(0, 0), 1);
  await finish(before, member(0, 1), 0);
  await end(before, 0);
  await more(before);
  await before.close();
  for (const record of records) harm(folder, record);
  const damages: StoreDamage[] = [];
  const store = openStore(folder, { onDamage: (damage) => damages.push(damage) });
  t.teardown(() => store.close());
  return { store, damages, folder };
}

async function check(store: ReplayStore, repair: boolean): Promise<StoreDamage[]> {
  const found: StoreDamage[] = [];
  for await (const { damage } of store.keeper.check(null, repair)) if (damage !== null) found.push(damage);
  return found;
}

for (const record of [
  { table: 'trajectories', key: [runId, 0, 1] },
  { table: 'segments', key: [runId, 0, 1, 0] },
]) {
  t.test(`history is rotten (${record.table}): the store starts and the run goes on`, async (t) => {
    const { store } = await finished(t, [record]);
    t.match(store.getIteration(runId, null), { state: 'committed', progress: { committedTasks: 2 } });
    await open(store, 1, { groups: [[1, 1]] });
    await finish(store, member(1, 0), 1);
    t.match(store.getIteration(runId, 1).progress, { committedTasks: 1, completeGroups: 1 });
    t.match(await check(store, true), [{ what: `trajectory ${member(0, 1)}` }]);
    t.match(store.getIteration(runId, 1).progress, { committedTasks: 1, completeGroups: 1 }, 'also after a mending');
  });
}

for (const record of [
  { table: 'runs', key: [runId] },
  { table: 'iterations', key: [runId, 0] },
]) {
  t.test(`a run cannot be read (${record.table}): it is refused and told, others go on`, async (t) => {
    const { store, damages } = await finished(t, [record]);
    t.ok(damages.every(({ mending }) => mending === 'none') && damages.length > 0);
    t.ok(store.keeper.standing.some(({ what, detail }) => what === 'progress of the run' && /restore/.test(detail)));
    await t.rejects((async () => store.getIteration(runId, null))(), code('DATA_LOSS'));
    t.ok(store.listRuns().some(({ id }) => id === 'other'));
    const header = { runId: 'other', batchId: 'first' };
    t.match(await store.putProblems(header, [problem('p')]), { accepted: 1 });
    t.match(await check(store, true), damages.slice(0, 1), 'and the store can be looked through');
  });
}
