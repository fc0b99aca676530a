/** A store whose run has been trained once, damaged while it was closed, and started again. */
import type { StoreDamage } from '@segue/core';
import type { ReplayStore } from '@segue/replay';
import type { Test } from 'tap';
import { harm, type RecordName } from './damage.js';
import { addRun, end, finish, member, open, openStore, removeFolder, runRecord, temporaryFolder } from './fixtures.js';

/** Group 0 was trained on by version 1. @param more what the store does before it is closed */
export async function finishedRun(
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

export async function lookThrough(store: ReplayStore, repair: boolean): Promise<StoreDamage[]> {
  const found: StoreDamage[] = [];
  for await (const { damage } of store.keeper.check(null, repair)) if (damage !== null) found.push(damage);
  return found;
}
