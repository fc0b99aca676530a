/**
 * What else goes on while a store lets go of a run: somebody reads it, it is looked through for damage, somebody uses one of its tables, a snapshot is taken. What
 * goes, and which runs, is retention.test.ts.
 */
import { SegueError, type SnapshotRun } from '@segue/core';
import type { ReplayStore } from '@segue/replay';
import t from 'tap';
import { collect } from '../../../test/support/waiting.js';
import { retireRuns } from '../src/retention.js';
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
  problem,
  removeFolder,
  runId,
  runRecord,
  segment,
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
  t.strictSame(gone, { runs: [runId], failure: null });
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

t.test('nothing of a run that goes is handed to scorers, and it keeps nothing else from them', async (t) => {
  const folder = temporaryFolder();
  const seen: unknown[] = [];
  const ids = [member(0, 0)];
  // Read in every write, thus while the records go.
  const now = () => {
    if (isRetiring) seen.push([store.isRetired(runId), [...store.awaitingScore().keys()], store.tracesOf(ids).size]);
    return 0;
  };
  let isRetiring = false;
  const store = storeWith(folder, {}, { now });
  t.teardown(async () => {
    await store.close();
    removeFolder(folder);
  });
  const traceParent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
  await store.putRun(runRecord(), null);
  await store.putProblems({ runId, batchId: 'all' }, [{ ...problem('p0'), traceParent }]);
  await open(store, 0, { groups: [[0, size]] });
  await store.appendSegment(runId, segment(store, member(0, 0), 'stop'));
  const run = store.getRun(runId);
  await store.putRun({ ...run, state: 'stopped' }, run.revision);
  t.same([...store.awaitingScore().keys()], [runId], 'a response waits for its verdict');
  t.same(store.tracesOf(ids), new Map([[member(0, 0), traceParent]]));
  isRetiring = true;
  t.strictSame(await store.retire(all), { runs: [runId], failure: null });
  isRetiring = false;
  t.strictSame(seen.slice(-2), [
    [false, [runId], 1],
    [true, [], 0],
  ]);
  t.equal(store.tracesOf(ids).size, 0, 'also when they are gone');
});

t.test('a run whose records cannot be removed stops no other, and is told when a later pass has', async (t) => {
  const folder = temporaryFolder();
  const tables = openTables(folder);
  t.teardown(async () => {
    await tables.close();
    removeFolder(folder);
  });
  const ids = ['a', 'b', 'c', 'd'];
  tables.transact(() => {
    for (const [createdAtMs, id] of ids.entries()) {
      const { trainProblems: _, evaluationProblems: __, warmupProblems: ___, ...row } = runRecord(id);
      tables.runs.put([id], { ...row, createdAtMs, state: 'stopped' });
      tables.fills.put([id, 'table', `${id}-g0`], 1);
    }
  });
  const told: string[] = [];
  /** A pass of a store whose disk refuses the n-th writes. */
  const pass = (...refused: readonly number[]) => {
    let writes = 0;
    return retireRuns(all, {
      tables,
      nowMs: ids.length,
      write: async (work) => {
        if (refused.includes(++writes)) throw new SegueError('RESOURCE_EXHAUSTED', 'no space');
        told.push('write');
        const results: ReturnType<typeof work>[] = [];
        tables.transact(() => {
          results.push(work({ tables, nowMs: 0, note: () => undefined }));
        });
        return results[0]!;
      },
      forget: (id) => told.push(id),
      readAgain: (id) => told.push(`rows of ${id}`),
    });
  };
  const left = () => tables.fills.keys([]).map(([id]) => id);
  // Four marks, of which the last fails, then three removals, of which the first fails.
  const { runs, failure } = await pass(4, 5);
  t.same(runs, ['b', 'c']);
  t.match(failure, { code: 'RESOURCE_EXHAUSTED', message: /records of run d \(and 1 more\) .* no space/ });
  t.same(left(), ['a', 'd']);
  const marks = ['write', 'write', 'write'];
  const removals = ['a', 'rows of a', 'write', 'b', 'rows of b', 'write', 'c', 'rows of c'];
  t.same(told, [...marks, 'a', 'b', 'c', ...removals], 'forgotten before and after, removed or not');
  t.strictSame(await pass(), { runs: ['a', 'd'], failure: null });
  t.same(left(), []);
  t.strictSame(await pass(), { runs: [], failure: null });
});

t.test('a dead letter whose key is damaged keeps no run from going', async (t) => {
  const folder = temporaryFolder();
  const tables = openTables(folder);
  t.teardown(async () => {
    await tables.close();
    removeFolder(folder);
  });
  const letter = { kind: 'trajectory', reason: '', tries: 1, atMs: 0, body: new Uint8Array(0), bodyBytes: 0 } as const;
  const put = (runId: string, subject: string, id = `trajectory-${subject}`) =>
    tables.deadLetters.put([id], { ...letter, checksum: '', runId, subject, id });
  tables.transact(() => {
    put('a', 'a-g0-t0');
    put('a', 'a-g0-t1', 'trajectory-a-g0');
    put('a-g0', 'a-g0-g1-t0');
    put('b', 'b-g0-t0', 'score-b');
    markRetired({ tables, nowMs: 0, note: () => undefined }, 'a');
    removeSome({ tables, nowMs: 0, note: () => undefined }, 'a', 10);
  });
  t.same(tables.deadLetters.keys([]).flat(), ['score-b', 'trajectory-a-g0-g1-t0'], 'those of other runs stay');
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
    const [head] = await collect(store.keeper.snapshot());
    t.same(head?.retiredRuns, [runId], 'named alone');
    t.equal(store.listRuns().length, 2, 'it is listed all the same');
  },
);
