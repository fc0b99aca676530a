/** Groups on their way to a policy version: verdicts, complete groups, frozen batches, committed iterations, and draws from what is judged. */
import t from 'tap';
import {
  addRun,
  end,
  failedTry,
  failedVerdict,
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
import { code, freshStore } from './support/fresh-store.js';

t.test('a group trains only when all its members are terminal and judged', async (t) => {
  const store = freshStore(t);
  await addRun(store);
  await open(store, 0, { groups: [[0, 3]] });
  await finish(store, member(0, 0), 1);
  await finish(store, member(0, 1), 0);
  await store.appendSegment(runId, segment(store, member(0, 2), 'budget'));
  t.match(
    await end(store, 0),
    { batchGroupIds: { length: 0 }, policyVersionOut: 0 },
    'one member goes on: nothing trains',
  );
  await open(store, 1, { policyVersion: 0 });
  await store.appendSegment(runId, segment(store, member(0, 2), 'stop'));
  const { progress } = store.getIteration(runId, 1);
  t.match(progress, { awaitingScore: 1, completeGroups: 0 }, 'over, not yet judged');
  await store.recordScore(runId, verdict(member(0, 2), 0));
  t.match(store.getIteration(runId, 1).progress, { awaitingScore: 0, completeGroups: 1, usefulGroups: 1 });
  t.match(await end(store, 1), { batchGroupIds: ['run-g0'], policyVersionOut: 1 });
});

t.test('a group waits for verdicts alone when none of its members is still to be generated', async (t) => {
  const folder = temporaryFolder();
  let store = openStore(folder);
  t.teardown(async () => {
    await store.close();
    removeFolder(folder);
  });
  await addRun(store);
  await open(store, 0, { groups: sized(2, 2) });
  const waiting = (iteration: number) => {
    const { awaitingScore, groupsAwaitingScore } = store.getIterationProgress(runId, iteration);
    return [awaitingScore, groupsAwaitingScore];
  };
  const restarted = async () => {
    await store.close();
    store = openStore(folder);
  };
  await store.appendSegment(runId, segment(store, member(0, 0), 'stop'));
  t.strictSame(waiting(0), [1, 0], 'its sibling is not begun');
  await store.appendSegment(runId, segment(store, member(0, 1), 'budget'));
  t.strictSame(waiting(0), [1, 0], 'its sibling goes on');
  await finish(store, member(1, 0), 1);
  await store.appendSegment(runId, segment(store, member(1, 1), 'stop'));
  t.strictSame(waiting(0), [2, 1], 'one member is judged, the other is not');
  await restarted();
  t.strictSame(waiting(0), [2, 1], 'counted anew');
  await end(store, 0);
  await open(store, 1, { policyVersion: 0, resume: [] });
  t.strictSame(waiting(1), [2, 1], 'the plan leaves it out, and it is still to be generated');
  await end(store, 1);
  await open(store, 2, { policyVersion: 0, maxAttempts: 1 });
  await store.appendSegment(runId, failedTry(store, member(0, 1), 0));
  t.strictSame(waiting(2), [2, 2], 'given up: its group goes without it');
  await store.recordScore(runId, verdict(member(0, 0), 1));
  await store.recordScore(runId, verdict(member(1, 1), 0));
  t.strictSame(waiting(2), [0, 0]);
});

t.test('a group whose member is to be generated again waits for more than verdicts', async (t) => {
  const store = freshStore(t);
  await addRun(store);
  await open(store, 0, { groups: sized(2, 2), maxAttempts: 1 });
  const waiting = () => store.getIterationProgress(runId, 1).groupsAwaitingScore;
  // One is given up before its first segment, the other after it.
  await store.appendSegment(runId, failedTry(store, member(0, 1), 0));
  await store.appendSegment(runId, segment(store, member(1, 1), 'budget'));
  await end(store, 0);
  await open(store, 1, { policyVersion: 0, maxAttempts: 1 });
  await store.appendSegment(runId, failedTry(store, member(1, 1), 0));
  for (const group of [0, 1]) await store.appendSegment(runId, segment(store, member(group, 0), 'stop'));
  t.equal(waiting(), 2);
  for (const group of [0, 1]) {
    t.equal(await store.requeueDeadLetter(`trajectory-${member(group, 1)}`), 'generated-again');
    t.equal(waiting(), 1 - group);
  }
});

t.test('a group is consumed by exactly one policy version, recorded with it in one transaction', async (t) => {
  const store = freshStore(t);
  await addRun(store);
  await open(store, 0, {
    groups: sized(2, 2),
  });
  for (const group of [0, 1]) {
    await finish(store, member(group, 0), 1);
    await finish(store, member(group, 1), 0);
  }
  const committed = await end(store, 0, { maxGroups: 1 });
  t.match(committed, { state: 'committed', policyVersionOut: 1, batchGroupIds: ['run-g0'] }, 'oldest first');
  t.match(store.statistics(runId), { groupsConsumed: 1, groupsComplete: 1 }, 'what is left over waits');
  const { trajectoriesByState } = store.statistics(runId);
  t.equal(store.trajectoriesOfRunning().scored, 0, 'the run is not running');
  await store.putRun({ ...store.getRun(runId), state: 'running' }, store.getRun(runId).revision);
  t.match(store.trajectoriesOfRunning(), { ...trajectoriesByState, pending: 0, failed: 0 });
  t.match(await store.commitIteration({ runId, iteration: 0, policyVersionOut: 1, metricsJson: 'again' }), {
    metricsJson: '{}',
    policyVersionOut: 1,
  });
  await t.rejects(
    store.commitIteration({ runId, iteration: 0, policyVersionOut: 2, metricsJson: '{}' }),
    code('FAILED_PRECONDITION'),
    'another version is refused',
  );
  await open(store, 1, { policyVersion: 1 });
  t.same((await end(store, 1)).batchGroupIds, ['run-g1'], 'the consumed one is not offered again');
  t.match(store.statistics(runId), { groupsConsumed: 2, groupsComplete: 0 });
});

t.test('the first frozen batch stays, also when more groups complete before the commit', async (t) => {
  const store = freshStore(t);
  await addRun(store);
  await open(store, 0, {
    groups: sized(2, 2),
  });
  await finish(store, member(0, 0), 1);
  await finish(store, member(0, 1), 0);
  for (const i of [0, 1]) await store.appendSegment(runId, segment(store, member(1, i), 'stop'));
  const freeze = () => store.freezeBatch({ runId, iteration: 0, maxGroups: 0, minUsable: 2, keepEqual: false });
  await t.rejects(freeze(), code('FAILED_PRECONDITION'), 'an open iteration has no batch');
  await store.closeIteration({ runId, iteration: 0 });
  t.same((await freeze()).batchGroupIds, ['run-g0']);
  await store.recordScore(runId, verdict(member(1, 0), 1));
  await store.recordScore(runId, verdict(member(1, 1), 0));
  t.same((await freeze()).batchGroupIds, ['run-g0']);
  t.match(store.getIteration(runId, 0), { state: 'frozen', progress: { completeGroups: 1 } });
});

t.test('groups are counted in order up to the first that owes a segment or a verdict', async (t) => {
  const store = freshStore(t);
  await addRun(store);
  await open(store, 0, {
    groups: sized(2, 2, 2),
  });
  const progress = () => store.getIteration(runId, 0).progress;
  for (const group of [0, 2]) for (const i of [0, 1]) await finish(store, member(group, i), i);
  t.match(progress(), { usefulGroups: 2, usefulGroupsInOrder: 1 }, 'group 1 owes both its segments');
  await store.appendSegment(runId, segment(store, member(1, 0), 'budget'));
  t.match(progress(), { usefulGroups: 2, usefulGroupsInOrder: 1 });
  await store.appendSegment(runId, segment(store, member(1, 1), 'stop'));
  t.match(progress(), { usefulGroups: 2, usefulGroupsInOrder: 1 }, 'it waits for a verdict');
  await store.recordScore(runId, verdict(member(1, 1), 0));
  t.match(progress(), { usefulGroups: 2, usefulGroupsInOrder: 2 }, 'it cannot be complete before the next iteration');
  t.match(await end(store, 0), { batchGroupIds: { length: 2 } });
  await open(store, 1, { policyVersion: 1 });
  t.match(store.getIteration(runId, 1).progress, { usefulGroups: 0, usefulGroupsInOrder: 0 });
});

t.test('an iteration without a complete group trains nothing and keeps its version', async (t) => {
  const store = freshStore(t);
  await addRun(store);
  await open(store, 0, { groups: [[0, 2]] });
  await store.closeIteration({ runId, iteration: 0 });
  const commit = (policyVersionOut: number) =>
    store.commitIteration({ runId, iteration: 0, policyVersionOut, metricsJson: '' });
  await t.rejects(commit(0), code('FAILED_PRECONDITION'), 'not before its batch is frozen');
  const frozen = await store.freezeBatch({ runId, iteration: 0, maxGroups: 0, minUsable: 2, keepEqual: false });
  t.same(frozen.batchGroupIds, [], 'an empty batch is an answer');
  await t.rejects(commit(1), code('FAILED_PRECONDITION'));
  t.match(await commit(0), { state: 'committed', policyVersion: 0, policyVersionOut: 0 });
});

t.test('groups whose rewards are all equal or with too few usable members are filtered and counted', async (t) => {
  const store = freshStore(t);
  await addRun(store);
  await open(store, 0, {
    groups: sized(2, 2, 2),
    maxAttempts: 1,
  });
  for (const i of [0, 1]) await finish(store, member(0, i), 1);
  await finish(store, member(1, 0), 1);
  await store.appendSegment(runId, failedTry(store, member(1, 1), 0));
  await finish(store, member(2, 0), 0.25);
  await finish(store, member(2, 1), 0.75);
  t.match(store.getIteration(runId, 0).progress, { completeGroups: 3, usefulGroups: 1 });
  const record = await end(store, 0);
  t.match(record, { batchGroupIds: ['run-g2'], filteredEqual: 1, filteredUnusable: 1 });
  t.match(store.statistics(runId), { groupsFiltered: 2, groupsConsumed: 1, groupsComplete: 0, groupsOpen: 0 });
});

t.test('a batch that no version came of is left out, not consumed', async (t) => {
  const store = freshStore(t);
  await addRun(store);
  await open(store, 0, { groups: [[0, 2]] });
  await finish(store, member(0, 0), 1);
  await finish(store, member(0, 1), 0);
  await end(store, 0, { versionOut: 0 });
  t.match(store.statistics(runId), { groupsFiltered: 1, groupsConsumed: 0 });
});

t.test('a failed verdict is tried again, masks the trajectory in the end, and is never a reward of zero', async (t) => {
  const store = freshStore(t);
  await addRun(store);
  await open(store, 0, { groups: [[0, 3]] });
  const id = member(0, 0);
  await t.rejects(store.recordScore(runId, verdict(id, 1)), code('FAILED_PRECONDITION'), 'not before it is over');
  for (const i of [0, 1, 2]) await store.appendSegment(runId, segment(store, member(0, i), 'stop'));
  await t.rejects(store.recordScore(runId, verdict(id, 0, { status: 'error' })), code('INVALID_INPUT'));
  await t.rejects(store.recordScore(runId, verdict(id, 0, { reward: null })), code('INVALID_INPUT'));
  await t.rejects(store.recordScore(runId, verdict(id, Number.NaN)), code('INVALID_INPUT'));

  t.equal((await store.recordScore(runId, failedVerdict(id, 1))).recorded, true);
  t.equal((await store.recordScore(runId, failedVerdict(id, 1))).recorded, false, 'delivered twice, counted once');
  t.equal(store.awaitingScore().get(runId)?.get(id), 1, 'it still waits for a verdict');
  await store.recordScore(runId, failedVerdict(id, 2));
  t.equal(stateOf(store, id), 'finished');
  await store.recordScore(runId, failedVerdict(id, 3));
  t.equal(stateOf(store, id), 'failed');
  t.equal(store.getTrajectory(id).score?.reward, null);
  t.equal((await store.recordScore(runId, verdict(id, 1))).recorded, false, 'and that is final');

  await store.recordScore(runId, failedVerdict(member(0, 1), 1));
  await store.recordScore(runId, verdict(member(0, 1), 1));
  const second = await store.recordScore(runId, verdict(member(0, 1), 0));
  t.same(second, { recorded: false, kept: verdict(member(0, 1), 1) }, 'the first judged one is kept');
  await store.recordScore(runId, verdict(member(0, 2), 0));
  const [record] = store.listProblems(runId, null);
  t.match(record, { attempts: 2, successes: 1, openGroups: 0, lastIteration: 0 }, 'failed ones are no attempts');
});

t.test('iterations follow each other: the first plan wins, and the next waits for the commit', async (t) => {
  const store = freshStore(t);
  await addRun(store);
  await t.rejects(open(store, 1), code('FAILED_PRECONDITION'), 'not before the first');
  const first = await open(store, 0, { groups: [[0, 2]] });
  t.match(first, { state: 'open', policyVersion: 0, tasks: { length: 2 } });
  const again = await open(store, 0, { groups: [[1, 2]] });
  t.same(again.tasks, first.tasks, 'the first plan comes back');
  t.equal(store.statistics(runId).groupsOpen, 1);
  await t.rejects(open(store, 1), code('FAILED_PRECONDITION'), 'not before the commit');
  await end(store, 0);
  await t.rejects(open(store, 1, { policyVersion: 3 }), code('FAILED_PRECONDITION'), 'not under another version');
  await t.rejects(
    open(store, 1, { policyVersion: 0, groups: [[0, 2]] }),
    code('INVALID_INPUT'),
    'not with an old group',
  );
  await t.rejects(
    open(store, 1, { policyVersion: 0, groups: [[9, 2]] }),
    code('NOT_FOUND'),
    'not of an unknown problem',
  );
  t.throws(() => store.getIteration(runId, 1), code('NOT_FOUND'), 'a refused plan leaves nothing behind');
  await open(store, 1, { policyVersion: 0 });
  t.same(
    [...store.listIterations(runId, 1)].map(({ iteration }) => iteration),
    [1],
  );
  t.equal(store.getIteration(runId, null).iteration, 1);
});

t.test('training data leaves the store in a shuffled, seeded order', async (t) => {
  const groups = Array.from({ length: 8 }, (_, i) => [i, 2] as const);
  const orderOf = async (seed: number) => {
    const store = freshStore(t);
    await addRun(store, 8, { seed });
    await open(store, 0, { groups });
    for (const [index] of groups) {
      await finish(store, member(index, 0), 1);
      await finish(store, member(index, 1), 0);
    }
    const waiting = [...store.completeGroups(runId, null)].map(({ group }) => group.index);
    t.same(waiting, [0, 1, 2, 3, 4, 5, 6, 7], 'those that wait: oldest first');
    await end(store, 0);
    return [...store.completeGroups(runId, 0)].map(({ group }) => group.index);
  };
  const one = await orderOf(1);
  t.same([...one].sort(), [0, 1, 2, 3, 4, 5, 6, 7]);
  t.not(one.join(), '0,1,2,3,4,5,6,7', 'shuffled');
  t.same(await orderOf(1), one, 'the same for the same seed');
  t.notSame(await orderOf(2), one);
});

t.test('sample draws judged trajectories by selector and tells each probability', async (t) => {
  const store = freshStore(t);
  await addRun(store);
  await open(store, 0, {
    groups: sized(4, 4),
  });
  for (const i of [0, 1, 2, 3]) await finish(store, member(0, i), 1);
  for (const i of [0, 1, 2]) await finish(store, member(1, i), 0);
  const sample = (selector: 'uniform' | 'fifo' | 'lifo' | 'prioritized', count: number, seed = 1) =>
    store.sample({ runId, count, selector, seed });
  t.same(
    (await sample('fifo', 2)).trajectories.map(({ id }) => id),
    [member(0, 0), member(0, 1)],
  );
  t.same(
    (await sample('lifo', 1)).trajectories.map(({ id }) => id),
    [member(1, 2)],
  );
  t.match(await sample('uniform', 3), { population: 7, probabilities: [1 / 7, 1 / 7, 1 / 7] });
  t.same(await sample('uniform', 5), await sample('uniform', 5), 'seeded');
  const hard = (await sample('prioritized', 400)).trajectories.filter(({ problemId }) => problemId === 'p1').length;
  t.ok(hard > 360 && hard < 400, `1 - success rate with a floor: ${hard} of 400, 3 / 3.2 expected`);
  await t.rejects(sample('uniform', 0), code('INVALID_INPUT'));
});

t.test('sample lets others have their turn, two calls at a time, and bounds its answer', async (t) => {
  const store = freshStore(t);
  await addRun(store);
  await open(store, 0, { groups: [[0, 2_000]] });
  const tokens = new Int32Array(150_000);
  await store.appendSegment(runId, segment(store, member(0, 0), 'stop', { tokens }));
  await store.recordScore(runId, verdict(member(0, 0), 1));
  const sample = (count: number) => store.sample({ runId, count, selector: 'uniform', seed: 1 });
  let turns = 0;
  let isOver = false;
  const turn = () => {
    turns++;
    if (!isOver) setImmediate(turn);
  };
  setImmediate(turn);
  const both = [sample(1), sample(2)];
  await t.rejects(sample(1), { code: 'RESOURCE_EXHAUSTED', message: /2 Sample calls are under way/ });
  t.match(await Promise.all(both), [{ population: 1 }, { trajectories: { length: 2 } }]);
  isOver = true;
  t.ok(turns >= 7, `${turns} turns in 2,000 rows`);
  await t.rejects(sample(3), { code: 'INVALID_INPUT', message: /more than 400000 tokens: ask for fewer/ });
});
