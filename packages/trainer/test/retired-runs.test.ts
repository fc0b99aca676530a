/** Which weights stay of runs whose records are gone: the newest, those that a run that goes on is made from, and those that are pinned. */

import { mkdirSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type IterationRecord, type ReplayStatistics, type RunRecord, type RunState, SegueError } from '@segue/core';
import t from 'tap';
import { PolicyStore } from '../dist/policy-store.js';
import { RetiredRuns } from '../dist/retired-runs.js';

function run(id: string, state: RunState, from: string | null = null): RunRecord {
  const counts = { trainProblems: 0, evaluationProblems: 0, warmupProblems: 0 };
  const configJson = JSON.stringify({ policy: { from } });
  return { id, state, configJson, createdAtMs: 0, revision: 1, error: '', progressJson: '', ...counts };
}

t.test('weights of runs that are over and have no records', async (t) => {
  const root = await mkdtemp(join(tmpdir(), 'segue-weights-'));
  t.teardown(() => rm(root, { recursive: true }));
  const store = new PolicyStore(root);
  const write = async (folder: string) => {
    mkdirSync(folder);
    await writeFile(join(folder, 'w'), 'weights');
  };
  const put = async (runId: string, version: number) =>
    store.put({ runId, version, parent: 0, origin: 'trained', inputHash: '0'.repeat(64), metrics: {} }, write);
  for (const id of ['gone', 'kept', 'living', 'unknown']) for (let v = 0; v < 6; v++) await put(id, v);
  await writeFile(join(root, 'stray'), '');
  const runs = [
    run('gone', 'finished'),
    run('kept', 'finished'),
    run('living', 'running'),
    run('waits', 'created', 'run:gone@2'),
    run('rests', 'paused', store.folder('gone', 3)),
    run('failed', 'failed', 'run:kept@1'),
    run('done', 'stopped', 'run:gone@4'),
    run('elsewhere', 'created', '/nowhere'),
  ];
  const withRecords = new Set(['kept', 'living']);
  let runsRetired = 0;
  let heldFromIteration: number | null = null;
  const asked: string[] = [];
  const replay = {
    listRuns: async () => ({ runs }),
    getStatistics: async () => ({ runsRetired, heldFromIteration }) as Partial<ReplayStatistics> as ReplayStatistics,
    getIteration: async ({ runId }: { readonly runId: string }): Promise<IterationRecord> => {
      asked.push(runId);
      if (withRecords.has(runId)) return { iteration: 3 } as IterationRecord;
      throw new SegueError('NOT_FOUND', 'no iteration yet');
    },
  };
  const retired = new RetiredRuns(store, async () => new Set([1]));
  t.strictSame([...(await retired.versionsToKeep(replay))], []);
  t.strictSame(asked, [], 'nobody is asked about while the store has let go of none');
  runsRetired = 1;
  heldFromIteration = 4;
  t.strictSame([...(await retired.versionsToKeep(replay))], [], 'not while a snapshot may name a version of it');
  t.strictSame(asked.splice(0).sort(), ['gone', 'kept']);
  heldFromIteration = null;
  const kept = await retired.versionsToKeep(replay);
  t.strictSame(asked.splice(0), ['gone'], 'what it has found is found again without a question');
  t.strictSame([...kept.keys()], ['gone'], 'a run of which the store knows nothing is not touched');
  const versions = kept.get('gone') ?? new Set();
  t.strictSame([...versions].sort(), [1, 2, 3, 5], 'not that of a run that is over itself');
  t.equal(await store.keepOnly('gone', versions), 2);
  t.strictSame(await store.versions('gone'), [1, 2, 3, 5]);
  await store.verify('gone', 5);
  t.equal(await store.keepOnly('gone', versions), 0);
  t.strictSame([...(await retired.versionsToKeep(replay))], [], 'then there is nothing to do');
  t.strictSame(asked.splice(0), ['gone'], 'of a run with records nothing is asked again');
  withRecords.delete('kept');
  runsRetired = 2;
  t.strictSame([...(await retired.versionsToKeep(replay)).keys()], ['kept'], 'until the store lets go of another one');

  replay.getIteration = async () => {
    throw new SegueError('UNAVAILABLE', 'the store is away');
  };
  await t.rejects(retired.versionsToKeep(replay), { code: 'UNAVAILABLE' }, 'nothing is removed on a guess');
});
