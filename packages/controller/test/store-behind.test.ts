/** An earlier state of the store beside newer data of the message server: the run fails, and goes on after either is put right. Against a cluster in memory. */
import { SegueError } from '@segue/core';
import t, { type Test } from 'tap';
import { putRun, smallRun, startController, until } from './fake-cluster.js';
import { World } from './fake-world.js';

const oneIteration = { ...smallRun, warmup: { steps: 0 }, iterations: 1 };
const twoIterations = { ...oneIteration, iterations: 2, evaluation: { everyIterations: 0, problems: 1 } };

for (const when of ['when the run is taken up', 'in the middle of a phase'] as const) {
  t.test(`a bus that is further than the store is told, ${when}, and calmed`, async (t) => {
    const world = new World();
    await putRun(world, oneIteration);
    world.endOf = () => null;
    const ahead = { runId: 'r', iteration: 8, policyVersion: 0, open: true };
    if (when === 'when the run is taken up') world.signal = ahead;
    const controller = startController(world);
    t.teardown(() => controller.kill());
    await controller.runs.resume('r');
    if (world.signal !== ahead) {
      await until(() => world.held.size === 6, 'six tasks are held');
      world.signal = ahead;
    }
    await until(() => world.runs.get('r')?.state === 'failed', 'it says so');
    t.match(world.runs.get('r'), { error: /has had iteration 8 of r, .* come to 0: an earlier state/ });
    t.strictSame(world.signal, { ...ahead, open: false }, 'nobody generates for it any more');
    await controller.runs.settled();
    await controller.runs.resume('r');
    await until(() => world.runs.get('r')?.state === 'failed', 'nothing is mended by another try');
    t.strictSame(world.signal, { ...ahead, open: false }, 'and it never says that it is open');
  });
}

/** What the store has, as a copy that can be put back. */
function snapshotOf(world: World) {
  const { runs, iterations, groups, trajectories, events } = structuredClone({
    runs: world.runs,
    iterations: world.iterations,
    groups: world.groups,
    trajectories: world.trajectories,
    events: world.events,
  });
  const fill = <K, V>(into: Map<K, V>, from: ReadonlyMap<K, V>) => {
    into.clear();
    for (const [key, value] of from) into.set(key, value);
  };
  return () => {
    fill(world.runs, runs);
    fill(world.iterations, iterations);
    fill(world.groups, groups);
    fill(world.trajectories, trajectories);
    fill(world.events, events);
  };
}

/** A run whose store was put back to its first iteration, while the second one was open and two of its tasks lay in the queue; it has failed. */
async function behind(t: Test) {
  const world = new World();
  await putRun(world, twoIterations);
  world.endOf = () => null;
  const first = startController(world);
  await first.runs.resume('r');
  await until(() => world.held.size === 6, 'six tasks of the first iteration are held');
  const putEarlierBack = snapshotOf(world);
  world.endOf = ({ iteration, trajectoryId }) =>
    iteration === 0 ? 'stop' : trajectoryId.endsWith('t1') ? 'leave' : null;
  for (const task of world.held.values()) world.append(task, 'stop');
  world.held.clear();
  await until(() => world.signal?.iteration === 1 && world.queue.length > 0, 'the second one is open');
  await first.kill();
  const putLaterBack = snapshotOf(world);

  putEarlierBack();
  // Actors are started anew, and have what they had: nothing.
  world.held.clear();
  const second = startController(world);
  t.teardown(() => second.kill());
  await second.runs.recover();
  await second.runs.settled();
  t.match(world.runs.get('r'), { state: 'failed', error: /has had iteration 1 of r, .* come to 0/ });
  t.match(world.signal, { iteration: 1, open: false });
  t.strictSame(world.queue, [], 'its tasks stand in no other run’s way');
  return { world, runs: second.runs, putLaterBack };
}

async function finish(t: Test, world: World, runs: ReturnType<typeof startController>['runs']): Promise<void> {
  world.endOf = () => 'stop';
  await runs.resume('r');
  await runs.settled();
  t.match(world.runs.get('r'), { state: 'finished', error: '' });
  t.match(world.active, { version: 2 });
  const planned = world.iterations.get('r')!.flatMap(({ record }) => record.tasks);
  t.ok(planned.length > 6, 'both iterations had tasks');
  const segments = planned.map(({ trajectoryId }) => world.trajectories.get(trajectoryId)!.segments.length);
  t.strictSame(new Set(segments), new Set([1]), 'each trajectory was generated once');
}

t.test('a later state that is put back goes on with the iteration that is open in it', async (t) => {
  const { world, runs, putLaterBack } = await behind(t);
  putLaterBack();
  const issued = world.published.length;
  await finish(t, world, runs);
  t.strictSame(new Set(world.published.slice(issued).map(({ iteration }) => iteration)), new Set([1]));
});

t.test('without the data of the message server it goes on from the earlier state', async (t) => {
  const { world, runs } = await behind(t);
  world.signal = null;
  world.active = null;
  const issued = world.published.length;
  await finish(t, world, runs);
  t.strictSame(new Set(world.published.slice(issued).map(({ iteration }) => iteration)), new Set([0, 1]));
});

for (const [code, state] of [
  ['DATA_LOSS', 'failed'],
  ['INTERNAL', 'running'],
] as const)
  t.test(
    `where nobody can tell whose the later iteration is (${code}), its gate stays and the run is ${state}`,
    async (t) => {
      const world = new World();
      await putRun(world, oneIteration);
      world.endOf = () => null;
      let isBroken = false;
      const controller = startController(world, (_, method, call) => {
        if (!isBroken) return call();
        if (method === 'getIteration') throw new SegueError(code, 'its row cannot be read');
        if (method !== 'getIterationProgress') return call();
        world.signal = { ...world.signal!, iteration: 1 };
        throw new SegueError('INVALID_INPUT', 'a refusal');
      });
      t.teardown(() => controller.kill());
      await controller.runs.resume('r');
      await until(() => world.held.size === 6, 'six tasks are held');
      isBroken = true;
      await controller.runs.settled();
      t.equal(world.runs.get('r')?.state, state);
      t.match(world.signal, { iteration: 1, open: true });
    },
  );

t.test('what another controller has open stays, of a run that fails under this one', async (t) => {
  const world = new World();
  await putRun(world, twoIterations);
  world.endOf = () => null;
  let isBroken = false;
  const controller = startController(world, (_, method, call) => {
    if (!isBroken || method !== 'getIterationProgress') return call();
    // The other one has gone on in the meantime, and this one fails for a reason of its own.
    const [first] = world.iterations.get('r')!;
    const committed = { ...first!.record, state: 'committed' as const };
    world.iterations.set('r', [
      { ...first!, record: committed },
      { ...first!, record: { ...first!.record, iteration: 1 } },
    ]);
    world.signal = { ...world.signal!, iteration: 1 };
    throw new SegueError('INVALID_INPUT', 'a refusal');
  });
  t.teardown(() => controller.kill());
  await controller.runs.resume('r');
  await until(() => world.held.size === 6, 'six tasks are held');
  isBroken = true;
  await controller.runs.settled();
  t.equal(world.runs.get('r')?.state, 'failed');
  t.match(world.signal, { iteration: 1, open: true });
});
