/** The replay store over a real LMDB file: every rule of the domain that it guards, by name. */
import { hashTokens, type IterationRecord, type SegueError } from '@segue/core';
import t, { type Test } from 'tap';
import {
  addRun,
  end,
  failedTry,
  failedVerdict,
  finish,
  member,
  open,
  openStore,
  problem,
  removeFolder,
  runId,
  runRecord,
  segment,
  stateOf,
  temporaryFolder,
  verdict,
} from './support/fixtures.js';

/** A store in a folder of its own, gone at the end of the test. */
function freshStore(t: Test, options: Parameters<typeof openStore>[1] = {}) {
  const folder = temporaryFolder();
  const store = openStore(folder, options);
  t.teardown(async () => {
    await store.close();
    removeFolder(folder);
  });
  return store;
}

const code = (expected: SegueError['code']) => ({ code: expected });

t.test(
  'committed trajectories are append-only: the first fitting append is taken, later ones get what is there',
  async (t) => {
    const store = freshStore(t);
    await addRun(store);
    await open(store, 0, { groups: [[0, 2]] });
    const id = member(0, 0);
    const first = segment(store, id, 'budget');
    const second = { ...first, actorId: 'actor-1', attempt: 1, tokens: Int32Array.from([99, 98]) };
    const [a, b] = await Promise.all([store.appendSegment(runId, first), store.appendSegment(runId, second)]);
    t.equal(a.outcome, 'committed');
    t.equal(b.outcome, 'kept-earlier');
    t.same(b.kept?.tokens, first.tokens, 'the later one is told what is there');
    t.equal(b.kept?.actorId, 'actor-0');
    t.same(store.getTrajectory(id).segments, [first], 'stored as it was sent');
    t.equal((await store.appendSegment(runId, first)).outcome, 'kept-earlier', 'the same one again');
    t.same(store.statistics(runId).appendsByOutcome, { committed: 1, 'kept-earlier': 2 }, 'and counted');
  },
);

t.test('an append names index, prefix, iteration and policy version, and all must fit', async (t) => {
  const store = freshStore(t);
  await addRun(store);
  await open(store, 0, { groups: [[0, 3]] });
  const id = member(0, 0);
  const stale = async (changes: Parameters<typeof segment>[3], why: RegExp) => {
    const answer = await store.appendSegment(runId, segment(store, id, 'budget', changes));
    t.equal(answer.outcome, 'stale', String(why));
    t.match(answer.detail, why);
    t.equal(answer.kept, null);
  };
  await stale({ index: 1 }, /next index is 0/);
  await stale({ prefixHash: hashTokens(Int32Array.from([5])) }, /tokens before hash to/);
  await stale({ policyVersion: 7 }, /samples with version 0/);
  await stale({ iteration: 3 }, /never opened/);
  await store.appendSegment(runId, segment(store, id, 'budget'));
  await stale({}, /has its segment of iteration 0/);
  t.equal(store.getTrajectory(id).segments.length, 1, 'one committed segment per trajectory and iteration');

  await end(store, 0);
  await open(store, 1, { policyVersion: 0, resume: [id] });
  t.equal((await store.appendSegment(runId, segment(store, member(0, 1), 'stop'))).outcome, 'stale', 'not in the plan');
  const next = segment(store, id, 'stop');
  const wrongPrompt = { ...next, prefixHash: hashTokens(store.getTrajectory(id).segments[0]!.tokens) };
  t.equal((await store.appendSegment(runId, wrongPrompt)).outcome, 'stale', 'the prompt is part of the prefix');
  t.equal((await store.appendSegment(runId, next)).outcome, 'committed');
  await store.closeIteration({ runId, iteration: 1 });
  t.equal(store.statistics(runId).appendsByOutcome.stale, 7, 'refusals are counted');
});

t.test('an append for an iteration that is closed is refused and counted', async (t) => {
  const store = freshStore(t);
  await addRun(store);
  await open(store, 0, { groups: [[0, 2]] });
  const [early, late] = [segment(store, member(0, 0), 'budget'), segment(store, member(0, 1), 'budget')];
  await store.appendSegment(runId, early);
  await store.closeIteration({ runId, iteration: 0 });
  t.equal((await store.appendSegment(runId, late)).outcome, 'closed');
  t.equal(
    (await store.appendSegment(runId, early)).outcome,
    'kept-earlier',
    'what was committed before stays the answer',
  );
  t.equal(stateOf(store, member(0, 1)), 'pending');
  await end(store, 0);
  t.equal((await store.appendSegment(runId, late)).outcome, 'closed', 'still after the commit');
  t.same(store.statistics(runId).appendsByOutcome, { committed: 1, closed: 2, 'kept-earlier': 1 });
});

t.test('token ids are the only truth: tokens, log-probs, origins and masks come back as they were sent', async (t) => {
  const store = freshStore(t);
  await addRun(store);
  await open(store, 0, { groups: [[0, 2]] });
  const length = 9000;
  const sent = segment(store, member(0, 0), 'length', {
    tokens: Int32Array.from({ length }, (_, i) => (i * 7919) % 151_936),
    logProbs: Float32Array.from({ length }, (_, i) => -1 / (i + 1)),
    origins: Uint8Array.from({ length }, (_, i) => i % 3),
    lossMask: Uint8Array.from({ length }, (_, i) => i % 2),
  });
  await store.appendSegment(runId, sent);
  t.same(store.getTrajectory(member(0, 0)).segments[0], sent);
  t.same(store.getTrajectory(member(0, 0)).promptTokens, Int32Array.from([1, 2, 3]));
});

t.test('whether a trajectory is finished is decided by the end reason alone', async (t) => {
  const store = freshStore(t);
  await addRun(store);
  await open(store, 0, { groups: [[0, 5]] });
  const states = {
    stop: 'finished',
    repeat: 'finished',
    length: 'finished',
    budget: 'unfinished',
    yield: 'unfinished',
  };
  for (const [i, [reason, state]] of Object.entries(states).entries()) {
    await store.appendSegment(runId, segment(store, member(0, i), reason as keyof typeof states));
    t.equal(stateOf(store, member(0, i)), state, reason);
  }
});

t.test('error ends a trajectory after a bounded number of tries, and it is never trained on', async (t) => {
  const store = freshStore(t);
  await addRun(store);
  await open(store, 0, { groups: [[0, 3]], maxAttempts: 2 });
  const id = member(0, 0);
  const first = failedTry(store, id, 0);
  t.equal((await store.appendSegment(runId, first)).outcome, 'committed');
  t.equal((await store.appendSegment(runId, first)).outcome, 'kept-earlier', 'delivered twice, counted once');
  t.equal([...store.listUnfinished(runId)].find((summary) => summary.id === id)?.errors, 1);
  t.equal(stateOf(store, id), 'pending', 'it is tried again');
  t.ok(store.getIteration(runId, 0).progress.openTrajectoryIds.includes(id), 'and owes its segment');

  await store.appendSegment(runId, failedTry(store, id, 1));
  t.equal(stateOf(store, id), 'failed');
  t.same(store.getTrajectory(id).segments, [], 'no token of it is kept');
  t.notOk(store.getIteration(runId, 0).progress.openTrajectoryIds.includes(id), 'it owes nothing any more');
  const answer = await store.appendSegment(runId, segment(store, id, 'stop', { attempt: 2 }));
  t.equal(answer.outcome, 'stale', 'a late success is refused');

  await finish(store, member(0, 1), 1);
  await finish(store, member(0, 2), 0);
  const [group] = store.completeGroups(runId, null);
  t.same(
    group?.trajectories.map(({ state, score }) => [state, score?.reward ?? null]),
    [
      ['failed', null],
      ['scored', 1],
      ['scored', 0],
    ],
    'left out of its group, never scored zero',
  );
  t.same(store.statistics(runId).segmentsByEndReason, { error: 2, stop: 2 });
});

t.test('failed tries count for one segment, and begin anew with the next', async (t) => {
  const store = freshStore(t);
  await addRun(store);
  await open(store, 0, { groups: [[0, 1]], maxAttempts: 2 });
  const id = member(0, 0);
  const errors = () => [...store.listUnfinished(runId)][0]?.errors;
  await store.appendSegment(runId, failedTry(store, id, 0));
  await store.appendSegment(runId, segment(store, id, 'budget', { attempt: 1 }));
  t.equal(errors(), 0);
  await end(store, 0);
  await open(store, 1, { policyVersion: 0, maxAttempts: 2 });
  await store.appendSegment(runId, failedTry(store, id, 0));
  t.equal(errors(), 1);
  t.equal(stateOf(store, id), 'unfinished');
});

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

t.test('a group is consumed by exactly one policy version, recorded with it in one transaction', async (t) => {
  const store = freshStore(t);
  await addRun(store);
  await open(store, 0, {
    groups: [
      [0, 2],
      [1, 2],
    ],
  });
  for (const group of [0, 1]) {
    await finish(store, member(group, 0), 1);
    await finish(store, member(group, 1), 0);
  }
  const committed = await end(store, 0, { maxGroups: 1 });
  t.match(committed, { state: 'committed', policyVersionOut: 1, batchGroupIds: ['run-g0'] }, 'oldest first');
  t.match(store.statistics(runId), { groupsConsumed: 1, groupsComplete: 1 }, 'what is left over waits');
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
    groups: [
      [0, 2],
      [1, 2],
    ],
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
    groups: [
      [0, 2],
      [1, 2],
      [2, 2],
    ],
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

t.test('spanning counts finished trajectories with segments of two or more iterations', async (t) => {
  const store = freshStore(t);
  await addRun(store);
  await open(store, 0, { groups: [[0, 3]] });
  for (const i of [0, 1]) await store.appendSegment(runId, segment(store, member(0, i), 'budget'));
  await finish(store, member(0, 2), 1);
  await end(store, 0);
  await open(store, 1, { policyVersion: 0 });
  await finish(store, member(0, 0), 1);
  await store.appendSegment(runId, segment(store, member(0, 1), 'yield'));
  t.match(store.statistics(runId), { finished: 2, spanning: 1, trajectoriesByState: { scored: 2, unfinished: 1 } });
  t.match(store.getIteration(runId, 1).progress, { finishedTrajectories: 1, spanningTrajectories: 1 });
});

t.test('prompt, generated and re-prefilled tokens are metered apart', async (t) => {
  const store = freshStore(t);
  await addRun(store);
  await open(store, 0, { groups: [[0, 2]] });
  await store.appendSegment(runId, segment(store, member(0, 0), 'budget'));
  await end(store, 0);
  await open(store, 1, { policyVersion: 0, resume: [member(0, 0)] });
  const tokens = Int32Array.from([5, 6, 7, 8]);
  await store.appendSegment(runId, segment(store, member(0, 0), 'stop', { tokens }));
  t.match(store.statistics(runId), { generatedTokens: 6, reprefilledTokens: 2, promptTokens: 6 });
  const { progress } = store.getIteration(runId, 1);
  t.match(progress, { generatedTokens: 4, reprefilledTokens: 2, promptTokens: 3, segmentsByActor: { 'actor-0': 1 } });
  t.same(progress.responseTokens, Uint32Array.from([6]), 'the length is that of the whole response');
});

t.test('unfinished trajectories are listed oldest first, by number, not by letter', async (t) => {
  const store = freshStore(t);
  await addRun(store, 12);
  await open(store, 0, {
    groups: [
      [10, 1],
      [9, 11],
      [2, 1],
    ],
  });
  await end(store, 0);
  await open(store, 1, { policyVersion: 0, groups: [[1, 1]] });
  await store.appendSegment(runId, segment(store, member(9, 2), 'stop'));
  const ids = [...store.listUnfinished(runId)].map(({ id }) => id);
  const nine = [0, 1, 3, 4, 5, 6, 7, 8, 9, 10].map((i) => member(9, i));
  t.same(ids, [member(2, 0), ...nine, member(10, 0), member(1, 0)]);
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

t.test('problems come in batches, all or none, idempotent by batch id and content', async (t) => {
  const store = freshStore(t);
  await t.rejects(store.putProblems({ runId, batchId: 'first' }, [problem('a')]), code('NOT_FOUND'));
  await store.putRun(runRecord(), null);
  const items = [
    problem('a'),
    { ...problem('b'), purpose: 'evaluation' as const, prompt: [{ role: 'user', parts: [] }] },
  ];
  t.same(await store.putProblems({ runId, batchId: 'first' }, items), { accepted: 2, repeated: false });
  t.same(await store.putProblems({ runId, batchId: 'first' }, items), { accepted: 2, repeated: true });
  await t.rejects(store.putProblems({ runId, batchId: 'first' }, [problem('a')]), code('ALREADY_EXISTS'));
  const clash = [problem('c'), problem('a')];
  await t.rejects(store.putProblems({ runId, batchId: 'second' }, clash), /problem 1: a is in run/);
  t.match(store.getRun(runId), { trainProblems: 1, evaluationProblems: 1, warmupProblems: 0 }, 'none of the second');
  t.same(
    [...store.listProblems(runId, null)].map(({ problem: kept }) => kept),
    items,
    'in order, as they were',
  );
  t.same(
    [...store.listProblems(runId, 'evaluation')].map(({ problem: { id } }) => id),
    ['b'],
  );
});

t.test('a run is created once and changed by compare-and-set', async (t) => {
  const store = freshStore(t, { now: () => 1234 });
  const created = await store.putRun(runRecord(), null);
  t.match(created, { revision: 1, createdAtMs: 1234, state: 'created' });
  t.same(await store.putRun(runRecord(), null), created, 'the same again');
  await t.rejects(store.putRun(runRecord(runId, { seed: 2 }), null), code('ALREADY_EXISTS'));
  const running = { ...created, state: 'running' as const };
  t.match(await store.putRun(running, 1), { revision: 2, state: 'running' });
  t.match(await store.putRun(running, 1), { revision: 2 }, 'a repeated write finds itself');
  await t.rejects(store.putRun({ ...running, state: 'paused' }, 1), code('FAILED_PRECONDITION'));
  await t.rejects(store.putRun(runRecord('Other'), null), code('INVALID_INPUT'));
  await store.putRun({ ...runRecord('newer'), createdAtMs: 5000 }, null);
  t.same(
    store.listRuns().map(({ id }) => id),
    ['newer', 'run'],
    'newest first',
  );
});

t.test('events are numbered without gaps and idempotent by key', async (t) => {
  const store = freshStore(t);
  await store.putRun(runRecord(), null);
  await store.putRun(runRecord('other'), null);
  const append = (kind: string, key = '', run = runId) =>
    store.appendEvent({ runId: run, kind, bodyJson: '{}', atMs: 1, key });
  const answers = await Promise.all([append('a', 'once'), append('b'), append('a', 'once'), append('c', '', 'other')]);
  t.same(
    answers.map(({ sequence }) => sequence),
    [1, 2, 1, 1],
  );
  await append('d');
  t.same(
    [...store.listEvents(runId, 1)].map(({ sequence, kind }) => [sequence, kind]),
    [
      [2, 'b'],
      [3, 'd'],
    ],
  );
  await t.rejects(append('e', 'x'.repeat(600)), code('INVALID_INPUT'));
});

t.test('a write that is refused leaves the others of its transaction alone', async (t) => {
  let writes = 0;
  const store = freshStore(t, { onTransaction: (count) => (writes = count) });
  await addRun(store);
  await open(store, 0, { groups: [[0, 3]] });
  const good = segment(store, member(0, 0), 'stop');
  const results = await Promise.allSettled([
    store.appendSegment(runId, good),
    store.appendSegment(runId, { ...good, trajectoryId: 'run-g7-t0', id: 'run-g7-t0-s0' }),
    store.appendSegment(runId, { ...segment(store, member(0, 1), 'stop'), logProbs: new Float32Array(1) }),
    store.appendSegment(runId, { ...segment(store, member(0, 1), 'stop'), tokens: new Int32Array(0) }),
    store.appendSegment(runId, segment(store, member(0, 2), 'stop')),
  ]);
  t.equal(writes, 5, 'one transaction');
  t.same(
    results.map(({ status }) => status),
    ['fulfilled', 'rejected', 'rejected', 'rejected', 'fulfilled'],
  );
  t.same(store.statistics(runId).appendsByOutcome, { committed: 2 });
});

t.test('what the memory knows of an iteration is built again at start', async (t) => {
  const folder = temporaryFolder();
  t.teardown(() => removeFolder(folder));
  const before = openStore(folder);
  await addRun(before);
  await open(before, 0, {
    groups: [
      [0, 2],
      [1, 3],
      [2, 2],
    ],
    maxAttempts: 2,
  });
  await finish(before, member(0, 0), 1);
  await finish(before, member(0, 1), 0);
  await before.appendSegment(runId, segment(before, member(1, 0), 'budget'));
  await before.appendSegment(runId, failedTry(before, member(1, 1), 0));
  await before.appendSegment(runId, segment(before, member(2, 0), 'repeat'));
  await before.recordScore(runId, failedVerdict(member(2, 0), 1));
  for (const attempt of [0, 1]) await before.appendSegment(runId, failedTry(before, member(2, 1), attempt));
  const expected: IterationRecord = before.getIteration(runId, 0);
  t.match(expected.progress, {
    committedTasks: 4,
    openTrajectoryIds: [member(1, 1), member(1, 2)],
    segmentsByEndReason: { stop: 2, budget: 1, repeat: 1, error: 3 },
    awaitingScore: 1,
    judged: 2,
    rewardSum: 1,
    completeGroups: 1,
    usefulGroups: 1,
  });
  await before.close();
  const after = openStore(folder);
  t.same(after.getIteration(runId, 0), expected);
  t.same([...(after.awaitingScore().get(runId) ?? [])], [[member(2, 0), 1]]);
  const committed = await end(after, 0);
  await after.close();
  const later = openStore(folder);
  t.same(later.getIteration(runId, 0), committed, 'and a committed one keeps its progress');
  await later.close();
});

t.test('sample draws judged trajectories by selector and tells each probability', async (t) => {
  const store = freshStore(t);
  await addRun(store);
  await open(store, 0, {
    groups: [
      [0, 4],
      [1, 4],
    ],
  });
  for (const i of [0, 1, 2, 3]) await finish(store, member(0, i), 1);
  for (const i of [0, 1, 2]) await finish(store, member(1, i), 0);
  const sample = (selector: 'uniform' | 'fifo' | 'lifo' | 'prioritized', count: number, seed = 1) =>
    store.sample({ runId, count, selector, seed });
  t.same(
    sample('fifo', 2).trajectories.map(({ id }) => id),
    [member(0, 0), member(0, 1)],
  );
  t.same(
    sample('lifo', 1).trajectories.map(({ id }) => id),
    [member(1, 2)],
  );
  t.match(sample('uniform', 3), { population: 7, probabilities: [1 / 7, 1 / 7, 1 / 7] });
  t.same(sample('uniform', 5), sample('uniform', 5), 'seeded');
  const hard = sample('prioritized', 400).trajectories.filter(({ problemId }) => problemId === 'p1').length;
  t.ok(hard > 360 && hard < 400, `1 - success rate with a floor: ${hard} of 400, 3 / 3.2 expected`);
  t.throws(() => sample('uniform', 0), code('INVALID_INPUT'));
});

t.test('a full store refuses writes, keeps what is committed and goes on', async (t) => {
  const folder = temporaryFolder();
  t.teardown(() => removeFolder(folder));
  const store = openStore(folder, { maxStoreBytes: 400_000 });
  await addRun(store);
  await open(store, 0, { groups: [[0, 16]] });
  const tokens = Int32Array.from({ length: 8192 }, (_, i) => i);
  let committed = 0;
  let refusal: unknown;
  for (let i = 0; i < 16 && refusal === undefined; i++) {
    try {
      await store.appendSegment(runId, segment(store, member(0, i), 'budget', { tokens }));
      committed++;
    } catch (error) {
      refusal = error;
    }
  }
  t.match(refusal, code('RESOURCE_EXHAUSTED'));
  t.match(String(refusal), /raise maxStoreBytes/);
  t.equal(store.getIteration(runId, 0).progress.committedTasks, committed, 'the memory counts what is on disk');
  await store.close();
  const larger = openStore(folder);
  t.same(larger.getTrajectory(member(0, committed - 1)).segments[0]?.tokens, tokens);
  await larger.appendSegment(runId, segment(larger, member(0, committed), 'budget'));
  await larger.close();
});
