/** The replay store over a real LMDB file: runs, problems and events, and what is left after a restart and on a full disk. */
import { closeSync, openSync, readFileSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { IterationRecord } from '@segue/core';
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
  problem,
  removeFolder,
  runId,
  runRecord,
  segment,
  sized,
  temporaryFolder,
} from './support/fixtures.js';
import { code, freshStore } from './support/fresh-store.js';

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
  for (const state of ['finished', 'stopped'] as const) {
    await store.putRun({ ...store.getRun(runId), state }, store.getRun(runId).revision);
    t.match(await store.putProblems({ runId, batchId: 'first' }, items), { repeated: true }, `the same, once ${state}`);
    await t.rejects(store.putProblems({ runId, batchId: 'late' }, [problem('late')]), code('FAILED_PRECONDITION'));
  }
  await store.putRun({ ...store.getRun(runId), state: 'created' }, store.getRun(runId).revision);
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

t.test('what the memory knows of an iteration is built again at start', async (t) => {
  const folder = temporaryFolder();
  t.teardown(() => removeFolder(folder));
  const before = openStore(folder);
  await addRun(before);
  await open(before, 0, {
    groups: sized(2, 3, 2),
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
    usefulGroupsInOrder: 1,
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

t.test('a rotten byte on disk is found at start, and what is beside it stays readable', async (t) => {
  const folder = temporaryFolder();
  t.teardown(() => removeFolder(folder));
  const store = openStore(folder);
  await addRun(store);
  await open(store, 0, { groups: [[0, 2]] });
  const tokens = Int32Array.from({ length: 64 }, (_, i) => 70_000 + i);
  await store.appendSegment(runId, segment(store, member(0, 0), 'budget', { tokens }));
  await store.appendSegment(runId, segment(store, member(0, 1), 'budget'));
  await store.close();
  const file = join(folder, 'data.mdb');
  const bytes = readFileSync(file);
  const written = Buffer.from(tokens.buffer);
  // Pages that were copied on write hold it more than once.
  for (let at = bytes.indexOf(written); at >= 0; at = bytes.indexOf(written, at + 1)) bytes[at + 5] = 0xff;
  writeFileSync(file, bytes);
  const told: string[] = [];
  const rotten = openStore(folder, { onDamage: ({ what, detail }) => told.push(`${what}: ${detail}`) });
  t.match(told, [/^trajectory run-g0-t0: segment 0 .*tokens .*"run",0,0,0.*checksum/]);
  t.same(rotten.getTrajectory(member(0, 0)).segments, [], 'it is generated again');
  t.equal(rotten.getTrajectory(member(0, 1)).segments.length, 1);
  await rotten.close();
  t.throws(() => rotten.getTrajectory(member(0, 1)), code('UNAVAILABLE'), 'a closed store says so');
  await t.rejects(rotten.closeIteration({ runId, iteration: 0 }), code('UNAVAILABLE'));
});

t.test('what was read stays as it was when other rows are read', async (t) => {
  const store = freshStore(t);
  await addRun(store);
  await open(store, 0, { groups: [[0, 2]] });
  const arrays = (from: number) => ({
    tokens: Int32Array.from({ length: 64 }, (_, i) => from + i),
    logProbs: Float32Array.from({ length: 64 }, (_, i) => -from - i),
    origins: Uint8Array.from({ length: 64 }, (_, i) => (from + i) % 3),
    lossMask: Uint8Array.from({ length: 64 }, (_, i) => (from + i) % 2),
  });
  await store.appendSegment(runId, segment(store, member(0, 0), 'budget', arrays(100)));
  await store.appendSegment(runId, segment(store, member(0, 1), 'budget', arrays(201)));
  const first = store.getTrajectory(member(0, 0));
  t.match(store.getTrajectory(member(0, 1)).segments, [arrays(201)]);
  t.match(first.segments, [arrays(100)]);
});

t.test('a row that rots after it was read is not handed out from memory', async (t) => {
  const folder = temporaryFolder();
  const store = freshStore(t, {}, folder);
  await addRun(store);
  await open(store, 0, { groups: [[0, 1]] });
  const { promptTokens } = store.getTrajectory(member(0, 0));
  t.same(store.getTrajectory(member(0, 0)).promptTokens, promptTokens, 'read twice');
  // The store reads its file as memory, and sees what is written into it.
  const path = join(folder, 'data.mdb');
  const text = Buffer.from('prompt of p0');
  const bytes = readFileSync(path);
  const file = openSync(path, 'r+');
  for (let at = bytes.indexOf(text); at >= 0; at = bytes.indexOf(text, at + 1)) writeSync(file, 'P', at);
  closeSync(file);
  t.throws(() => store.getTrajectory(member(0, 0)), { code: 'DATA_LOSS', message: /^.*problems \["run",0\]/ });
});
