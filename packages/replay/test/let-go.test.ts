/** What a store that lives long keeps in memory: nothing of runs that are over, whose rows and tables can be read all the same. */
import { groupId, trajectoryId } from '@segue/core';
import type { ReplayStore } from '@segue/replay';
import t from 'tap';
import {
  openStore,
  problem,
  removeFolder,
  runRecord,
  segmentAfter,
  temporaryFolder,
  verdict,
} from './support/fixtures.js';
import { freshStore } from './support/fresh-store.js';
import { atOnce, patiently, storeWith } from './support/item-world.js';

/** A run with a group of two in its open iteration 0. */
async function begin(store: ReplayStore, runId: string) {
  const record = await store.putRun(runRecord(runId), null);
  await store.putProblems({ runId, batchId: 'all' }, [problem('p0')]);
  const group = { id: groupId(runId, 0), runId, index: 0, problemId: 'p0', size: 2, iteration: 0 };
  const ids = [0, 1].map((member) => trajectoryId(group.id, member));
  const tasks = ids.map((id) => ({
    trajectoryId: id,
    groupId: group.id,
    problemId: 'p0',
    segmentIndex: 0,
    lastSpan: false,
  }));
  await store.openIteration({ runId, iteration: 0, policyVersion: 0, maxAttempts: 3, newGroups: [group], tasks });
  const [first = '', last = ''] = ids;
  return { record, first, last };
}

/** A run of one iteration. Answers how to judge its last response, which commits nothing of the iteration. */
async function goThrough(store: ReplayStore, runId: string, state: 'finished' | 'stopped' | 'paused') {
  const { record, first, last } = await begin(store, runId);
  for (const id of [first, last]) await store.appendSegment(runId, segmentAfter(store.getTrajectory(id), 'stop'));
  await store.recordScore(runId, verdict(first, 1));
  await store.closeIteration({ runId, iteration: 0 });
  await store.freezeBatch({ runId, iteration: 0, maxGroups: 0, minUsable: 2, keepEqual: false });
  await store.commitIteration({ runId, iteration: 0, policyVersionOut: 0, metricsJson: '{}' });
  await store.putRun({ ...record, state }, record.revision);
  return () => store.recordScore(runId, verdict(last, 0));
}

t.test('segments of a run that is over, committed together, are counted once', async (t) => {
  const store = freshStore(t);
  await begin(store, 'late');
  const run = store.getRun('late');
  await store.putRun({ ...run, state: 'stopped' }, run.revision);
  t.equal(store.inMemory().runs, 0);
  const late = [0, 1].map((member) => store.getTrajectory(trajectoryId(groupId('late', 0), member)));
  await Promise.all(late.map((trajectory) => store.appendSegment('late', segmentAfter(trajectory, 'stop'))));
  const { generatedTokens, committedTasks } = store.getIterationProgress('late', 0);
  const tokens = late.map(({ id }) => store.getTrajectory(id).segments[0]?.tokens.length ?? 0);
  t.equal(generatedTokens, (tokens[0] ?? 0) + (tokens[1] ?? 0));
  t.equal(committedTasks, 2);
});

t.test('runs that are over cost no memory, however many there were', async (t) => {
  const store = freshStore(t);
  for (let i = 0; i < 20; i++) {
    const judgeLast = await goThrough(store, `run-${i}`, i % 2 === 0 ? 'finished' : 'stopped');
    t.equal(store.inMemory().runs, 1, 'the last response of the run waits for its verdict');
    t.same([...store.awaitingScore().keys()], [`run-${i}`]);
    await judgeLast();
    t.same(store.inMemory(), { runs: 0, rows: 0, tables: 0 });
  }
  t.match(store.getIterationProgress('run-3', 0), { committedTasks: 2, finishedTrajectories: 2 }, 'read from the file');
  t.equal(store.getTrajectory('run-3-g0-t1').score?.reward, 0);
  t.equal([...store.completeGroups('run-3', null)].length, 1);
});

t.test('what was read of a run after it was over leaves the memory with its records', async (t) => {
  const store = freshStore(t);
  await (await goThrough(store, 'run', 'finished'))();
  t.equal(store.getTrajectory('run-g0-t0').promptTokens.length, 3);
  t.ok(store.inMemory().rows > 0, 'kept, as far as there is room');
  t.same((await store.retire({ finishedRuns: 0, minAgeHours: 0 })).runs, ['run']);
  t.same(store.inMemory(), { runs: 0, rows: 0, tables: 0 });
});

t.test('a run that was stopped in mid-iteration is over, and asking about it takes nothing up again', async (t) => {
  const folder = temporaryFolder();
  t.teardown(() => removeFolder(folder));
  const before = openStore(folder);
  const runId = 'halfway';
  const { record, first, last } = await begin(before, runId);
  await before.appendSegment(runId, segmentAfter(before.getTrajectory(first), 'stop'));
  await before.recordScore(runId, verdict(first, 1));
  t.equal(before.inMemory().runs, 1);
  await before.putRun({ ...record, state: 'stopped' }, record.revision);
  t.same(before.inMemory(), { runs: 0, rows: 0, tables: 0 });
  const { committedTasks, openTrajectoryIds } = before.getIterationProgress(runId, 0);
  t.same([committedTasks, openTrajectoryIds], [1, [last]]);
  t.equal(before.inMemory().runs, 0, 'read from the file');
  // What an actor still had in hand comes late.
  await before.appendSegment(runId, segmentAfter(before.getTrajectory(last), 'stop'));
  t.equal(before.getIterationProgress(runId, 0).committedTasks, 2, 'counted once');
  await before.recordScore(runId, verdict(last, 0));
  t.equal(before.inMemory().runs, 0);
  await before.close();
  const after = openStore(folder);
  t.teardown(() => after.close());
  t.equal(after.inMemory().runs, 0);
  t.equal(after.getIterationProgress(runId, 0).committedTasks, 2);
});

t.test('a run that may go on stays, and a run that is over is not taken up at a start', async (t) => {
  const folder = temporaryFolder();
  t.teardown(() => removeFolder(folder));
  const before = openStore(folder);
  await (await goThrough(before, 'over', 'finished'))();
  await (await goThrough(before, 'rests', 'paused'))();
  await goThrough(before, 'waits', 'finished');
  t.equal(before.inMemory().runs, 2);
  const { rows } = before.inMemory();
  t.ok(rows > 0);
  await before.close();
  const after = openStore(folder);
  t.teardown(() => after.close());
  t.equal(after.inMemory().runs, 2, 'the paused one, and the one with a verdict to come');
  t.same([...after.awaitingScore().get('waits')!.keys()], ['waits-g0-t1']);
});

t.test('tables of runs that are over cost no memory while nobody uses them', async (t) => {
  const folder = temporaryFolder();
  const tables = { judged: { fill: 'trajectories', sampler: 'fifo', maxTimesSampled: 2 } };
  const clock = { nowMs: 3_600_000 };
  const store = storeWith(folder, tables, { now: () => clock.nowMs });
  t.teardown(async () => {
    await store.close();
    removeFolder(folder);
  });
  /** What is left of the tables after a while in which nobody used them. */
  const later = (waitedMs = 600_000) => {
    clock.nowMs += waitedMs;
    store.letGoOfTables();
    return store.inMemory().tables;
  };
  const judgeLast = await goThrough(store, 'run', 'finished');
  await (await goThrough(store, 'other', 'paused'))();
  t.equal(later(), 2, 'one may go on, the other waits for a verdict');
  await judgeLast();
  const of = { runId: 'run', table: 'judged' };
  // The table has not taken in what the verdict made fit.
  t.equal(later(), 2, 'what is to be inserted is not let go of');
  // A turn of its own, after that one.
  await store.items.removeItems(of, ['nobody']);
  t.equal(later(), 1);

  const counts = { size: 2, inserts: 2, samples: 0 };
  t.match(store.items.statistics(of), counts, 'read from the file');
  for (let looks = 0; looks < 59; looks++) t.equal(later(10_000), 2, 'it was used a while ago');
  t.match(store.items.statistics(of), counts);
  t.equal(later(599_999), 2, 'and once more');
  t.equal(later(1), 1);
  for (const ref of ['run-g0-t0', 'run-g0-t1']) {
    for (let times = 1; times <= 2; times++) {
      t.match(await store.items.sample(of, 1, atOnce), [{ item: { ref, timesSampled: times } }]);
      t.equal(later(), 1);
    }
  }
  const leaving = new AbortController();
  const waiting = store.items.sample(of, 1, { ...patiently, signal: leaving.signal });
  t.equal(later(), 2, 'somebody waits for it');
  leaving.abort();
  await t.rejects(Promise.resolve(waiting), { code: 'CANCELLED' });
  t.equal(later(), 1);

  t.equal(store.items.statistics(of).samples, 4);
  t.same((await store.retire({ finishedRuns: 0, minAgeHours: 0 })).runs, ['run']);
  t.equal(later(), 1, 'and after its records are gone');
});
