/** What may never be half done or kept: the commit that consumes groups, and the tokens of a failed try. */
import t, { type Test } from 'tap';
import { commitIteration } from '../dist/iterations.js';
import { openTables } from '../dist/tables.js';
import {
  addRun,
  end,
  failedTry,
  finish,
  member,
  open,
  openStore,
  removeFolder,
  runId,
  segment,
  sized,
  stateOf,
  temporaryFolder,
} from './support/fixtures.js';

function freshFolder(t: Test): string {
  const folder = temporaryFolder();
  t.teardown(() => removeFolder(folder));
  return folder;
}

const twoGroups = {
  groups: sized(2, 2),
} as const;

t.test('a group and the version that consumes it are recorded together or not at all', async (t) => {
  const folder = freshFolder(t);
  const store = openStore(folder);
  await addRun(store);
  await open(store, 0, twoGroups);
  for (const group of [0, 1]) {
    await finish(store, member(group, 0), 1);
    await finish(store, member(group, 1), 0);
  }
  await store.closeIteration({ runId, iteration: 0 });
  await store.freezeBatch({ runId, iteration: 0, maxGroups: 0, minUsable: 2, keepEqual: false });
  const before = store.statistics(runId);
  await store.close();

  const tables = openTables(folder);
  const groups = () => [...tables.groups.rows([runId])];
  const request = { runId, iteration: 0, policyVersionOut: 1, metricsJson: '{}' };
  for (const place of ['group', 'iteration']) {
    const write = () =>
      tables.transact(() => {
        const note = ({ kind }: { readonly kind: string }) => {
          if (kind === place) throw new Error('the disk is gone');
        };
        commitIteration({ tables, nowMs: 0, note }, request, null);
      });
    t.throws(write, /the disk is gone/);
    t.same(
      groups().map(({ state, consumedBy }) => [state, consumedBy]),
      [
        ['frozen', null],
        ['frozen', null],
      ],
      `cut off after the first ${place}`,
    );
    t.match(tables.iterations.get([runId, 0]), { state: 'frozen', policyVersionOut: 0 });
  }
  await tables.close();

  const again = openStore(folder);
  t.same(again.statistics(runId), before);
  await again.commitIteration(request);
  await again.close();
  const after = openTables(folder);
  t.same(
    [...after.groups.rows([runId])].map(({ state, consumedBy }) => [state, consumedBy]),
    [
      ['consumed', 1],
      ['consumed', 1],
    ],
    'each names the version that consumed it',
  );
  await after.close();
});

t.test('an error segment is never kept, whatever tokens it brings', async (t) => {
  const store = openStore(freshFolder(t));
  await addRun(store);
  await open(store, 0, { groups: [[0, 1]], maxAttempts: 2 });
  const id = member(0, 0);
  await store.appendSegment(runId, segment(store, id, 'budget'));
  await end(store, 0);
  await open(store, 1, { policyVersion: 0, maxAttempts: 2 });
  const [{ prefixHash }, before] = [segment(store, id, 'budget'), store.getTrajectory(id).segments];
  const error = segment(store, id, 'error');
  t.ok(error.tokens.length > 0);
  await store.appendSegment(runId, error);
  t.same(store.getTrajectory(id).segments, before);
  t.equal(segment(store, id, 'budget').prefixHash, prefixHash, 'the next try goes on from the same tokens');
  t.equal(store.statistics(runId).generatedTokens, 2);
  await store.appendSegment(runId, failedTry(store, id, 1));
  t.equal(stateOf(store, id), 'failed', 'a trajectory with segments is given up like any other');
  t.same([...store.listUnfinished(runId)], [], 'and is not resumed');
  await store.close();
});

t.test('a row that was read or written is decoded once; what a transaction undid is read anew', async (t) => {
  const folder = freshFolder(t);
  const store = openStore(folder);
  await addRun(store);
  await open(store, 0, twoGroups);
  await store.close();
  const tables = openTables(folder);
  const key = [runId, 0];
  const first = tables.groups.get(key)!;
  t.equal(tables.groups.get(key), first, 'the same row, not decoded again');
  const changed = { ...first, state: 'complete' } as const;
  t.throws(() =>
    tables.transact(() => {
      tables.groups.put(key, changed);
      t.equal(tables.groups.get(key), changed, 'a transaction sees what it wrote');
      throw new Error('undone');
    }),
  );
  t.same(tables.groups.get(key), first, 'as it is on disk');
  tables.transact(() => tables.groups.put(key, changed));
  t.same(tables.groups.get(key), changed);
  await tables.close();
  t.throws(() => tables.groups.get(key), { code: 'UNAVAILABLE' }, 'nothing is answered from memory after the close');
});
