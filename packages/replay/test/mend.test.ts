/**
 * Records that a disk has damaged: each is found, by its checksum or because it is missing, and what it belonged to is run again from the last good record.
 * Nothing is ever silently shorter.
 */
import { cpSync } from 'node:fs';
import type { StoreDamage } from '@segue/core';
import type { ReplayStore } from '@segue/replay';
import t, { type Test } from 'tap';
import { type Harm, harm, type RecordName, recordsOf } from './support/damage.js';
import {
  addRun,
  end,
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
  verdict,
} from './support/fixtures.js';
import { code } from './support/fresh-store.js';

/**
 * A run with history, a frozen batch or an open iteration. Group 0 was trained on by version 1; group 1 has a member over two iterations and waits; group 2
 * is judged but for one.
 */
async function buildRun(folder: string, until: 'open' | 'frozen'): Promise<void> {
  const store = openStore(folder);
  await addRun(store);
  await open(store, 0, {
    groups: sized(2, 2),
  });
  await finish(store, member(0, 0), 1);
  await finish(store, member(0, 1), 0);
  await store.appendSegment(runId, segment(store, member(1, 0), 'budget'));
  await end(store, 0);
  await store.appendEvent({ runId, kind: 'iteration', bodyJson: '{"iteration":0}', atMs: 1, key: 'iteration-0' });
  await open(store, 1, {
    groups: [
      [2, 2],
      [3, 2],
    ],
  });
  await finish(store, member(1, 0), 1);
  await finish(store, member(1, 1), 0);
  await finish(store, member(2, 0), 1);
  await store.appendSegment(runId, segment(store, member(2, 1), 'stop'));
  await store.appendSegment(runId, segment(store, member(3, 0), 'budget'));
  if (until === 'frozen') {
    await store.closeIteration({ runId, iteration: 1 });
    await store.freezeBatch({ runId, iteration: 1, maxGroups: 0, minUsable: 2, keepEqual: false });
  }
  await store.close();
}

interface Opened {
  readonly store: ReplayStore;
  readonly damages: readonly (StoreDamage & { readonly isMended: boolean })[];
}

function reopen(t: Test, folder: string): Opened {
  const damages: (StoreDamage & { isMended: boolean })[] = [];
  const store = openStore(folder, { onDamage: (damage, isMended) => damages.push({ ...damage, isMended }) });
  t.teardown(() => store.close());
  return { store, damages };
}

/** Everything that the store tells of the run. */
function tellAll(store: ReplayStore) {
  return {
    run: store.getRun(runId),
    problems: [...store.listProblems(runId, null)],
    iterations: [...store.listIterations(runId, 0)],
    unfinished: [...store.listUnfinished(runId)],
    trajectories: [...store.listTrajectories(runId)].map(({ summary }) => store.getTrajectory(summary.id)),
    complete: [...store.completeGroups(runId, null)],
    awaiting: [...(store.awaitingScore().get(runId) ?? [])],
    events: [...store.listEvents(runId, 0)],
    statistics: { ...store.statistics(runId), bytesOnDisk: 0 },
  };
}

async function damagesOf(store: ReplayStore, repair: boolean): Promise<StoreDamage[]> {
  const found: StoreDamage[] = [];
  for await (const { damage } of store.keeper.check(null, repair)) if (damage !== null) found.push(damage);
  return found;
}

async function damaged(t: Test, until: 'open' | 'frozen', record: RecordName, how: Harm = 'rotten'): Promise<Opened> {
  const folder = temporaryFolder();
  t.teardown(() => removeFolder(folder));
  await buildRun(folder, until);
  harm(folder, record, how);
  return reopen(t, folder);
}

t.test('a damaged segment: its trajectory is cut back to the last good one and goes on from there', async (t) => {
  const record = { table: 'tokens', key: [runId, 1, 0, 1] };
  const { store, damages } = await damaged(t, 'open', record);
  t.match(damages, [{ what: `trajectory ${member(1, 0)}`, mending: 'generate-again', isMended: true }]);
  t.equal(stateOf(store, member(1, 0)), 'unfinished', 'its verdict went with it');
  t.equal(store.getTrajectory(member(1, 0)).segments.length, 1);
  const { progress, tasks } = store.getIteration(runId, 1);
  t.ok(progress.openTrajectoryIds.includes(member(1, 0)), 'the iteration waits for it again');
  t.equal(tasks.find(({ trajectoryId }) => trajectoryId === member(1, 0))?.segmentIndex, 1);
  t.equal(progress.completeGroups, 0, 'and so does its group');
  await finish(store, member(1, 0), 1);
  t.match(store.getIteration(runId, 1).progress, { completeGroups: 1, usefulGroups: 1 });
  t.same(await damagesOf(store, false), []);
});

t.test('the first segment is damaged: the trajectory begins anew where the open plan had it go on', async (t) => {
  const { store } = await damaged(t, 'open', { table: 'segments', key: [runId, 1, 0, 0] }, 'gone');
  t.equal(stateOf(store, member(1, 0)), 'pending');
  const planned = store.getIteration(runId, 1).tasks.find(({ trajectoryId }) => trajectoryId === member(1, 0));
  t.equal(planned?.segmentIndex, 0);
  await store.appendSegment(runId, segment(store, member(1, 0), 'stop'));
  t.equal(stateOf(store, member(1, 0)), 'finished');
});

t.test('a damaged verdict is asked for again', async (t) => {
  const { store, damages } = await damaged(t, 'open', { table: 'trajectories', key: [runId, 1, 1] });
  t.match(damages, [{ what: `trajectory ${member(1, 1)}`, mending: 'score-again', isMended: true }]);
  t.same([...(store.awaitingScore().get(runId) ?? new Map()).keys()].sort(), [member(1, 1), member(2, 1)]);
  await store.recordScore(runId, verdict(member(1, 1), 0));
  t.match(store.getIteration(runId, 1).progress, { completeGroups: 1, judged: 3 });
  t.same(await damagesOf(store, false), []);
});

t.test('damage in a frozen batch: it is frozen again without the group, which goes on', async (t) => {
  const { store } = await damaged(t, 'frozen', { table: 'tokens', key: [runId, 1, 1, 0] });
  t.match(store.getIteration(runId, 1), { state: 'closed', batchGroupIds: [] });
  const frozen = await store.freezeBatch({ runId, iteration: 1, maxGroups: 0, minUsable: 2, keepEqual: false });
  t.match(frozen, { state: 'frozen', batchGroupIds: { length: 0 } });
  t.ok([...store.listUnfinished(runId)].some(({ id }) => id === member(1, 1)));
});

t.test('damage that is met while the store runs: the caller is told to try again, and then it is mended', async (t) => {
  const folder = temporaryFolder();
  t.teardown(() => removeFolder(folder));
  await buildRun(folder, 'open');
  const { store, damages } = reopen(t, folder);
  harm(folder, { table: 'tokens', key: [runId, 3, 0, 0] });
  // The store reads one state of the file within a turn.
  await new Promise(setImmediate);
  const read = () => store.keeper.during(() => store.getTrajectory(member(3, 0)));
  await t.rejects(read(), { code: 'UNAVAILABLE', message: /tokens .*checksum.*try again/ });
  t.match(await read(), { state: 'pending', segments: { length: 0 } });
  t.match(damages, [{ mending: 'generate-again', isMended: true }]);
  t.ok(store.getIteration(runId, 1).progress.openTrajectoryIds.includes(member(3, 0)), 'the memory follows');
});

t.test('what was trained on is history: it is named, kept as it is, and told each time', async (t) => {
  const { store, damages } = await damaged(t, 'open', { table: 'tokens', key: [runId, 0, 1, 0] });
  t.same(damages, [], 'a run that goes on does not need it');
  const read = () => store.keeper.during(() => store.getTrajectory(member(0, 1)));
  await t.rejects(read(), code('DATA_LOSS'));
  await t.rejects(read(), code('DATA_LOSS'), 'nothing pretends that it is there');
  t.match(damages, [
    { what: `trajectory ${member(0, 1)}`, mending: 'none', isMended: false, detail: /version 1 came of/ },
  ]);
  t.equal(damages.length, 1, 'told once');
  t.equal(store.keeper.standing.length, 1);
  t.match(await damagesOf(store, true), [{ mending: 'none', detail: /segue store restore/ }]);
});

const derived = ['counters', 'problemTallies', 'problemPositions', 'unfinished', 'awaiting', 'complete', 'groups'];
const others = [
  'segments',
  'tokens',
  'trajectories',
  'plans',
  'iterations',
  'events',
  'eventKeys',
  'problems',
  'batches',
  'runs',
];

t.test('any record, rotten or gone: the store says so, and what follows from others is as it was', async (t) => {
  const pattern = temporaryFolder();
  t.teardown(() => removeFolder(pattern));
  await buildRun(pattern, 'open');
  const whole = openStore(pattern);
  const expected = tellAll(whole);
  t.same(await damagesOf(whole, false), [], 'nothing is wrong with a store that nobody damaged');
  await whole.close();
  const silent: string[] = [];
  for (const record of recordsOf(pattern, [...derived, ...others])) {
    for (const how of ['rotten', 'gone'] as const) {
      const name = `${record.table} ${record.key.join()} ${how}`;
      const folder = temporaryFolder();
      cpSync(pattern, folder, { recursive: true });
      harm(folder, record, how);
      const told: StoreDamage[] = [];
      try {
        const store = openStore(folder, { onDamage: (damage) => told.push(damage) });
        const left = await damagesOf(store, true);
        if (told.length === 0) silent.push(name);
        if (derived.includes(record.table)) t.same(tellAll(store), expected, name);
        const after = await damagesOf(store, false);
        t.ok(
          after.every(({ mending }) => mending === 'none') && after.length <= left.length,
          `${name}: mended for good`,
        );
        await store.close();
      } catch (error) {
        t.match(error, { code: 'DATA_LOSS', message: /segue store restore/ }, name);
      } finally {
        removeFolder(folder);
      }
    }
  }
  // The key of an event that is gone may let it be told twice, and the batch of problems be refused: neither is a hole in what was recorded.
  t.same(
    silent.filter((name) => !/^(eventKeys|batches) .* gone$/.test(name)),
    ['runs run gone'],
  );
});
