/** What the store does with segments: which appends it takes, what it counts of them, and which trajectories go on. */
import { hashTokens } from '@segue/core';
import t from 'tap';
import { addRun, end, failedTry, finish, member, open, runId, segment, stateOf } from './support/fixtures.js';
import { freshStore } from './support/fresh-store.js';

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
  const { segmentsByEndReason, generatedTokens } = store.statistics(runId);
  t.same(segmentsByEndReason, { budget: 2, stop: 2, yield: 1 }, 'one that leaves its trajectory unfinished counts too');
  t.equal(generatedTokens, 10);
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
