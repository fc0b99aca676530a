/** How a rollout phase ends: when it closes, what is cut, saved, purged and planned again. Against a cluster in memory. */
import type { Deliveries } from '@segue/bus';
import type { RolloutTask, RunConfigInput } from '@segue/core';
import t from 'tap';
import { putRun, smallRun, startController } from './fake-cluster.js';
import { deliveredTask, World } from './fake-world.js';

const iterations = (world: World) => (world.iterations.get('r') ?? []).map((entry) => entry.record);
const progressOf = (world: World) => JSON.parse(world.runs.get('r')!.progressJson);

/** Nothing is trained before its rollouts, which end when enough groups are complete. */
const closesEarly: RunConfigInput = {
  ...smallRun,
  warmup: { steps: 0 },
  rollout: { ...smallRun.rollout, closeWhen: 'enough-groups' },
};

/** Runs to the end. */
async function finish(world: World): Promise<void> {
  const controller = startController(world);
  await controller.runs.resume('r');
  await controller.runs.settled();
}

t.test(
  'enough useful groups close the phase: what runs is cut and saved, and goes on first under the newer version',
  async (t) => {
    const world = new World();
    // The third group never ends by itself.
    world.endOf = (task) => (task.iteration === 0 && task.groupId === 'r-g2' ? null : 'stop');
    await putRun(world, closesEarly);
    await finish(world);
    const [first, second] = iterations(world);
    t.strictSame(first!.batchGroupIds, ['r-g0', 'r-g1']);
    t.strictSame(
      second!.tasks.slice(0, 2).map((task) => [task.trajectoryId, task.segmentIndex]),
      [
        ['r-g2-t0', 1],
        ['r-g2-t1', 1],
      ],
    );
    t.strictSame(
      world.trajectories.get('r-g2-t0')!.segments.map(({ endReason, version }) => [endReason, version]),
      [
        ['yield', 0],
        ['stop', 1],
      ],
    );
    t.equal(progressOf(world).rollout.closedBy, 'enough-groups');
  },
);

t.test('oldest-groups waits for what was issued first, as long as it can complete in this iteration', async (t) => {
  const world = new World();
  // Of the first iteration's three groups the first takes longest, and a member of the second reaches its budget.
  world.endOf = (task) => {
    if (task.iteration > 0) return 'stop';
    if (task.trajectoryId === 'r-g2-t1') setTimeout(endFirstGroup, 50);
    if (task.groupId === 'r-g0') return null;
    return task.trajectoryId === 'r-g1-t0' ? 'budget' : 'stop';
  };
  const endFirstGroup = () => {
    for (const task of world.held.values()) world.append(task, 'stop');
    world.held.clear();
  };
  await putRun(world, {
    ...closesEarly,
    rollout: { ...smallRun.rollout, groupsPerIteration: 1, overSampling: 3, closeWhen: 'oldest-groups' },
  });
  await finish(world);
  t.strictSame(iterations(world)[0]!.batchGroupIds, ['r-g0']);
  t.strictSame(
    world.trajectories.get('r-g0-t0')!.segments.map(({ endReason }) => endReason),
    ['stop'],
    'it was not cut for the third, which was complete before it',
  );
});

t.test('the iteration is closed only when each actor has flushed and the store has taken everything in', async (t) => {
  const world = new World();
  world.slowMs = 15;
  world.endOf = (task) => (task.iteration === 0 && task.groupId === 'r-g2' ? null : 'stop');
  await putRun(world, closesEarly);
  await finish(world);
  for (const id of ['r-g2-t0', 'r-g2-t1']) {
    t.equal(world.trajectories.get(id)!.segments[0]?.endReason, 'yield', 'no segment came too late');
  }
  t.equal(world.stream.length, 0);
});

t.test('a closing signal that the bus lost is given again, so that what runs is saved', async (t) => {
  const world = new World();
  world.endOf = (task) => (task.iteration === 0 && task.groupId === 'r-g2' ? null : 'stop');
  await putRun(world, { ...closesEarly, iterations: 1 });
  let signals = 0;
  const controller = startController(world, (_, method, call) => {
    if (method !== 'putIterationSignal' || ++signals !== 2) return call();
    // Taken, and lost with the data of the bus before the actor saw it.
    world.signal = null;
    return Promise.resolve();
  });
  await controller.runs.resume('r');
  await controller.runs.settled();
  t.equal(progressOf(world).rollout.closedBy, 'enough-groups');
  t.equal(signals, 3);
  t.match(world.signal, { iteration: 0, open: false });
  for (const id of ['r-g2-t0', 'r-g2-t1']) t.equal(world.trajectories.get(id)!.segments[0]?.endReason, 'yield');
});

t.test('at close unstarted tasks are purged, and planned again', async (t) => {
  const world = new World();
  world.endOf = (task) => (task.iteration === 0 && task.groupId === 'r-g2' ? 'leave' : 'stop');
  await putRun(world, closesEarly);
  await finish(world);
  t.equal(world.runs.get('r')?.state, 'finished');
  t.equal(world.queue.length, 0);
  t.ok(
    world.published.every((task) => task.attempt === 0),
    'none was taken for lost',
  );
  t.strictSame(
    iterations(world)[1]!
      .tasks.slice(0, 2)
      .map((task) => [task.trajectoryId, task.segmentIndex]),
    [
      ['r-g2-t0', 0],
      ['r-g2-t1', 0],
    ],
  );
});

t.test('an early close marks what a dead actor left, not what others have taken or ended meanwhile', async (t) => {
  const world = new World();
  const left = new Map<string, RolloutTask>();
  world.endOf = (task) => {
    if (task.iteration > 0 || task.groupId !== 'r-g2') return 'stop';
    left.set(task.trajectoryId, task);
    // One is held by an actor that lives; one was left by an actor that is gone.
    return task.trajectoryId === 'r-g2-t0' ? null : 'lose';
  };
  world.leasesOfTheDead = 1;
  let readings = 0;
  world.delivered = () => {
    readings++;
    const [held, lost] = [left.get('r-g2-t0'), left.get('r-g2-t1')];
    if (held === undefined || lost === undefined) return [];
    const other = (trajectoryId: string, deliveries?: Partial<Deliveries>, attempt = 0) =>
      deliveredTask({ ...lost, trajectoryId, attempt }, deliveries);
    // Taken after the actors were asked first.
    const fresh = { ...lost, trajectoryId: 'r-g0-t0' };
    world.held.set(fresh.trajectoryId, fresh);
    return [
      ...[held, lost, fresh].map((task) => deliveredTask(task)),
      readings === 1 ? other('ended') : other('begun'),
      other('issued again', {}, readings),
      // Its lease ran out before the second look, and somebody took it who was not yet asked.
      readings === 1 ? other('taken') : other('taken', { deliveryCount: 2, lostBefore: 1 }),
      other('given back', { deliveryCount: 3, lostBefore: 2, isNewestLost: false }),
      other('left again', { deliveryCount: 2, lostBefore: 1 }),
    ];
  };
  await putRun(world, { ...closesEarly, iterations: 1 });
  await finish(world);
  t.equal(progressOf(world).rollout.closedBy, 'enough-groups');
  t.equal(readings, 2);
  t.strictSame(Object.fromEntries(world.lostTries), { 'r-g2-t1': 1, taken: 1, 'given back': 2, 'left again': 2 });
});

t.test('an early close marks what was lost before under an actor that has not got as far as to mark it', async (t) => {
  const world = new World();
  world.endOf = (task) => (task.iteration === 0 && task.groupId === 'r-g2' ? null : 'stop');
  world.delivered = () => {
    const [first, second] = [...world.held.values()];
    return [deliveredTask(first!, { deliveryCount: 2, lostBefore: 1 }), deliveredTask(second!)];
  };
  await putRun(world, { ...closesEarly, iterations: 1 });
  await finish(world);
  t.strictSame(Object.fromEntries(world.lostTries), { 'r-g2-t0': 1 });
});

t.test('a close whose leases all are held by actors looks once and marks nothing', async (t) => {
  const world = new World();
  world.endOf = (task) => (task.iteration === 0 && task.groupId === 'r-g2' ? null : 'stop');
  let readings = 0;
  world.delivered = () => {
    readings++;
    return [...world.held.values()].map((task) => deliveredTask(task));
  };
  await putRun(world, { ...closesEarly, iterations: 1 });
  await finish(world);
  t.equal(readings, 1);
  t.equal(world.lostTries.size, 0);
});
