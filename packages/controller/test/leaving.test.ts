/** A run that one controller brings to rest while another one has it in hand: that one leaves it, and what it was told stays. Against a cluster in memory. */
import type { IterationSignal } from '@segue/bus';
import { SegueError } from '@segue/core';
import t, { type Test } from 'tap';
import { type Guard, putRun, smallRun, startController, until } from './fake-cluster.js';
import { World } from './fake-world.js';
import { barrier } from './standing-still.js';

const twoIterations = {
  ...smallRun,
  iterations: 2,
  warmup: { steps: 0 },
  evaluation: { everyIterations: 0, problems: 1 },
};

/** A controller whose actor is at work, and runs until the iteration is closed. */
async function atWork(t: Test, world: World, guard?: Guard) {
  world.endOf = () => null;
  await putRun(world, twoIterations);
  const first = startController(world, guard);
  t.teardown(() => first.kill());
  await first.runs.resume('r');
  await until(() => world.held.size > 0, 'its actor is at work');
  return first;
}

const state = (world: World) => world.runs.get('r')?.state;

/** Another controller, without the run in hand, writes down that it is at rest. */
async function rest(t: Test, world: World, to: 'paused' | 'stopped'): Promise<void> {
  const other = startController(world);
  t.teardown(() => other.kill());
  await other.runs.rest('r', to, other.signal);
  t.equal(state(world), to);
}

t.test('a run that another controller stops is closed and left by the one that has it in hand', async (t) => {
  const world = new World();
  const first = await atWork(t, world);
  await rest(t, world, 'stopped');
  await until(() => first.runs.active === null || world.signal?.open === false, 'it hears of it');
  await first.runs.settled();
  t.match(world.signal, { iteration: 0, open: false }, 'its actor is told');
  t.equal(world.iterations.get('r')![0]!.record.state, 'closed', 'what was generated is saved');
  t.equal(state(world), 'stopped', 'for good, not paused');
  t.strictSame(world.trained, []);
  t.ok(first.logs.some(({ message }) => /another controller has brought the run to rest/.test(message)));
});

t.test('one that stood still while its successor was paused does not go on', async (t) => {
  const world = new World();
  const { close, passed, open } = barrier();
  let stands = false;
  const first = await atWork(t, world, (_, method, call) => {
    if (method !== 'getIterationProgress') return call();
    stands ||= world.held.size > 0;
    if (stands) close();
    return passed().then(call);
  });
  await until(() => stands, 'it stands still');
  const second = startController(world);
  t.teardown(() => second.kill());
  await second.runs.recover();
  await until(() => second.runs.active?.phase.phase === 'rollout', 'its successor has the run in hand');
  await second.runs.rest('r', 'paused', second.signal);
  t.equal(world.iterations.get('r')![0]!.record.state, 'closed');
  stands = false;
  open();
  await first.runs.settled();
  t.equal(state(world), 'paused');
  t.equal(world.iterations.get('r')![0]!.record.state, 'closed', 'no batch was made');
  world.endOf = () => 'stop';
  await first.runs.resume('r');
  await first.runs.settled();
  t.equal(state(world), 'finished', 'and goes on when it is told to');
});

t.test('one that stood still between two iterations begins nothing of what its successor has left', async (t) => {
  const world = new World();
  world.endOf = ({ iteration }) => (iteration === 0 ? 'stop' : null);
  await putRun(world, twoIterations);
  const { close, passed, open } = barrier();
  close();
  let stands = false;
  const first = startController(world, (_, method, call) => {
    if (method !== 'freezeBatch') return call();
    stands = true;
    return passed().then(call);
  });
  t.teardown(() => first.kill());
  await first.runs.resume('r');
  await until(() => stands, 'it stands still');
  const second = startController(world);
  t.teardown(() => second.kill());
  await second.runs.recover();
  await until(() => world.held.size > 0, 'its successor is in the second iteration');
  await second.runs.rest('r', 'paused', second.signal);
  open();
  await first.runs.settled();
  t.equal(world.iterations.get('r')![1]!.record.state, 'closed', 'no batch was made');
  t.equal(state(world), 'paused');
});

t.test('an iteration whose closing fails as the run is left is closed all the same', async (t) => {
  const world = new World();
  let fails = 2;
  let openings = 0;
  const first = await atWork(t, world, (_, method, call, [signal]) => {
    if (method === 'putIterationSignal' && (signal as IterationSignal).open) openings++;
    if (method === 'closeIteration' && fails-- > 0) throw new SegueError('UNAVAILABLE', 'the store is away');
    return call();
  });
  await rest(t, world, 'paused');
  await first.runs.settled();
  t.ok(fails < 0);
  t.equal(openings, 1, 'and not opened again for that: actors may be at work for another run');
  t.equal(world.iterations.get('r')![0]!.record.state, 'closed');
  t.equal(state(world), 'paused');
});

t.test('an iteration whose closing fails stays open where the run goes on elsewhere meanwhile', async (t) => {
  const world = new World();
  let closings = 0;
  const first = await atWork(t, world, (_, method, call) => {
    if (method !== 'closeIteration') return call();
    closings++;
    // Another controller has resumed it.
    world.runs.set('r', { ...world.runs.get('r')!, state: 'running' });
    throw new SegueError('UNAVAILABLE', 'the store is away');
  });
  await rest(t, world, 'paused');
  await first.runs.settled();
  t.equal(closings, 1, 'it would be the other one that lost its work');
  t.equal(world.iterations.get('r')![0]!.record.state, 'open');
  t.equal(state(world), 'running');
});

t.test('a run that fails as it is left keeps the state that it was given', async (t) => {
  const world = new World();
  const first = await atWork(t, world, (_, method, call) => {
    // Before the actor is told.
    if (method === 'deliveredTasks') throw new SegueError('INTERNAL', 'the message server breaks');
    return call();
  });
  await rest(t, world, 'stopped');
  await first.runs.settled();
  t.equal(state(world), 'stopped');
  t.match(world.signal, { open: false }, 'its actor is told all the same');
});

/** A controller that, told to close the iteration, stands still until it is let go on. */
async function closesSlowly(t: Test, world: World) {
  const { close, passed, open } = barrier();
  close();
  let stands = false;
  const first = await atWork(t, world, (_, method, call) => {
    if (method !== 'closeIteration') return call();
    stands = true;
    return passed().then(call);
  });
  return { first, open, isClosing: () => stands };
}

t.test('a stop that comes while a run closes for its pause stands', async (t) => {
  const world = new World();
  const { first, isClosing, open } = await closesSlowly(t, world);
  const pausing = first.runs.rest('r', 'paused', first.signal);
  await until(isClosing, 'it closes');
  await rest(t, world, 'stopped');
  open();
  t.match(await pausing, { state: 'stopped' });
  t.equal(state(world), 'stopped');
});

t.test('a stop of a run that is being left is not lost with its caller', async (t) => {
  const world = new World();
  const { first, isClosing, open } = await closesSlowly(t, world);
  await rest(t, world, 'paused');
  await until(isClosing, 'it leaves');
  const caller = new AbortController();
  const stopping = first.runs.rest('r', 'stopped', caller.signal);
  caller.abort();
  await t.rejects(stopping, { code: 'CANCELLED' });
  open();
  await first.runs.settled();
  t.equal(state(world), 'stopped');
});

t.test('a run that is resumed where it is being left goes on there', async (t) => {
  const world = new World();
  const { first, isClosing, open } = await closesSlowly(t, world);
  await rest(t, world, 'paused');
  await until(isClosing, 'it leaves');
  world.endOf = () => 'stop';
  const resumed = first.runs.resume('r');
  open();
  t.match(await resumed, { state: 'running' });
  await first.runs.settled();
  t.equal(state(world), 'finished', 'without another look for runs that nobody has in hand');
});

t.test('actors hear nothing of the version of a run that is left before it is active', async (t) => {
  const world = new World();
  const { close, passed, open } = barrier();
  close();
  let stands = false;
  await putRun(world, twoIterations);
  const first = startController(world, (_, method, call) => {
    if (method !== 'preparePolicy') return call();
    stands = true;
    return passed().then(call);
  });
  t.teardown(() => first.kill());
  await first.runs.resume('r');
  await until(() => stands, 'it stands still');
  await rest(t, world, 'paused');
  open();
  await first.runs.settled();
  t.equal(world.active, null);
  t.equal(state(world), 'paused');
});
