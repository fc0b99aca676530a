/** Snapshots: one state of the store, taken while it is written and read, which opens as a store of its own. */
import { createHash } from 'node:crypto';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { SnapshotChunk } from '@segue/core';
import t from 'tap';
import { collect, until } from '../../../test/support/waiting.js';
import { HeldVersions } from '../dist/held-versions.js';
import { bulky } from './support/bulky.js';
import {
  addRun,
  member,
  open,
  openStore,
  planOf,
  problem,
  removeFolder,
  runId,
  runRecord,
  temporaryFolder,
} from './support/fixtures.js';
import { freshStore } from './support/fresh-store.js';
import { newWorld } from './support/processes.js';

t.test('a snapshot is one state, taken while inserts and reads go on', async (t) => {
  const folder = temporaryFolder();
  const copy = temporaryFolder();
  const store = openStore(folder);
  t.teardown(async () => {
    await store.close();
    removeFolder(folder);
    removeFolder(copy);
  });
  await addRun(store);
  await open(store, 0, { groups: [[0, 200]] });
  let appended = 0;
  const append = async () => {
    await store.appendSegment(runId, bulky(appended));
    appended++;
  };
  while (appended < 40) await append();

  let isTaken = false;
  const appending = (async () => {
    while (!isTaken && appended < 200) {
      await append();
      t.equal(store.getTrajectory(member(0, appended - 1)).segments.length, 1);
      await new Promise(setImmediate);
    }
  })();
  const before = appended;
  const parts: SnapshotChunk[] = [];
  for await (const part of store.keeper.snapshot()) parts.push(part);
  const after = appended;
  isTaken = true;
  await appending;
  t.ok(after > before, `${after - before} segments were stored meanwhile`);

  const file = Buffer.concat(parts.map(({ data }) => data));
  const [head] = parts;
  t.equal(file.length, head?.fileBytes);
  t.equal(createHash('sha256').update(file).digest('hex'), head?.sha256);
  t.match(head?.runs, [{ id: runId, state: 'created', iteration: 0, iterationState: 'open', policyVersion: 0 }]);
  t.same(
    readdirSync(folder).filter((name) => name.startsWith('.')),
    [],
    'nothing is left beside the store',
  );

  writeFileSync(join(copy, 'data.mdb'), file);
  const damages: string[] = [];
  const restored = openStore(copy, { onDamage: ({ what }) => damages.push(what) });
  const { committedTasks } = restored.getIteration(runId, 0).progress;
  t.ok(committedTasks >= before && committedTasks <= after, `${before} <= ${committedTasks} <= ${after}`);
  for (let index = 0; index < committedTasks; index++) {
    const [segment] = restored.getTrajectory(member(0, index)).segments;
    if (segment?.tokens.join() !== bulky(index).tokens.join()) t.fail(`segment of trajectory ${index} is damaged`);
  }
  for await (const { damage } of restored.keeper.check(null, false)) if (damage !== null) damages.push(damage.what);
  t.same(damages, []);
  await restored.appendSegment(runId, bulky(committedTasks));
  t.equal(restored.getIteration(runId, 0).progress.committedTasks, committedTasks + 1, 'it goes on by itself');
  await restored.close();
});

t.test('from before the copy until the caller leaves, the versions that a snapshot may name are held', async (t) => {
  const { start } = await newWorld(t);
  const { client } = await start();
  await client.putRun({ run: runRecord(), expectedRevision: null });
  await client.putProblems({ runId, batchId: 'first' }, [problem('p0')]);
  await client.putRun({ run: runRecord('new'), expectedRevision: null });
  const commit = async (iteration: number) => {
    const at = { runId, iteration };
    await client.openIteration({ ...planOf(iteration, []), policyVersion: 0 });
    await client.closeIteration(at);
    await client.freezeBatch({ ...at, maxGroups: 0, minUsable: 2, keepEqual: false });
    await client.commitIteration({ ...at, policyVersionOut: 0, metricsJson: '' });
  };
  const held = async (id = runId) => {
    const { heldFromIteration, heldToIteration } = await client.getStatistics({ runId: id });
    return [heldFromIteration, heldToIteration];
  };
  for (const iteration of [0, 1, 2]) await commit(iteration);
  t.strictSame(await held(), [null, null]);
  let bytes = 0;
  for await (const { data, fileBytes, runs } of client.takeSnapshot({ holdVersions: true })) {
    bytes += data.length;
    if (bytes < fileBytes) continue;
    t.match(
      runs.find(({ id }) => id === runId),
      { iteration: 2, policyVersion: 0 },
    );
    for (const iteration of [3, 4, 5, 6]) await commit(iteration);
    t.strictSame(await held(), [2, 2], 'all of it has come, and the run has gone on');
    t.strictSame(await held('new'), [0, 0], 'of a run without an iteration, where it begins');
    await client.putRun({ run: runRecord('later'), expectedRevision: null });
    t.strictSame(await held('later'), [null, null], 'of a run that the copy does not name, nothing');
    break;
  }
  await until(async () => (await held())[0] === null);
  t.ok((await collect(client.takeSnapshot({ holdVersions: false }))).length > 0, 'who does not ask for it gets an end');
  t.strictSame(await held(), [null, null]);
});

t.test('what several snapshots hold lies between the first and the last that any of them may name', (t) => {
  const held = new HeldVersions();
  t.equal(held.iterations('r'), null);
  const first = held.hold(new Map([['r', 2]]));
  t.strictSame(held.iterations('r'), { from: 2, to: null }, 'its copy may be of any later moment');
  t.strictSame(held.iterations('new'), { from: 0, to: null });
  first.onlyNamed([
    { id: 'r', iteration: 4 },
    { id: 'new', iteration: null },
  ]);
  t.strictSame(held.iterations('r'), { from: 4, to: 4 });
  t.strictSame(held.iterations('new'), { from: 0, to: 0 });
  t.equal(held.iterations('later'), null, 'its copy does not know it');
  const second = held.hold(
    new Map([
      ['r', 9],
      ['later', 1],
    ]),
  );
  t.strictSame(held.iterations('r'), { from: 4, to: null });
  t.strictSame(held.iterations('later'), { from: 1, to: null });
  second.onlyNamed([{ id: 'r', iteration: 9 }]);
  t.strictSame(held.iterations('r'), { from: 4, to: 9 });
  first.release();
  t.strictSame(held.iterations('r'), { from: 9, to: 9 });
  t.equal(held.iterations('new'), null);
  second.release();
  second.onlyNamed([{ id: 'r', iteration: 9 }]);
  t.equal(held.iterations('r'), null, 'released before its copy was made');
  t.end();
});

t.test('a caller that stands still in the middle of a snapshot does not hold the versions for ever', async (t) => {
  const store = freshStore(t);
  await addRun(store);
  const parts = store.keeper.snapshot(null, 50);
  t.notOk((await parts.next()).done);
  await until(async () => store.keeper.held.iterations(runId) === null);
  await parts.return(undefined);
});

t.test('a caller that leaves a snapshot in the middle leaves nothing behind', async (t) => {
  const folder = temporaryFolder();
  const store = freshStore(t, {}, folder);
  await addRun(store);
  const parts = store.keeper.snapshot();
  const first = parts.next();
  t.strictSame(store.keeper.held.iterations(runId), { from: 0, to: null }, 'before the copy is begun');
  await first;
  await parts.return(undefined);
  t.equal(store.keeper.held.iterations(runId), null);
  t.same(
    readdirSync(folder).filter((name) => name.startsWith('.')),
    [],
  );
});
