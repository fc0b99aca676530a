/** Which versions a run needs, by its iterations: not every one of these makes a version; and which a trainer that is started anew removes. */
import { SegueError } from '@segue/core';
import { createMetrics } from '@segue/service';
import t, { type Test } from 'tap';
import { collect } from '../../../test/support/waiting.js';
import { defineTrainerMetrics } from '../dist/metrics.js';
import { OldVersions } from '../dist/old-versions.js';
import { versionsInUse } from '../dist/versions-in-use.js';
import { batch, FakeReplay, startTrainer, tinyConfig } from './support/tiny-run.js';

t.test(
  'versions of iterations that a snapshot may name are in use, those between them and the newest are not',
  async (t) => {
    const replay = new FakeReplay(tinyConfig());
    // The batches of iterations 0, 2 and 3 were empty.
    const sampledBy = [0, 0, 1, 1, 1, 2, 3, 4];
    for (const [iteration, policyVersion] of sampledBy.entries())
      replay.batches.set(iteration, { policyVersion, groups: [] });
    const inUse = async (from: number | null, to: number | null, since: number[] = []) => {
      replay.heldFromIteration = from;
      replay.heldToIteration = to;
      replay.unfinishedSince = since;
      const { versions, isHeld } = await versionsInUse('r', replay, new Set());
      t.equal(isHeld, from !== null);
      return [...versions].sort();
    };
    t.strictSame(await inUse(null, null), [4]);
    t.strictSame(await inUse(4, null), [1, 2, 3, 4], 'until the copy is made, all from its begin on');
    t.strictSame(await inUse(4, 4), [1, 2, 4], 'what samples in its newest iteration, and what comes out of it');
    t.strictSame(await inUse(2, 3), [1, 4], 'one version of two iterations, as of what came out of them');
    t.strictSame(await inUse(2, 4), [1, 2, 4], 'of two snapshots');
    t.strictSame(await inUse(1, 1, [6]), [0, 1, 3, 4], 'beside those of unfinished trajectories');
    t.strictSame(await inUse(6, 6, [4]), [1, 2, 3, 4]);
    t.strictSame(await inUse(7, 7), [4], 'the newest is not committed: nothing has come out of it');
  },
);

/** A run whose versions were held when a trainer made its last one, and that trainer's folder. */
async function heldRun(t: Test): Promise<string> {
  const { trainer, replay, folder } = await startTrainer(t, tinyConfig());
  await trainer.initialize('r');
  replay.heldFromIteration = 0;
  for (let iteration = 0; iteration < 4; iteration++) {
    replay.batches.set(iteration, { policyVersion: iteration, groups: batch('r', iteration) });
    await collect(trainer.train('r', iteration, new AbortController().signal));
  }
  return folder;
}

t.test('what was held when a run made its last version goes also after a new start', async (t) => {
  const { trainer } = await startTrainer(t, tinyConfig(), await heldRun(t));
  await trainer.retire();
  t.strictSame(await trainer.store.versions('r'), [0, 3, 4]);
  t.strictSame(await trainer.store.heldRuns(), []);
});

t.test('and where work after it finds no space before anybody has looked', async (t) => {
  const { trainer, replay } = await startTrainer(t, tinyConfig(), await heldRun(t));
  const old = new OldVersions(trainer.store, {
    config: { keepVersions: 2 },
    log: { info: () => {}, warn: () => {} },
    metrics: defineTrainerMetrics(createMetrics('trainer', 'test')),
    replay: async () => replay,
    pinned: async () => new Set(),
  });
  await old.makeRoom('another', new SegueError('RESOURCE_EXHAUSTED', 'no space'));
  t.strictSame(await trainer.store.versions('r'), [0, 3, 4]);
});

t.test('a run keeps what it had when a trainer that keeps less is started', async (t) => {
  const before = await startTrainer(t, tinyConfig(), undefined, { keepVersions: 4 });
  await before.trainer.initialize('r');
  for (let iteration = 0; iteration < 4; iteration++) {
    before.replay.batches.set(iteration, { policyVersion: iteration, groups: batch('r', iteration) });
    await collect(before.trainer.train('r', iteration, new AbortController().signal));
  }
  const { trainer } = await startTrainer(t, tinyConfig(), before.folder);
  await trainer.retire();
  t.strictSame(await trainer.store.versions('r'), [0, 1, 2, 3, 4]);
});
