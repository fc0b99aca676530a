/** Trajectories that are asked for together: how many calls that makes, and whose failure is whose. The store is in memory. */
import { SegueError, type Trajectory } from '@segue/core';
import t from 'tap';
import { TrajectoryReader } from '../dist/index.js';

/** A store that notes its calls. Ids that begin with `rotten` cannot be read, those that begin with `no` were never planned. */
function newStore() {
  const calls: string[][] = [];
  const state = { isAway: false };
  const replay = {
    async *getTrajectories({ trajectoryIds }: { trajectoryIds: readonly string[] }) {
      calls.push([...trajectoryIds]);
      if (state.isAway) throw new SegueError('UNAVAILABLE', 'the store is away');
      for (const id of trajectoryIds) {
        if (id.startsWith('rotten')) throw new SegueError('DATA_LOSS', `${id} cannot be read`);
        if (!id.startsWith('no')) yield { id } as Partial<Trajectory> as Trajectory;
      }
    },
  };
  return { calls, state, reader: new TrajectoryReader(async () => replay) };
}

t.test('what is asked for in one turn is one call, and what is asked for meanwhile the next', async (t) => {
  const { calls, reader } = newStore();
  const read = (id: string) => reader.getTrajectory({ trajectoryId: id }).then((trajectory) => trajectory.id);
  const later: Promise<string>[] = [];
  const first = ['a', 'b', 'a'].map((id) => read(id).finally(() => later.push(read(`${id}-again`))));
  t.strictSame(await Promise.all(first), ['a', 'b', 'a']);
  t.strictSame((await Promise.all(later)).sort(), ['a-again', 'a-again', 'b-again']);
  t.strictSame(calls.slice(0, 1), [['a', 'b']]);
  t.equal(calls.length, 2);
  t.equal(await read('c'), 'c');
});

t.test('a large number is read in several calls', async (t) => {
  const { calls, reader } = newStore();
  const ids = Array.from({ length: 150 }, (_, i) => `t${i}`);
  const read = await Promise.all(ids.map((trajectoryId) => reader.getTrajectory({ trajectoryId })));
  t.strictSame(
    read.map(({ id }) => id),
    ids,
  );
  t.strictSame(
    calls.map(({ length }) => length),
    [64, 64, 22],
  );
});

t.test('one that is not there, or cannot be read, does not fail the others', async (t) => {
  const { calls, reader } = newStore();
  const ids = ['a', 'no-such', 'b', 'rotten', 'c'];
  const read = await Promise.allSettled(ids.map((trajectoryId) => reader.getTrajectory({ trajectoryId })));
  t.match(read, [
    { value: { id: 'a' } },
    { reason: { code: 'NOT_FOUND', message: /no-such was never planned/ } },
    { value: { id: 'b' } },
    { reason: { code: 'DATA_LOSS', message: /rotten cannot be read/ } },
    { value: { id: 'c' } },
  ]);
  t.strictSame(calls, [ids, ['no-such'], ['rotten'], ['c']]);
});

t.test('a store that is away fails all of them once, and is asked again by the next', async (t) => {
  const { calls, state, reader } = newStore();
  state.isAway = true;
  const read = await Promise.allSettled(['a', 'b'].map((trajectoryId) => reader.getTrajectory({ trajectoryId })));
  t.match(read, [{ reason: { code: 'UNAVAILABLE' } }, { reason: { code: 'UNAVAILABLE' } }]);
  t.equal(calls.length, 1);
  state.isAway = false;
  t.equal((await reader.getTrajectory({ trajectoryId: 'a' })).id, 'a');
});
