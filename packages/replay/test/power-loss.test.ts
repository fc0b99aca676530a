/**
 * A power loss at any moment: every record that was acknowledged is readable afterwards. Two proofs. The first records what the store's process
 * asks of the disk, under load, and replays it up to any call, with any part of what was not synced yet; it needs strace. The second
 * runs everywhere: it takes the file before and after each commit, and any part of the difference. That LMDB syncs the pages before it writes
 * the meta page, which the second takes for granted, is what the first shows.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { SeededRandom } from '@segue/core';
import t from 'tap';
import { bulky, bulkyProblem, missingFrom } from './support/bulky.js';
import { imageAt, imageBetween, readTrace, straceArgs } from './support/crash-images.js';
import {
  addRun,
  member,
  open,
  openStore,
  planOf,
  removeFolder,
  runId,
  runRecord,
  segment,
  temporaryFolder,
} from './support/fixtures.js';
import { newWorld } from './support/processes.js';

// Another start of the machine: the library must not trust what it has not synced.
process.env.LMDB_RESTORE = 'safe';

/** Whether a store file is not what `count` answers promised: damage inside of it may end the process that reads it, so another one does. */
function isLossy(image: Buffer | null, count: number): boolean {
  const folder = temporaryFolder();
  try {
    if (image !== null) writeFileSync(join(folder, 'data.mdb'), image);
    const program = fileURLToPath(new URL('./support/bulky.ts', import.meta.url));
    return spawnSync(process.execPath, [...process.execArgv, program, folder, String(count)]).status !== 0;
  } finally {
    removeFolder(folder);
  }
}

const tracer = spawnSync('strace', ['-f', '-o', '/dev/null', 'true']);
const cannotTrace = tracer.status === 0 ? false : 'strace is not installed, or may not trace here';

t.test('the recorded writes of the process, replayed up to any moment', { skip: cannotTrace }, async (t) => {
  const { folder, start } = await newWorld(t);
  const prefix = join(folder, 'trace', 'call');
  mkdirSync(join(folder, 'trace'));
  const replay = await start({ wrapper: ['strace', ...straceArgs(prefix)] });
  const trajectories = 96;
  await replay.client.putRun({ run: runRecord(), expectedRevision: null });
  await replay.client.putProblems({ runId, batchId: 'first' }, [bulkyProblem]);
  await replay.client.openIteration(planOf(0, [[0, trajectories]]));
  const answeredAtMs = new Map<number, number>();
  let next = 0;
  const submit = async () => {
    for (let index = next++; index < trajectories; index = next++) {
      await replay.client.appendSegment({ runId, segment: bulky(index) });
      answeredAtMs.set(index, performance.timeOrigin + performance.now());
    }
  };
  await Promise.all(Array.from({ length: 6 }, submit));
  await replay.kill();

  const threads = readdirSync(join(folder, 'trace')).map((name) => readTrace(join(folder, 'trace', name), 'data.mdb'));
  const [calls, ...others] = threads.filter((thread) => thread.length > 0);
  if (calls === undefined || others.length > 0) throw new Error(`${threads.length} threads write the file, not one`);
  t.ok(calls.length > 100, `${calls.length} writes and syncs were recorded`);

  const random = new SeededRandom(11, 'power loss');
  const lostAt = (crashAt: number) => {
    const crashAtMs = calls[crashAt]?.atMs ?? Number.POSITIVE_INFINITY;
    const acknowledged = [...answeredAtMs].filter(([, atMs]) => atMs <= crashAtMs).map(([index]) => index);
    return missingFrom(imageAt(calls, crashAt, random), acknowledged);
  };
  const moments = [...Array(24).keys(), ...Array.from({ length: 60 }, () => random.below(calls.length + 1))];
  const lost: number[] = [];
  for (const moment of moments) lost.push(...(await lostAt(moment)));
  t.same(lost, [], `${moments.length} power losses lose no acknowledged record`);

  // The same writes to a disk that is not waited for: the proof sees what is lost.
  const unsynced = calls.filter(({ kind }) => kind !== 'sync').map((call) => ({ ...call, isSynchronous: false }));
  t.ok(isLossy(imageAt(unsynced, unsynced.length, random), trajectories), 'without the syncs records are lost');
});

t.test('the file before and after each commit, and any part of the difference', async (t) => {
  const folder = temporaryFolder();
  t.teardown(() => removeFolder(folder));
  const store = openStore(folder);
  await addRun(store);
  await open(store, 0, { groups: [[0, 24]] });
  const random = new SeededRandom(12, 'power loss');
  const file = join(folder, 'data.mdb');
  const acknowledged: number[] = [];
  let before = readFileSync(file);
  for (let index = 0; index < 24; index++) {
    const { tokens } = bulky(index);
    await store.appendSegment(runId, segment(store, member(0, index), 'budget', { tokens }));
    const after = readFileSync(file);
    for (let tries = 0; tries < 2; tries++) {
      t.same(await missingFrom(imageBetween(before, after, random), acknowledged), [], `in commit ${index}`);
    }
    acknowledged.push(index);
    t.same(await missingFrom(after, acknowledged), [], `after commit ${index}`);
    if (index === 23)
      t.ok(isLossy(imageBetween(before, after, random, true), 24), 'the meta page before the rest loses records');
    before = after;
  }
  await store.close();
});
