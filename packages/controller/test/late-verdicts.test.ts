/** Scorers that are away use up no iteration of a run: what waits for their verdicts, how long, and what is told. Against a cluster in memory. */
import { type RunConfigInput, SegueError } from '@segue/core';
import t, { type Test } from 'tap';
import { type Guard, problem, putRun, quick, smallRun, startController, until } from './fake-cluster.js';
import { World } from './fake-world.js';
import { barrier, endAll, succeed } from './standing-still.js';

const events = (world: World, kind: string) =>
  (world.events.get('r') ?? []).filter((event) => event.kind === kind).map((event) => JSON.parse(event.bodyJson));
const iterations = (world: World) => (world.iterations.get('r') ?? []).map((entry) => entry.record);

/** Every response ends in its first segment. */
function worldWithoutScorers(): World {
  const world = new World();
  world.endOf = () => 'stop';
  world.scorersAreAway = true;
  return world;
}

const brief: RunConfigInput = { ...smallRun, warmup: { steps: 0 }, evaluation: { everyIterations: 0, problems: 1 } };

type Controller = ReturnType<typeof startController>;

/** When the phase was closed although no verdict came, and the batch waits. */
function waiting(world: World, controller: Controller, count: number): Promise<void> {
  const isTold = () => controller.waits.list().some((wait) => wait.what === 'scores' && wait.count === count);
  return until(() => iterations(world).at(-1)?.state === 'closed' && isTold(), `${count} verdicts are waited for`);
}

function judgeAll(world: World): void {
  world.scorersAreAway = false;
  for (const id of world.awaiting('r')) world.judge(id);
}

for (const sampler of ['uniform', 'prioritized'] as const) {
  t.test(`an outage of the scorers costs no iteration, with the ${sampler} sampler`, async (t) => {
    const world = worldWithoutScorers();
    await putRun(world, { ...brief, problems: { sampler } });
    const controller = startController(world);
    await controller.runs.resume('r');
    await waiting(world, controller, 6);
    t.match(
      controller.waits.list().filter(({ count }) => count > 0),
      [{ what: 'scores', from: 'reward', count: 6 }],
    );
    world.judge(world.awaiting('r')[0]!);
    await waiting(world, controller, 5);
    t.equal(iterations(world).length, 1, 'nothing else is planned meanwhile');
    judgeAll(world);
    await controller.runs.settled();
    t.equal(world.runs.get('r')?.state, 'finished');
    t.strictSame(
      events(world, 'iteration').map(({ closedBy, awaitingScore, groupsTrained }) => [
        closedBy,
        awaitingScore,
        groupsTrained,
      ]),
      [
        ['scores-late', 0, 2],
        ['all-ended', 0, 2],
      ],
    );
  });
}

t.test('a run that waits for verdicts can be paused, and waits on in the next process', async (t) => {
  const world = worldWithoutScorers();
  await putRun(world, brief);
  const first = startController(world);
  await first.runs.resume('r');
  await waiting(world, first, 6);
  const paused = await first.runs.rest('r', 'paused', new AbortController().signal);
  t.equal(paused.state, 'paused');
  t.match(iterations(world), [{ state: 'closed' }], 'its batch is not given up');
  await first.runs.resume('r');
  await waiting(world, first, 6);
  await first.kill();
  const second = startController(world);
  await second.runs.recover();
  await waiting(world, second, 6);
  t.match(second.runs.active?.phase, { phase: 'close', iteration: 0 });
  judgeAll(world);
  await second.runs.settled();
  t.match(iterations(world)[0], { batchGroupIds: ['r-g0', 'r-g1'], policyVersionOut: 1 });
});

t.test('verdicts that complete no group are not waited for: what is at its budget goes on', async (t) => {
  const world = worldWithoutScorers();
  world.endOf = ({ iteration, trajectoryId }) => (iteration === 0 && trajectoryId !== 'r-g0-t0' ? 'budget' : 'stop');
  await putRun(world, brief);
  const controller = startController(world, undefined, { ...quick, scoreWaitMs: 60_000 });
  t.teardown(() => controller.kill());
  await controller.runs.resume('r');
  await until(() => iterations(world).length === 2, 'the next iteration opens while the scorers are away');
  t.strictSame(
    iterations(world)[1]!
      .tasks.slice(0, 4)
      .map(({ trajectoryId, segmentIndex }) => [trajectoryId, segmentIndex]),
    ['r-g0-t1', 'r-g1-t0', 'r-g1-t1', 'r-g2-t0'].map((id) => [id, 1]),
  );
  judgeAll(world);
  await controller.runs.settled();
  t.equal(world.runs.get('r')?.state, 'finished');
});

t.test('the last iteration waits while verdicts keep coming, then says what is missing', async (t) => {
  const world = worldWithoutScorers();
  await putRun(world, { ...brief, iterations: 1 });
  const { close, passed, open } = barrier();
  close();
  let looks = 0;
  const controller = startController(world, (_, method, call) => {
    if (method !== 'getIterationProgress' || iterations(world)[0]?.state !== 'closed') return call();
    looks++;
    return passed().then(call);
  });
  t.teardown(() => controller.kill());
  const { scoreWaitMs } = controller.cluster.timings;
  await controller.runs.resume('r');
  await waiting(world, controller, 6);
  await until(() => looks === 1, 'it looks');
  const sinceMs = performance.now();
  await until(() => performance.now() - sinceMs > scoreWaitMs, 'it would be over without a verdict');
  for (const id of ['r-g1-t0', 'r-g1-t1']) world.judge(id);
  open();
  close();
  await until(() => looks === 2, 'it looks again');
  world.judge('r-g0-t0');
  open();
  await controller.runs.settled();
  t.equal(world.runs.get('r')?.state, 'finished', 'nobody is waited for for ever');
  t.match(events(world, 'iteration'), [{ closedBy: 'scores-late', awaitingScore: 3, groupsTrained: 1 }]);
});

t.test('an outage of the scorers costs the last iteration nothing either, failures on the way included', async (t) => {
  const world = worldWithoutScorers();
  await putRun(world, { ...brief, iterations: 1 });
  const { guard, failed } = failingLooks(10);
  const controller = startController(world, guard, { ...quick, scoreWaitMs: 1 });
  t.teardown(() => controller.kill());
  await controller.runs.resume('r');
  await waiting(world, controller, 6);
  await until(() => failed.failures >= 25 || world.runs.get('r')?.state !== 'running', 'many times as long');
  t.match(iterations(world), [{ state: 'closed' }]);
  judgeAll(world);
  await controller.runs.settled();
  t.match(events(world, 'iteration'), [{ closedBy: 'scores-late', awaitingScore: 0, groupsTrained: 2 }]);
  t.equal(world.runs.get('r')?.state, 'finished');
});

/** Two problems: one is judged in time and given up, the other is in flight. Its verdicts are what the plan of iteration 1 waits for. */
async function planThatWaits(t: Test, timings = quick): Promise<{ world: World; controller: Controller }> {
  const world = worldWithoutScorers();
  await putRun(world, {
    ...brief,
    problems: { sampler: 'prioritized' },
    rollout: { ...smallRun.rollout, groupsPerIteration: 1, overSampling: 2 },
  });
  world.problems.splice(0, 10);
  const controller = startController(world, undefined, timings);
  t.teardown(() => controller.kill());
  await controller.runs.resume('r');
  await waiting(world, controller, 4);
  world.givenUp.add(world.groups.get('r-g0')!.problemId);
  for (const id of ['r-g0-t0', 'r-g0-t1']) world.judge(id);
  await until(
    () => controller.runs.active?.phase.phase === 'plan' && waitForTwo(controller) !== undefined,
    'the plan waits for the other verdicts',
  );
  return { world, controller };
}

function waitForTwo(controller: Controller) {
  return controller.waits.list().find(({ what, count }) => what === 'scores' && count === 2);
}

t.test('a plan that has nothing to begin with, because all is still to be judged, waits for a verdict', async (t) => {
  const { world, controller } = await planThatWaits(t, { ...quick, replanMs: 60_000 });
  judgeAll(world);
  await controller.runs.settled();
  t.equal(world.runs.get('r')?.state, 'finished');
  t.equal(iterations(world).length, 2);
});

t.test('a plan that waits for a verdict begins with problems that are submitted meanwhile', async (t) => {
  const { world, controller } = await planThatWaits(t, { ...quick, replanMs: 60_000 });
  world.addProblems('r', [problem('r-new')]);
  await until(() => iterations(world).length === 2, 'the next iteration opens while the scorers are away');
  t.strictSame(
    iterations(world)[1]!.tasks.map(({ problemId }) => problemId),
    ['r-new', 'r-new'],
  );
  judgeAll(world);
  await controller.runs.settled();
  t.equal(world.runs.get('r')?.state, 'finished');
});

t.test('a plan that waits for a verdict is tried again from time to time, and its wait is one', async (t) => {
  const { world, controller } = await planThatWaits(t);
  const since = waitForTwo(controller)?.sinceMs;
  const { trajectories } = world.looks;
  await until(() => world.looks.trajectories >= trajectories + 3, 'it was planned again');
  t.equal(waitForTwo(controller)?.sinceMs, since, 'how long nothing has come can be read');
  // As when the dead letter of a problem is requeued.
  world.givenUp.clear();
  controller.runs.active?.forgetCandidates();
  await until(() => iterations(world).length === 2, 'the next iteration opens while the scorers are away');
  judgeAll(world);
  await controller.runs.settled();
  t.equal(world.runs.get('r')?.state, 'finished');
});

/** Fails every n-th look at an iteration, and says how often that was. */
function failingLooks(n: number) {
  const failed = { looks: 0, failures: 0 };
  const guard: Guard = (_, method, call) => {
    if (method !== 'getIterationProgress' || ++failed.looks % n !== 0) return call();
    failed.failures++;
    throw new SegueError('UNAVAILABLE', 'the store does not answer');
  };
  return { guard, failed };
}

t.test('failures that a wait for verdicts has left behind do not add up', async (t) => {
  const world = worldWithoutScorers();
  await putRun(world, brief);
  const { guard, failed } = failingLooks(10);
  // The phase closes before the tenth look; then its batch waits.
  const controller = startController(world, guard, { ...quick, scoreWaitMs: 1 });
  t.teardown(() => controller.kill());
  await controller.runs.resume('r');
  await until(() => failed.failures >= 25 || world.runs.get('r')?.state === 'failed', 'many looks have failed');
  judgeAll(world);
  await controller.runs.settled();
  t.equal(world.runs.get('r')?.state, 'finished');
});

t.test('failures that an open iteration has left behind do not add up', async (t) => {
  const world = new World();
  world.endOf = () => null;
  await putRun(world, { ...brief, iterations: 1 });
  const { guard, failed } = failingLooks(30);
  const controller = startController(world, guard, { ...quick, steadyMs: 5 });
  t.teardown(() => controller.kill());
  await controller.runs.resume('r');
  await until(() => failed.failures >= 25 || world.runs.get('r')?.state === 'failed', 'many looks have failed');
  for (const task of world.held.values()) world.append(task, 'stop');
  world.held.clear();
  await controller.runs.settled();
  t.equal(world.runs.get('r')?.state, 'finished');
});

t.test('a batch that cannot be frozen fails the run, also when a wait in silence comes before each try', async (t) => {
  const world = worldWithoutScorers();
  await putRun(world, { ...brief, iterations: 1 });
  let tries = 0;
  const guard: Guard = (_, method, call) => {
    if (method !== 'freezeBatch') return call();
    tries++;
    throw new SegueError('DATA_LOSS', 'a group cannot be read');
  };
  const controller = startController(world, guard, { ...quick, scoreWaitMs: 10 });
  t.teardown(() => controller.kill());
  await controller.runs.resume('r');
  await waiting(world, controller, 6);
  // One group is complete: the others are waited for while verdicts keep coming.
  for (const id of ['r-g0-t0', 'r-g0-t1']) world.judge(id);
  await until(() => world.runs.get('r')?.state === 'failed' || tries > 6, 'it is given up');
  t.match(world.runs.get('r'), { state: 'failed', error: /cannot be read/ });
  t.equal(tries, 3);
});

t.test('a wait for verdicts that another controller has ended does not go on', async (t) => {
  const world = worldWithoutScorers();
  await putRun(world, brief);
  const { close, passed, open } = barrier();
  const first = startController(world, (_, method, call) =>
    method === 'getIterationProgress' ? passed().then(call) : call(),
  );
  t.teardown(() => first.kill());
  await first.runs.resume('r');
  await waiting(world, first, 6);
  close();
  // One group of two: the other verdicts are still to come when its batch is frozen.
  for (const id of ['r-g0-t0', 'r-g0-t1']) world.judge(id);
  world.endOf = () => null;
  await succeed(
    t,
    world,
    () => world.signal?.iteration === 1 && world.held.size > 0,
    'another one is in the next iteration',
  );
  t.match(iterations(world)[0]!.progress, { usefulGroups: 0, awaitingScore: 4 }, 'what it would wait for');
  open();
  await until(() => first.runs.active?.phase.iteration === 1, 'it goes on from there');
  endAll(world);
  judgeAll(world);
  await first.runs.settled();
  t.equal(world.runs.get('r')?.state, 'finished');
  t.notOk(first.logs.some(({ message }) => message === 'a phase failed'));
});

/** Another controller, without the run in hand, is told to pause it. */
async function pauseElsewhere(t: Test, world: World, first: Controller): Promise<void> {
  const other = startController(world);
  t.teardown(() => other.kill());
  await other.runs.rest('r', 'paused', other.signal);
  await until(() => first.runs.active === null || first.runs.active.halt.aborted, 'the one that waits hears of it');
  await first.runs.settled();
  t.equal(world.runs.get('r')?.state, 'paused');
}

t.test('a wait for verdicts of a run that another controller pauses ends', async (t) => {
  const world = worldWithoutScorers();
  await putRun(world, brief);
  const first = startController(world);
  t.teardown(() => first.kill());
  await first.runs.resume('r');
  await waiting(world, first, 6);
  await pauseElsewhere(t, world, first);
  t.match(iterations(world), [{ state: 'closed' }], 'its batch is not given up');
});

t.test('a plan that waits for a verdict ends when another controller pauses the run', async (t) => {
  const { world, controller } = await planThatWaits(t, { ...quick, replanMs: 60_000 });
  await pauseElsewhere(t, world, controller);
  t.equal(iterations(world).length, 1, 'nothing was begun');
});
