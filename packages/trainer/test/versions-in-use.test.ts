/** Which versions a run needs, by its iterations: not every one of these makes a version. */
import t from 'tap';
import { versionsInUse } from '../dist/versions-in-use.js';
import { FakeReplay, tinyConfig } from './support/tiny-run.js';

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
