/**
 * A store that has its limit: it takes no more rows, but what brings runs to rest and removes them, and goes on once that has made room, without a larger limit. What
 * a full disk does is disk-full.test.ts.
 */
import { groupId, SegueError, trajectoryId } from '@segue/core';
import type { ReplayStore } from '@segue/replay';
import t from 'tap';
import { Space } from '../src/space.js';
import { openStore, problem, removeFolder, runRecord, segmentAfter, temporaryFolder } from './support/fixtures.js';

const maxStoreBytes = 1 << 20;
const full = { code: 'RESOURCE_EXHAUSTED', message: /is full: .* raise maxStoreBytes/ };
const all = { finishedRuns: 0, minAgeHours: 0 };
/** Of a few pages, so that pages that were freed apart from each other must do. */
const tokens = Int32Array.from({ length: 4_000 }, (_, i) => i);

const note = (runId: string, kind = 'note') => ({ runId, kind, bodyJson: '{}', atMs: 1, key: '' });

/** A run that would write more than there is room for. Answers how many segments were taken. */
async function fill(store: ReplayStore, runId: string): Promise<number> {
  await store.putRun({ ...runRecord(runId), state: 'running' }, null);
  await store.putProblems({ runId, batchId: 'all' }, [problem('p0')]);
  const group = { id: groupId(runId, 0), runId, index: 0, problemId: 'p0', size: 200, iteration: 0 };
  const tasks = Array.from({ length: group.size }, (_, index) => ({
    trajectoryId: trajectoryId(group.id, index),
    groupId: group.id,
    problemId: 'p0',
    segmentIndex: 0,
    lastSpan: false,
  }));
  await store.openIteration({ runId, iteration: 0, policyVersion: 0, maxAttempts: 3, newGroups: [group], tasks });
  for (const [taken, task] of tasks.entries()) {
    const ended = segmentAfter(store.getTrajectory(task.trajectoryId), taken === 0 ? 'stop' : 'budget', { tokens });
    const failure = await store.appendSegment(runId, ended).then(() => null, SegueError.from);
    if (failure === null) continue;
    t.match(failure, full);
    return taken;
  }
  throw new Error('the store never was full');
}

function stop(store: ReplayStore, runId: string) {
  const run = store.getRun(runId);
  return store.putRun({ ...run, state: 'stopped' }, run.revision);
}

t.test('a store at its limit is relieved by retention, again and again', async (t) => {
  const folder = temporaryFolder();
  let store = openStore(folder, { maxStoreBytes });
  t.teardown(async () => {
    await store.close();
    removeFolder(folder);
  });
  const taken = await fill(store, 'run-0');
  t.ok(taken > 10, `${taken} segments`);
  for (let round = 1; round <= 4; round++) {
    const [before, next] = [`run-${round - 1}`, `run-${round}`];
    t.ok(store.bytesInUse() >= maxStoreBytes);
    await t.rejects(store.putRun(runRecord(next), null), full, 'no other run begins');
    // Side by side, so that one transaction is asked to hold them.
    const [told, refused, stopped] = await Promise.allSettled([
      store.appendEvent(note(before, 'state')),
      store.appendEvent(note(before)),
      stop(store, before),
    ]);
    t.match([told, refused, stopped], [{ status: 'fulfilled' }, { reason: full }, { value: { state: 'stopped' } }]);
    t.same(await store.retire(all), [before]);
    t.ok(store.bytesOnDisk() >= maxStoreBytes, 'the file stays as it is');
    t.ok(store.bytesInUse() < maxStoreBytes / 4, 'most of it is free');
    if (round === 2) {
      await store.close();
      store = openStore(folder, { maxStoreBytes });
    }
    const again = await fill(store, next);
    t.ok(again > 0.9 * taken, `${again} segments in round ${round}`);
  }
  t.ok(store.bytesOnDisk() < 2 * maxStoreBytes, `a file of ${store.bytesOnDisk()} bytes`);
});

t.test('a store at its limit lets dead letters go', async (t) => {
  const folder = temporaryFolder();
  const store = openStore(folder, { maxStoreBytes });
  t.teardown(async () => {
    await store.close();
    removeFolder(folder);
  });
  const body = new Uint8Array(60_000);
  const message = { subject: 'segue.segments.x.y', reason: 'unreadable', body, bodyBytes: body.length, checksum: '' };
  const keep = async (atMs: number) => store.keepMessages([{ ...message, atMs }]).then(() => null, SegueError.from);
  let kept = 0;
  for (let failure = await keep(0); failure === null; failure = await keep(kept)) kept++;
  await t.rejects(store.keepMessages([{ ...message, atMs: kept }]), full, 'the bus keeps what there is no room for');
  for (const { id } of store.deadLetters('').slice(0, 3)) await store.dropDeadLetter(id);
  t.equal(await keep(kept), null);
});

t.test('what is in use is counted when the room that was left may have been taken, not at each write', async (t) => {
  const measured = { onDisk: 500, put: 0, inUse: 200, counts: 0 };
  const space = new Space(
    {
      folder: '/store',
      bytesOnDisk: () => measured.onDisk,
      bytesPut: () => measured.put,
      bytesInUse: () => {
        measured.counts++;
        return measured.inUse;
      },
    },
    1_000,
  );
  const after = (changes: Partial<typeof measured>) => {
    Object.assign(measured, changes);
    return [space.refusal()?.code ?? 'room', measured.counts];
  };
  t.same(after({}), ['room', 0], 'the file is small');
  t.same(after({ onDisk: 1_000 }), ['room', 1]);
  t.same(after({ put: 199 }), ['room', 1], 'less than a quarter of 800');
  t.same(after({ put: 200, inUse: 900 }), ['room', 2]);
  t.same(after({ put: 224, inUse: 1_000 }), ['room', 2]);
  t.same(after({ put: 225 }), ['RESOURCE_EXHAUSTED', 3]);
  t.same(after({ inUse: 999 }), ['room', 4], 'something was removed');
});
