/** What a store lets go of: the records of runs that are over beyond the newest few, whatever kills it on the way, and nothing of any other run. */

import { type RestingRun, type RunState, runsToRetire } from '@segue/core';
import type { ReplayStore } from '@segue/replay';
import t from 'tap';
import { harm, recordsOf } from './support/damage.js';
import {
  addRun,
  end,
  finish,
  member,
  open,
  openStore,
  removeFolder,
  runId,
  runRecord,
  segment,
  temporaryFolder,
} from './support/fixtures.js';
import { code } from './support/fresh-store.js';
import { itemOf, refOf, storeWith } from './support/item-world.js';

const hourMs = 3_600_000;
const rules = { finishedRuns: 0, minAgeHours: 1 };
/** All that belongs to runs but their rows, counters and marks. */
const bulk = [
  ...['segments', 'tokens', 'trajectories', 'groups', 'plans', 'iterations', 'problems', 'problemPositions'],
  ...['problemTallies', 'batches', 'events', 'eventKeys', 'unfinished', 'awaiting', 'complete', 'items'],
  ...['itemTables', 'fills', 'recounts', 'deadLetters'],
];

t.test('which runs go: those that are over, beyond the newest, after a while', async (t) => {
  const run = (id: string, state: RunState, restedAtMs: number): RestingRun => ({ id, state, restedAtMs });
  const runs = [
    run('old', 'finished', 1),
    run('older', 'stopped', 0),
    run('paused', 'paused', 0),
    run('failed', 'failed', 0),
    run('created', 'created', 0),
    run('running', 'running', 0),
    run('new', 'finished', 10 * hourMs),
    run('newest', 'finished', 11 * hourMs),
  ];
  const at = (finishedRuns: number | null, minAgeHours: number, nowMs = 12 * hourMs) =>
    runsToRetire(runs, { finishedRuns, minAgeHours }, nowMs);
  t.strictSame(at(null, 0), []);
  t.strictSame(at(0, 0), ['older', 'old', 'new', 'newest']);
  t.strictSame(at(0, 2), ['older', 'old', 'new']);
  t.strictSame(at(1, 2), ['older', 'old', 'new']);
  t.strictSame(at(2, 0), ['older', 'old']);
  t.strictSame(at(3, 0), ['older']);
  t.strictSame(at(0, 100), []);
});

async function setState(store: ReplayStore, id: string, state: RunState): Promise<void> {
  const run = store.getRun(id);
  await store.putRun({ ...run, state }, run.revision);
}

/** A run with an iteration that was trained on, one that is open, an event, an item and a dead letter. */
async function addFullRun(store: ReplayStore): Promise<void> {
  await addRun(store);
  await open(store, 0, { groups: [[0, 4]] });
  for (let index = 0; index < 4; index++) await finish(store, member(0, index), index % 2);
  await end(store, 0);
  await open(store, 1, { groups: [[1, 3]] });
  await store.appendSegment(runId, segment(store, member(1, 0), 'budget'));
  await store.appendSegment(runId, segment(store, member(1, 1), 'stop'));
  const tokens = new Int32Array(0);
  const error = { tokens, logProbs: new Float32Array(0), lostTries: 5 };
  await store.appendSegment(runId, segment(store, member(1, 2), 'error', error));
  await store.appendEvent({ runId, kind: 'note', bodyJson: '{}', atMs: 5, key: 'once' });
  await store.items.insert(refOf('some'), [itemOf(0)], { waitMs: 0 });
}

t.test('the records of a run that is over go, those of others stay, and the counters of both', async (t) => {
  const folder = temporaryFolder();
  const clock = { nowMs: 0 };
  const store = storeWith(folder, { some: {} }, { now: () => clock.nowMs });
  t.teardown(async () => {
    await store.close();
    removeFolder(folder);
  });
  await addFullRun(store);
  await store.putRun(runRecord('other'), null);
  await store.appendEvent({ runId: 'other', kind: 'note', bodyJson: '{}', atMs: 5, key: '' });
  await setState(store, 'other', 'paused');
  const before = store.statistics(runId);
  t.strictSame(before.deadLettersByKind, { trajectory: 1, score: 0, message: 0 });
  const records = () => recordsOf(folder, bulk).filter(({ key }) => String(key[0]).includes(runId));
  const all = records();
  const empty = bulk.filter((name) => !all.some(({ table }) => table === name));
  t.strictSame(empty, ['complete', 'fills', 'recounts'], 'what this run has no rows of');

  clock.nowMs = 10 * hourMs;
  t.strictSame((await store.retire(rules)).runs, [], 'it goes on');
  await setState(store, runId, 'stopped');
  t.strictSame((await store.retire({ ...rules, finishedRuns: null })).runs, []);
  t.strictSame((await store.retire({ ...rules, finishedRuns: 1 })).runs, []);
  t.strictSame((await store.retire({ ...rules, minAgeHours: 11 })).runs, []);
  t.strictSame(records(), all);
  t.strictSame((await store.retire(rules)).runs, [runId]);
  t.strictSame(records(), []);
  t.equal(recordsOf(folder, bulk).length, 1, 'the event of the other run');

  t.match(store.getRun(runId), { state: 'stopped', trainProblems: 4 });
  t.strictSame(store.statistics(runId), {
    ...before,
    deadLettersByKind: { ...before.deadLettersByKind, trajectory: 0 },
    bytesOnDisk: store.bytesOnDisk(),
    runsRetired: 1,
  });
  t.strictSame(store.countRuns(), { kept: 1, retired: 1 });
  t.strictSame([...store.listEvents(runId, 0)], []);
  t.strictSame([...store.listTrajectories(runId)], []);
  t.throws(() => store.getIteration(runId, null), code('NOT_FOUND'));
  const gone = { code: 'FAILED_PRECONDITION', message: /records were removed/ };
  await t.rejects(store.appendEvent({ runId, kind: 'note', bodyJson: '{}', atMs: 0, key: '' }), gone);
  await t.rejects(store.putProblems({ runId, batchId: 'more' }, []), gone);
  await t.rejects(open(store, 0), gone);
  t.strictSame(store.items.statistics(refOf('some')).size, 0);
  for await (const { damage } of store.keeper.check(null, false)) t.equal(damage, null, 'nothing is missed');
  t.strictSame((await store.retire(rules)).runs, [], 'once');
});

t.test('a run whose last event is damaged is no older than the event before that', async (t) => {
  const folder = temporaryFolder();
  const clock = { nowMs: 1 };
  let store = storeWith(folder, {}, { now: () => clock.nowMs });
  t.teardown(async () => {
    await store.close();
    removeFolder(folder);
  });
  await addRun(store);
  await setState(store, runId, 'finished');
  clock.nowMs = 10 * hourMs;
  for (const atMs of [clock.nowMs - 2, clock.nowMs - 1]) {
    await store.appendEvent({ runId, kind: 'note', bodyJson: '{}', atMs, key: '' });
  }
  const reopen = async (harmed: number) => {
    await store.close();
    harm(folder, { table: 'events', key: [runId, harmed] });
    store = storeWith(folder, {}, { now: () => clock.nowMs });
  };
  await reopen(2);
  t.strictSame((await store.retire(rules)).runs, []);
  for await (const _ of store.keeper.check(null, true));
  t.match([...store.listEvents(runId, 1)], [{ kind: 'lost' }], 'it is told as lost, without a time');
  t.strictSame((await store.retire(rules)).runs, []);
  await reopen(1);
  clock.nowMs = 100 * hourMs;
  t.strictSame((await store.retire(rules)).runs, [], 'nothing says how old it is');
});

t.test('a store that is killed on the way goes on where it was', async (t) => {
  const folder = temporaryFolder();
  t.teardown(() => removeFolder(folder));
  let store = storeWith(folder, { some: {} }, { now: () => 10 * hourMs });
  await addFullRun(store);
  await setState(store, runId, 'finished');
  await store.close();
  // As after a kill: marked, and some rows are gone.
  const { markRetired, removeSome } = await import('../dist/retire.js');
  const { openTables } = await import('../dist/tables.js');
  const tables = openTables(folder);
  const context = { tables, nowMs: 0, note: () => undefined };
  tables.transact(() => {
    markRetired(context, runId);
    t.equal(removeSome(context, runId, 5), 5);
  });
  await tables.close();
  t.ok(recordsOf(folder, bulk).length > 10);

  const damages: string[] = [];
  store = openStore(folder, { now: () => 10 * hourMs, onDamage: ({ what }) => damages.push(what) });
  const { runs } = await store.retire(rules);
  t.strictSame(runs, [runId], 'chosen before, gone now');
  t.strictSame((await store.retire(rules)).runs, [], 'and told once');
  t.strictSame(damages, []);
  t.strictSame(recordsOf(folder, bulk), []);
  await store.close();
});
