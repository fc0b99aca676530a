/** The life of a run against a cluster in memory: iterations, lost tasks, pauses, failures. */
import { type EndReason, type RolloutTask, SegueError } from '@segue/core';
import t from 'tap';
import { Watchdog } from '../dist/status.js';
import { putRun, smallRun, startController, until } from './fake-cluster.js';
import { World } from './fake-world.js';

const state = (world: World, id = 'r') => world.runs.get(id)?.state;
const events = (world: World, kind: string, id = 'r') =>
  (world.events.get(id) ?? []).filter((event) => event.kind === kind).map((event) => JSON.parse(event.bodyJson));
const iterations = (world: World, id = 'r') => (world.iterations.get(id) ?? []).map((entry) => entry.record);
const progressOf = (world: World, id = 'r') => JSON.parse(world.runs.get(id)!.progressJson);

/** Runs to the end. */
async function finish(world: World): Promise<void> {
  const controller = startController(world);
  await controller.runs.resume('r');
  await controller.runs.settled();
}

t.test('a run warms up, evaluates, iterates, evaluates again, and is finished', async (t) => {
  const world = new World();
  await putRun(world);
  await finish(world);
  t.equal(state(world), 'finished');
  t.strictSame(
    events(world, 'phase').map(({ phase, iteration }) => `${phase} ${iteration}`),
    [
      'warmup 0',
      'activate 0',
      'evaluate 0',
      'plan 0',
      'rollout 0',
      'close 0',
      'train 0',
      'activate 0',
      'evaluate 1',
      'plan 1',
      'rollout 1',
      'close 1',
      'train 1',
      'activate 1',
      'evaluate 2',
    ],
  );
  t.strictSame(
    events(world, 'evaluation').map(({ when, policyVersion, temperature, samples }) => [
      when,
      policyVersion,
      temperature,
      samples,
    ]),
    [
      ['before', 0, 1, 2],
      ['before', 0, 0, 1],
      ['between', 1, 1, 1],
      ['after', 2, 1, 2],
      ['after', 2, 0, 1],
    ],
  );
  t.strictSame(
    events(world, 'state').map((event) => event.state),
    ['running', 'finished'],
  );
  t.strictSame(events(world, 'warmup').at(-1), { step: 2, steps: 2, loss: 0.5 });
  t.equal(progressOf(world).policy.ref.version, 2);
  const [first, second] = iterations(world);
  t.match(first, { state: 'committed', policyVersion: 0, policyVersionOut: 1 });
  t.match(second, { state: 'committed', policyVersion: 1, policyVersionOut: 2 });
  t.equal(first!.tasks.length, 6, '1.5 x 2 groups of 2');
  const [event] = events(world, 'iteration');
  t.match(event, { iteration: 0, policyVersionIn: 0, policyVersionOut: 1, plannedTasks: 6, committedTasks: 6 });
  t.equal(event.carriedTrajectories, second!.tasks.filter((task) => task.segmentIndex > 0).length);
  t.ok(event.carriedTrajectories > 0, 'some go on');
});

t.test('a task carries seed, sampling, budget and cap of the run, and its own last span', async (t) => {
  const world = new World();
  await putRun(world, { ...smallRun, seed: 9, iterations: 3 });
  await finish(world);
  t.match(world.published[0], {
    runId: 'r',
    iteration: 0,
    policyVersion: 0,
    segmentIndex: 0,
    attempt: 0,
    seed: 9,
    sampling: { temperature: 1, topK: 0, topP: 1 },
    budgetTokens: 96,
    capTokens: 320,
    lastSpan: false,
  });
  const last = world.published.filter((task) => task.lastSpan);
  t.ok(last.length > 0);
  t.ok(
    last.every((task) => task.segmentIndex === 2),
    'maxSpan is 3',
  );
  t.equal(
    new Set(world.published.map((task) => `${task.trajectoryId} ${task.segmentIndex}`)).size,
    world.published.length,
  );
});

t.test('an iteration without a complete group trains nothing and keeps its version', async (t) => {
  const world = new World();
  world.endOf = (task) => (task.iteration === 0 ? 'budget' : 'stop');
  await putRun(world, { ...smallRun, warmup: { steps: 0 } });
  await finish(world);
  t.match(iterations(world)[0], { state: 'committed', policyVersion: 0, policyVersionOut: 0, batchGroupIds: [] });
  t.match(iterations(world)[1], { state: 'committed', policyVersion: 0, policyVersionOut: 1 });
  t.match(events(world, 'iteration')[0], { policyVersionOut: 0, groupsTrained: 0, train: null, rewardMean: null });
  t.equal(world.trained.length, 1);
});

t.test('a task that nobody holds is issued again, as another try', async (t) => {
  const world = new World();
  const lost = new Set<string>();
  world.endOf = (task) => {
    if (task.trajectoryId !== 'r-g1-t0' || lost.has(task.trajectoryId)) return 'stop';
    lost.add(task.trajectoryId);
    return 'lose';
  };
  await putRun(world, { ...smallRun, warmup: { steps: 0 } });
  await finish(world);
  t.equal(state(world), 'finished');
  const tries = world.published.filter((task) => task.trajectoryId === 'r-g1-t0');
  t.strictSame(
    tries.map(({ iteration, attempt }) => [iteration, attempt]),
    [
      [0, 0],
      [0, 1],
    ],
  );
  t.equal(world.trajectories.get('r-g1-t0')!.segments.length, 1);
});

t.test('trajectories are not searched through while all that is owed is on its way', async (t) => {
  const world = new World();
  world.endOf = (task) => (task.trajectoryId === 'r-g0-t0' ? null : 'stop');
  await putRun(world, { ...smallRun, warmup: { steps: 0 } });
  const controller = startController(world);
  await controller.runs.resume('r');
  await until(() => world.held.size === 1 && iterations(world)[0]!.tasks.length === 6, 'the task is held');
  const { trajectories, queues } = world.looks;
  await until(() => world.looks.queues >= queues + 5, 'the queues are looked at');
  t.equal(world.looks.trajectories, trajectories);
  // Its lease is gone and nobody holds it: now they are.
  world.endOf = () => 'stop';
  world.held.clear();
  await until(() => world.published.length > 6, 'it is issued again');
  t.ok(world.looks.trajectories > trajectories);
  await controller.runs.settled();
});

t.test('a failed try is issued again, a bounded number of times', async (t) => {
  const world = new World();
  const tries: RolloutTask[] = [];
  world.endOf = (task): EndReason => {
    if (task.trajectoryId !== 'r-g0-t1') return 'stop';
    tries.push(task);
    return 'error';
  };
  await putRun(world, { ...smallRun, iterations: 1, warmup: { steps: 0 } });
  await finish(world);
  t.equal(state(world), 'finished');
  t.equal(tries.length, 3, 'maxAttempts');
  t.equal(new Set(tries.map((task) => task.attempt)).size, 3);
  t.equal(world.trajectories.get('r-g0-t1')!.state, 'failed');
  t.notOk(iterations(world)[0]!.batchGroupIds.includes('r-g0'), 'one usable member is not enough');
});

t.test('tasks of a dead actor wait for their lease and are not issued twice', async (t) => {
  const world = new World();
  world.endOf = (task) => (task.trajectoryId === 'r-g0-t0' && task.iteration === 0 ? null : 'stop');
  await putRun(world, { ...smallRun, warmup: { steps: 0 } });
  const controller = startController(world);
  await controller.runs.resume('r');
  await until(() => world.held.size === 1 && iterations(world)[0]!.tasks.length === 6, 'the task is held');
  // The actor is gone; its lease is still there, and nobody lists it.
  world.actors = [];
  await new Promise((resolve) => setTimeout(resolve, 40));
  t.equal(world.published.length, 6, 'nothing was issued again');
  t.ok(
    controller.waits.list().some(({ what }) => what === 'actor'),
    'and the status says who is missing',
  );
  const [task] = [...world.held.values()];
  world.held.clear();
  world.actors = ['actor-1'];
  world.endOf = () => 'stop';
  world.queue.push(task!);
  world.pump();
  await controller.runs.settled();
  t.equal(state(world), 'finished');
  t.equal(world.published.filter(({ iteration }) => iteration === 0).length, 6);
});

t.test('pause closes the rollout phase and saves what runs; resume goes on from there', async (t) => {
  const world = new World();
  world.endOf = () => null;
  await putRun(world, { ...smallRun, warmup: { steps: 0 } });
  const controller = startController(world);
  await controller.runs.resume('r');
  await until(() => world.held.size === 6, 'all tasks run');
  const paused = await controller.runs.rest('r', 'paused', new AbortController().signal);
  t.equal(paused.state, 'paused');
  t.match(iterations(world)[0], { state: 'closed' });
  t.ok(
    [...world.trajectories.values()].every(({ segments }) => segments[0]?.endReason === 'yield'),
    'cut and saved',
  );
  t.equal(world.signal?.open, false);
  t.equal((await controller.runs.rest('r', 'paused', new AbortController().signal)).state, 'paused', 'idempotent');
  world.endOf = () => 'stop';
  await controller.runs.resume('r');
  await controller.runs.resume('r');
  await controller.runs.settled();
  t.equal(state(world), 'finished');
  t.strictSame(
    events(world, 'state').map((event) => event.state),
    ['running', 'paused', 'running', 'finished'],
  );
  t.equal(iterations(world)[1]!.tasks.filter((task) => task.segmentIndex === 1).length, 4, 'resumed, fresh share kept');
});

t.test('stop is for good', async (t) => {
  const world = new World();
  world.endOf = () => null;
  await putRun(world, { ...smallRun, warmup: { steps: 0 } });
  const controller = startController(world);
  await controller.runs.resume('r');
  await until(() => world.held.size === 6, 'all tasks run');
  t.equal((await controller.runs.rest('r', 'stopped', new AbortController().signal)).state, 'stopped');
  await t.rejects(controller.runs.resume('r'), { code: 'FAILED_PRECONDITION', message: /stopped for good/ });
  t.equal((await controller.runs.rest('r', 'paused', new AbortController().signal)).state, 'stopped');
});

t.test('runs are executed one at a time, in the order in which they were resumed', async (t) => {
  const world = new World();
  world.endOf = () => null;
  const config = { ...smallRun, iterations: 1, warmup: { steps: 0 } };
  await putRun(world, config, 'a');
  await putRun(world, config, 'b');
  const controller = startController(world);
  await controller.runs.resume('a');
  await controller.runs.resume('b');
  await until(() => world.held.size > 0, 'the first one runs');
  t.equal(controller.runs.active?.id, 'a');
  t.match(controller.waits.list(), [{ what: 'segments' }, { what: 'turn', from: 'a' }].reverse());
  t.strictSame(
    controller.waits.list('a').map(({ what }) => what),
    ['segments'],
    'no concern of the first one',
  );
  const { cluster, runs, waits, journal, metrics } = controller;
  const watchdog = new Watchdog({ cluster, runs, waits, journal, metrics });
  t.match(watchdog.status('b'), { runId: 'b', phase: 'idle', waiting: [{}, {}] });
  await watchdog.look();
  t.match(
    events(world, 'waiting', 'b'),
    [{ what: 'turn', from: 'a', count: 1 }],
    'its watchers learn at the first look what it waits for',
  );
  await watchdog.look();
  t.equal(events(world, 'waiting', 'b').length, 1, 'not at every look');
  t.strictSame(events(world, 'waiting', 'a'), []);
  t.equal(iterations(world, 'b').length, 0);
  world.endOf = () => 'stop';
  await controller.runs.rest('a', 'stopped', new AbortController().signal);
  await controller.runs.settled();
  t.equal(state(world, 'a'), 'stopped');
  t.equal(state(world, 'b'), 'finished');
});

/** A run that has the actors, another that waits, and lists of runs that are as old as the test wants. */
async function queuedBehindAnother(world: World) {
  world.endOf = () => null;
  const config = { ...smallRun, iterations: 1, warmup: { steps: 0 } };
  await putRun(world, config, 'a');
  await putRun(world, config, 'b');
  let beforeWrite: () => Promise<void> = async () => undefined;
  const oldLists: (() => void)[] = [];
  const controller = startController(world, (_, method, call) => {
    if (method === 'putRun') return beforeWrite().then(call);
    if (method !== 'listRuns') return call();
    const list = call();
    return new Promise((resolve) => oldLists.push(() => resolve(list)));
  });
  await controller.runs.resume('a');
  await controller.runs.resume('b');
  await until(() => world.held.size > 0, 'the first one runs');
  const recovering = () => {
    const recovered = controller.runs.recover();
    return until(() => oldLists.length > 0, 'the list is read').then(() => async () => {
      for (const answer of oldLists.splice(0)) answer();
      await recovered;
    });
  };
  const waitsFor = (id: string) => controller.waits.list(id).filter(({ what }) => what === 'turn');
  const beforeNextWrite = (act: () => Promise<void>) => {
    beforeWrite = async () => {
      beforeWrite = async () => undefined;
      await act();
    };
  };
  return { ...controller, recovering, waitsFor, beforeNextWrite };
}

t.test('a run that came to rest is not executed because of a list that was read before', async (t) => {
  const world = new World();
  const { runs, recovering } = await queuedBehindAnother(world);
  const arrive = await recovering();
  await runs.rest('b', 'stopped', new AbortController().signal);
  await arrive();
  world.endOf = () => 'stop';
  await runs.rest('a', 'stopped', new AbortController().signal);
  await runs.settled();
  t.equal(state(world, 'b'), 'stopped');
  t.equal(iterations(world, 'b').length, 0, 'it was not executed');
});

t.test('a run that is queued again while its rest is written is taken out again', async (t) => {
  const world = new World();
  const { runs, recovering, waitsFor, beforeNextWrite } = await queuedBehindAnother(world);
  beforeNextWrite(async () => (await recovering())());
  await runs.rest('b', 'paused', new AbortController().signal);
  t.equal(state(world, 'b'), 'paused');
  t.strictSame(waitsFor('b'), [], 'nobody is told that it waits for its turn');
  world.endOf = () => 'stop';
  await runs.rest('a', 'stopped', new AbortController().signal);
  await runs.settled();
  t.equal(iterations(world, 'b').length, 0);
});

t.test('a phase that keeps failing fails the run with its reason; a resume tries again', async (t) => {
  const world = new World();
  await putRun(world, { ...smallRun, warmup: { steps: 0 } });
  let calls = 0;
  world.trainFails = () => {
    calls++;
    return new SegueError('UNAVAILABLE', 'the trainer is out of memory');
  };
  await finish(world);
  t.equal(state(world), 'failed');
  t.equal(calls, 20, 'a bounded number of tries');
  t.match(world.runs.get('r'), { error: /trainer is out of memory/ });
  t.equal(world.signal?.open, false);
  t.match(iterations(world)[0], { state: 'frozen' });
  calls = 0;
  world.trainFails = () => (calls++ < 5 ? new SegueError('UNAVAILABLE', 'restarting') : null);
  await finish(world);
  t.equal(state(world), 'finished', 'a trainer that comes back is waited for');
  t.match(world.runs.get('r'), { error: '' });

  const hopeless = new World();
  await putRun(hopeless, { ...smallRun, warmup: { steps: 0 } });
  calls = 0;
  hopeless.trainFails = () => {
    calls++;
    return new SegueError('INVALID_CONFIG', 'the checkpoint does not fit');
  };
  await finish(hopeless);
  t.equal(state(hopeless), 'failed');
  t.equal(calls, 1, 'what no retry can mend is not tried again');
});

t.test('a stored run that this version cannot read fails with the reason, and others go on', async (t) => {
  const world = new World();
  const spoilt = { r: '{"rolout":{}}', s: '{', u: null };
  for (const [id, configJson] of Object.entries(spoilt)) {
    await putRun(world, { ...smallRun, warmup: { steps: 0 } }, id);
    const run = world.runs.get(id)!;
    world.runs.set(id, { ...run, state: 'running', configJson: configJson ?? run.configJson });
  }
  const controller = startController(world);
  t.teardown(() => controller.kill());
  await controller.runs.recover();
  await controller.runs.settled();
  t.match(world.runs.get('r'), { state: 'failed', error: /unknown key "rolout"/ });
  t.match(world.runs.get('s'), { state: 'failed', error: /not JSON/ });
  t.match(world.runs.get('u'), { state: 'finished' });
  const told = (world.events.get('r') ?? []).map(({ kind, bodyJson }) => [kind, JSON.parse(bodyJson)]);
  t.match(told, [['state', { state: 'failed', error: /configuration of run r/ }]]);
  await controller.runs.recover();
  await controller.runs.settled();
  t.equal(world.events.get('r')?.length, 1, 'it is not taken up again');
});

t.test('a run without problems to learn from is refused', async (t) => {
  const world = new World();
  await putRun(world);
  world.problems.splice(0, 12);
  const { runs } = startController(world);
  await t.rejects(runs.resume('r'), { code: 'FAILED_PRECONDITION', message: /no training problems/ });
  world.problems.splice(0);
  await t.rejects(runs.resume('nobody'), { code: 'NOT_FOUND' });
});
