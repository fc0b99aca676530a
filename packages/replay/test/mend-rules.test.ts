/**
 * What a mending must not do: train on a group twice, leave indexes behind, forget what no record says, or overwrite what is whole. That every
 * damage is found is in mend.test.ts.
 */
import t from 'tap';
import { harm } from './support/damage.js';
import { finishedRun, lookThrough } from './support/finished-run.js';
import { end, failedTry, finish, member, open, problem, runId, stateOf } from './support/fixtures.js';

const groupRow = (index: number) => ({ table: 'groups', key: [runId, index] });

t.test('whoever listens to a mending goes away in the middle: its indexes are made anew all the same', async (t) => {
  const { store, folder } = await finishedRun(t, [], async (store) => {
    await open(store, 1, { groups: [[1, 2]] });
    await finish(store, member(1, 0), 1);
    await finish(store, member(1, 1), 0);
  });
  harm(folder, { table: 'tokens', key: [runId, 1, 0, 0] });
  // The store reads one state of the file within a turn.
  await new Promise(setImmediate);
  for await (const { damage } of store.keeper.check(runId, true)) if (damage !== null) break;
  t.match([...store.listUnfinished(runId)], [{ id: member(1, 0) }]);
  t.equal([...store.completeGroups(runId, null)].length, 0);
  t.match(store.getIteration(runId, 1).progress, { completeGroups: 0, openTrajectoryIds: [member(1, 0)] });
  t.same(await lookThrough(store, false), []);
});

t.test('a problem is lost: further ones do not take the place of those behind it', async (t) => {
  const { store } = await finishedRun(t, [
    { table: 'problems', key: [runId, 2] },
    { table: 'counters', key: [runId] },
  ]);
  await lookThrough(store, true);
  await store.putProblems({ runId, batchId: 'second' }, [problem('p4')]);
  await open(store, 1, { groups: [[3, 1]] });
  t.same([...store.getTrajectory(member(3, 0)).promptTokens], [4, 5, 6]);
});

t.test('a problem that was given up stays so when counters are made anew', async (t) => {
  const counters = { table: 'counters', key: [runId] };
  const { store, damages } = await finishedRun(t, [counters], async (store) => {
    await open(store, 1, { groups: [[1, 1]] });
    await store.appendSegment(runId, { ...failedTry(store, member(1, 0), 0), lostTries: 5 });
  });
  t.match(damages, [{ what: 'counters and indexes' }]);
  t.match([...store.listProblems(runId, null)][1], { givenUp: true, requeued: false });
});

t.test('a group that was left out is not there for another batch when its row is lost', async (t) => {
  const { store, damages } = await finishedRun(t, [groupRow(1)], async (store) => {
    await open(store, 1, { groups: [[1, 2]] });
    await finish(store, member(1, 0), 1);
    await finish(store, member(1, 1), 1);
    await end(store, 1, { versionOut: 1 });
  });
  t.match(damages, [{ what: `group ${runId}-g1`, mending: 'rebuilt' }]);
  t.match(store.statistics(runId), { groupsFiltered: 1, groupsComplete: 0, groupsConsumed: 1 });
});

t.test('whether a group was trained on cannot be known: it is not trained on', async (t) => {
  const { store, damages } = await finishedRun(t, [groupRow(0), { table: 'iterations', key: [runId, 0] }]);
  t.match(
    damages.find(({ what }) => what === `group ${runId}-g0`),
    { mending: 'none', detail: /what became of it cannot be told/ },
  );
  t.equal(store.statistics(runId).groupsComplete, 0);
});

t.test('a group and a member are lost: it has its size, and waits for that member', async (t) => {
  const records = [groupRow(1), { table: 'trajectories', key: [runId, 1, 1] }];
  const { store } = await finishedRun(t, records, async (store) => {
    await open(store, 1, { groups: [[1, 2]] });
    await finish(store, member(1, 0), 1);
  });
  t.equal(stateOf(store, member(1, 1)), 'pending');
  t.equal(store.statistics(runId).groupsComplete, 0);
  await finish(store, member(1, 1), 0);
  t.match([...store.completeGroups(runId, null)], [{ group: { size: 2 }, trajectories: { length: 2 } }]);
});

t.test('a dead letter that cannot be read is dropped, by whoever looks or by its id', async (t) => {
  const letterOf = (index: number) => `trajectory-${member(1, index)}`;
  const letter = (index: number) => ({ table: 'deadLetters', key: [letterOf(index)] });
  const { store } = await finishedRun(t, [letter(0), letter(1)], async (store) => {
    await open(store, 1, { groups: [[1, 3]] });
    for (const index of [0, 1, 2]) {
      await store.appendSegment(runId, { ...failedTry(store, member(1, index), 0), lostTries: 5 });
    }
  });
  t.match(await store.dropDeadLetter(letterOf(0)), { kind: 'trajectory', subject: member(1, 0), reason: /checksum/ });
  const list = () => store.keeper.during(() => store.deadLetters(''));
  await t.rejects(list(), { code: 'UNAVAILABLE', message: /try again/ });
  t.match(await list(), [{ id: letterOf(2) }]);
});

t.test('a member that had failed is not begun again in a group that was trained on', async (t) => {
  const { store } = await finishedRun(t, [{ table: 'trajectories', key: [runId, 1, 2] }], async (store) => {
    await open(store, 1, { groups: [[1, 3]] });
    await finish(store, member(1, 0), 1);
    await finish(store, member(1, 1), 0);
    await store.appendSegment(runId, { ...failedTry(store, member(1, 2), 0), lostTries: 5 });
    await end(store, 1);
  });
  t.match(await lookThrough(store, true), [{ what: `trajectory ${member(1, 2)}`, mending: 'rebuilt' }]);
  t.equal(stateOf(store, member(1, 2)), 'failed');
  t.same([...store.listUnfinished(runId)], []);
});
