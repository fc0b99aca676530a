/** What was given up: written with its reason in the transaction that gives it up, kept over restarts, put back to work or dropped. */

import { awaitsVerdicts, closingReason, type Score } from '@segue/core';
import type { ReplayStore } from '@segue/replay';
import t from 'tap';
import type { TrajectoryRow } from '../dist/rows.js';
import { scoreAttempt, unjudged } from '../dist/score.js';
import { harm, recordsOf } from './support/damage.js';
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
  stateOf,
  temporaryFolder,
  verdict,
} from './support/fixtures.js';
import { code, freshStore } from './support/fresh-store.js';

const letterOf = (id: string) => `trajectory-${id}`;

/** Gives a trajectory up as one that kills its actors. */
async function giveUp(store: ReplayStore, id: string, lostTries = 5): Promise<void> {
  await store.appendSegment(runId, { ...failedTry(store, id, 0), error: 'it kills its actors', lostTries });
}

t.test('a trajectory that kills its actors is given up at once; its group completes without it', async (t) => {
  const folder = temporaryFolder();
  const store = openStore(folder);
  t.teardown(() => removeFolder(folder));
  await addRun(store);
  await open(store, 0, { groups: [[0, 3]] });
  await giveUp(store, member(0, 0));
  t.equal(stateOf(store, member(0, 0)), 'failed', 'one error that stands for lost tries is the last');
  await finish(store, member(0, 1), 1);
  await finish(store, member(0, 2), 0);
  t.match(store.getIteration(runId, 0).progress, { completeGroups: 1, usefulGroups: 1 });
  const expected = [
    {
      id: letterOf(member(0, 0)),
      kind: 'trajectory',
      runId,
      subject: member(0, 0),
      tries: 5,
      reason: /kills its actors/,
    },
  ];
  t.match(store.deadLetters(runId), expected);
  t.strictSame(store.deadLetters('other'), []);
  t.match(store.statistics(runId), { deadLettersByKind: { trajectory: 1, score: 0, message: 0 } });
  t.match([...store.listProblems(runId, null)][0], { givenUp: false }, 'the problem is good for others');
  await store.close();
  const again = openStore(folder);
  t.match(again.deadLetters(''), expected, 'it survives a restart');
  await again.close();
});

t.test('ordinary failures are counted; the last one makes the letter', async (t) => {
  const store = freshStore(t);
  await addRun(store);
  await open(store, 0, { groups: [[0, 2]], maxAttempts: 2 });
  await store.appendSegment(runId, failedTry(store, member(0, 0), 0));
  t.strictSame(store.deadLetters(''), []);
  await store.appendSegment(runId, failedTry(store, member(0, 0), 1));
  t.match(store.deadLetters(''), [{ tries: 2, reason: 'the engine stopped' }]);
});

t.test('a requeued trajectory goes on where it stood, and its group waits for it again', async (t) => {
  const store = freshStore(t);
  await addRun(store);
  await open(store, 0, { groups: [[0, 2]] });
  await store.appendSegment(runId, segment(store, member(0, 0), 'budget'));
  await finish(store, member(0, 1), 1);
  await end(store, 0);
  await open(store, 1, { policyVersion: 0, resume: [member(0, 0)] });
  await giveUp(store, member(0, 0));
  t.match(store.getIteration(runId, 1).progress, { completeGroups: 1 });
  t.equal(await store.requeueDeadLetter(letterOf(member(0, 0))), 'generated-again');
  t.match(store.getTrajectory(member(0, 0)), { state: 'unfinished', segments: { length: 1 } });
  t.match(store.getIteration(runId, 1).progress, { completeGroups: 0 });
  t.match([...store.listUnfinished(runId)], [{ id: member(0, 0), errors: 0, endReason: 'budget' }]);
  await t.rejects(store.requeueDeadLetter(letterOf(member(0, 0))), code('NOT_FOUND'));
  await end(store, 1);
  await open(store, 2, { policyVersion: 0 });
  await finish(store, member(0, 0), 0);
  t.match(store.getIteration(runId, 2).progress, { completeGroups: 1, usefulGroups: 1 }, 'it counts like any other');
  t.match(await end(store, 2), { batchGroupIds: ['run-g0'] });
  t.match(store.statistics(runId), { groupsConsumed: 1, groupsOpen: 0, trajectoriesByState: { scored: 2, failed: 0 } });
});

t.test('of a group that was trained on, the problem is drawn again', async (t) => {
  const store = freshStore(t);
  await addRun(store);
  await open(store, 0, { groups: [[0, 3]] });
  await giveUp(store, member(0, 0));
  await finish(store, member(0, 1), 1);
  await finish(store, member(0, 2), 0);
  await end(store, 0);
  t.equal(await store.requeueDeadLetter(letterOf(member(0, 0))), 'problem-drawn-again');
  const problems = () =>
    Object.fromEntries([...store.listProblems(runId, null)].map((p) => [p.problem.id, p.requeued]));
  t.strictSame(problems(), { p0: true, p1: false, p2: false, p3: false });
  t.equal(stateOf(store, member(0, 0)), 'failed', 'what was trained on stays as it was');
  const task = { trajectoryId: 'run-g1-t0', groupId: 'run-g1', problemId: 'p0', segmentIndex: 0, lastSpan: false };
  const group = { id: 'run-g1', runId, index: 1, problemId: 'p0', size: 1, iteration: 1 };
  await store.openIteration({
    runId,
    iteration: 1,
    policyVersion: 1,
    maxAttempts: 3,
    newGroups: [group],
    tasks: [task],
  });
  t.equal(problems().p0, false, 'once');
});

t.test('a problem of which nobody survives is not drawn until one of its letters is requeued', async (t) => {
  const store = freshStore(t);
  await addRun(store);
  await open(store, 0, { groups: [[0, 2]] });
  await giveUp(store, member(0, 0));
  await giveUp(store, member(0, 1), 4);
  const first = () => [...store.listProblems(runId, null)][0];
  t.match(first(), { givenUp: true, openGroups: 0 });
  t.match(await end(store, 0), { filteredUnusable: 1, batchGroupIds: { length: 0 } }, 'below the usable members');
  t.equal(await store.requeueDeadLetter(letterOf(member(0, 0))), 'generated-again', "a filtered group is nobody's");
  t.match(first(), { givenUp: false, openGroups: 1 });
  t.match(await store.dropDeadLetter(letterOf(member(0, 1))), { tries: 4 });
  t.strictSame(store.deadLetters(''), []);
});

t.test('a verdict that no scorer came to is a letter, and can be asked for again', async (t) => {
  const store = freshStore(t);
  await addRun(store);
  await open(store, 0, { groups: [[0, 2]] });
  await store.appendSegment(runId, segment(store, member(0, 0), 'stop'));
  for (const duration of [1, 2, 3]) await store.recordScore(runId, failedVerdict(member(0, 0), duration));
  const id = `score-${member(0, 0)}`;
  t.match(store.deadLetters(''), [{ id, kind: 'score', tries: 3, reason: 'scorer exact: timeout: too slow' }]);
  t.strictSame([...(store.awaitingScore().get(runId)?.keys() ?? [])], []);
  t.equal(await store.requeueDeadLetter(id), 'judged-again');
  t.strictSame([...(store.awaitingScore().get(runId)?.keys() ?? [])], [member(0, 0)]);
  await store.recordScore(runId, verdict(member(0, 0), 1));
  t.equal(stateOf(store, member(0, 0)), 'scored');
});

t.test('three verdicts that failed for one reason are a letter; a task delivered again adds none', async (t) => {
  const folder = temporaryFolder();
  let store = openStore(folder);
  t.teardown(async () => {
    await store.close();
    removeFolder(folder);
  });
  await addRun(store);
  await open(store, 0, { groups: [[0, 1]] });
  const id = member(0, 0);
  await store.appendSegment(runId, segment(store, id, 'stop'));
  const failed = (attempt: number, durationMs = 0) =>
    verdict(id, 0, { status: 'error', reward: null, detail: 'no such scorer', durationMs, attempt });
  const record = async (score: Score) => (await store.recordScore(runId, score)).recorded;
  const awaited = () => store.awaitingScore().get(runId)?.get(id);
  const phase = () => {
    const { progress } = store.getIteration(runId, 0);
    const rules = { groupsPerIteration: 1, partial: true, closeWhen: 'enough-groups' } as const;
    const waits = { silentForMs: 1e9, scoreWaitMs: 20_000, isLastIteration: false, groupsPerIteration: 1 };
    return [
      closingReason({ progress, owedTasks: 0, endedForMs: 0, scoreWaitMs: 20_000, rules }),
      awaitsVerdicts({ progress, wasEmpty: true, ...waits }),
    ];
  };
  t.equal(awaited(), 0);
  t.equal(await record(failed(0)), true);
  t.equal(await record(failed(0, 7)), false, 'the same task again, judged anew');
  t.equal(await record(failed(2)), false, 'no such task was asked for');
  t.equal(awaited(), 1);
  await store.close();
  store = openStore(folder);
  t.equal(awaited(), 1);
  t.equal(await record(failed(1)), true, 'with the same words');
  t.same(phase(), [null, true]);
  t.equal(await record(failed(2)), true);
  t.match(store.deadLetters(''), [{ id: `score-${id}`, tries: 3, reason: 'scorer exact: error: no such scorer' }]);
  t.same(phase(), ['all-ended', false], 'nobody waits for it any more');

  await store.requeueDeadLetter(`score-${id}`);
  t.equal(awaited(), 3, 'a task that the queue has not seen');
  for (const attempt of [0, 1, 2]) t.equal(await record(failed(attempt, 9)), false, 'of before');
  for (const attempt of [3, 4]) t.equal(await record(failed(attempt)), true);
  t.equal(stateOf(store, id), 'finished', 'three tries anew');
  t.equal(await record(verdict(id, 1, { attempt: 0 })), true, 'a judged one counts, however late');
  t.equal(stateOf(store, id), 'scored');
});

t.test('attempts go on where a row of an earlier version has counted its tries alone', async (t) => {
  const before: TrajectoryRow = {
    id: member(0, 0),
    groupId: 'run-g0',
    problemId: 'p0',
    state: 'failed',
    segmentCount: 1,
    responseTokens: 3,
    firstIteration: 0,
    lastIteration: 0,
    endReason: 'stop',
    plannedIteration: 0,
    prefixHash: '',
    failedTries: [],
    score: failedVerdict(member(0, 0), 1),
    scoreTries: 3,
  };
  const after = unjudged(before);
  t.match(after, { score: null, scoreTries: 0, nextScoreAttempt: 3 });
  t.equal(scoreAttempt(unjudged(after)), 3, 'nor does it go back with another requeue');
});

t.test('messages are kept as they came, once, with a bounded part of the body', async (t) => {
  const store = freshStore(t);
  await addRun(store);
  const message = (atMs: number, bytes: number, subject = `segue.rollout.${runId}.${runId}-g0-t0`) => ({
    subject,
    reason: 'version 2 is unknown',
    atMs,
    body: new Uint8Array(bytes).fill(7),
    bodyBytes: bytes,
    checksum: 'aa',
  });
  await store.keepMessages([message(1, 3), message(2, 100_000), message(3, 1, 'segue.rollout.nobody.x')]);
  await store.keepMessages([message(1, 3)]);
  const letters = store.deadLetters('');
  t.match(letters, [
    { kind: 'message', runId, bodyBytes: 3, body: { length: 0 }, checksum: 'aa' },
    { runId, bodyBytes: 100_000 },
    { runId: '', bodyBytes: 1 },
  ]);
  t.equal(letters.length, 3);
  t.match(store.deadLetter(letters[0]!.id), { body: Uint8Array.of(7, 7, 7) });
  t.match(store.deadLetter(letters[1]!.id), { body: { length: 65_536 } });
  await t.rejects(store.requeueDeadLetter(letters[0]!.id), code('FAILED_PRECONDITION'));
});

t.test('a list reads no bodies; a letter whose body is damaged is told when it is read, and dropped', async (t) => {
  const folder = temporaryFolder();
  const store = openStore(folder);
  t.teardown(async () => {
    await store.close();
    removeFolder(folder);
  });
  const message = { subject: 'segue.rollout.x.y', reason: 'version 2 is unknown', bodyBytes: 3, checksum: 'aa' };
  const body = Uint8Array.of(1, 2, 3);
  await store.keepMessages([1, 2, 3].map((atMs) => ({ ...message, atMs, body })));
  const [rotten, gone, whole] = store.deadLetters('').map(({ id }) => id);
  harm(folder, { table: 'letterBodies', key: [rotten!] });
  harm(folder, { table: 'letterBodies', key: [gone!] }, 'gone');
  t.match(store.deadLetters(''), [{ bodyBytes: 3 }, { bodyBytes: 3 }, { bodyBytes: 3 }]);
  for (const id of [rotten!, gone!]) await t.rejects(store.requeueDeadLetter(id), code('DATA_LOSS'));
  const read = (id: string) => store.keeper.during(() => store.deadLetter(id));
  await t.rejects(read(rotten!), { code: 'UNAVAILABLE', message: /letterBodies .* checksum/ });
  t.match(await read(whole!), { body });
  t.strictSame(
    store.deadLetters('').map(({ id }) => id),
    [whole],
    'both were dropped',
  );
  t.match(await store.dropDeadLetter(whole!), { body });
  t.strictSame(recordsOf(folder, ['deadLetters', 'letterBodies']), []);
});
