/**
 * Damage that nothing mends, met at start: the store starts, tells it, refuses what needs it, and goes on with everything else. What is mended is in
 * mend.test.ts.
 */
import t from 'tap';
import { finishedRun, lookThrough } from './support/finished-run.js';
import { finish, member, open, problem, runId } from './support/fixtures.js';
import { code } from './support/fresh-store.js';

for (const record of [
  { table: 'trajectories', key: [runId, 0, 1] },
  { table: 'segments', key: [runId, 0, 1, 0] },
]) {
  t.test(`history is rotten (${record.table}): the store starts and the run goes on`, async (t) => {
    const { store } = await finishedRun(t, [record]);
    t.match(store.getIteration(runId, null), { state: 'committed', progress: { committedTasks: 2 } });
    await open(store, 1, { groups: [[1, 1]] });
    await finish(store, member(1, 0), 1);
    t.match(store.getIteration(runId, 1).progress, { committedTasks: 1, completeGroups: 1 });
    t.match(await lookThrough(store, true), [{ what: `trajectory ${member(0, 1)}` }]);
    t.match(store.getIteration(runId, 1).progress, { committedTasks: 1, completeGroups: 1 }, 'also after a mending');
  });
}

for (const record of [
  { table: 'runs', key: [runId] },
  { table: 'iterations', key: [runId, 0] },
]) {
  t.test(`a run cannot be read (${record.table}): it is refused and told, others go on`, async (t) => {
    const { store, damages } = await finishedRun(t, [record]);
    t.ok(damages.every(({ mending }) => mending === 'none') && damages.length > 0);
    t.ok(store.keeper.standing.some(({ what, detail }) => what === 'progress of the run' && /restore/.test(detail)));
    await t.rejects((async () => store.getIteration(runId, null))(), code('DATA_LOSS'));
    t.ok(store.listRuns().some(({ id }) => id === 'other'));
    const header = { runId: 'other', batchId: 'first' };
    t.match(await store.putProblems(header, [problem('p')]), { accepted: 1 });
    t.match(await lookThrough(store, true), damages.slice(0, 1), 'and the store can be looked through');
  });
}
