/** What actors go by is said again when the bus has lost it, and not otherwise. Against a cluster in memory. */
import t, { type Test } from 'tap';
import { putRun, smallRun, startController, until } from './fake-cluster.js';
import { World } from './fake-world.js';
import { barrier, endAll, succeed } from './standing-still.js';

t.test('a bus that lost its data in the middle of a phase is told the version and the iteration again', async (t) => {
  const world = new World();
  await putRun(world, { ...smallRun, warmup: { steps: 0 }, iterations: 1 });
  world.endOf = () => null;
  const calls = { getIterationSignal: 0, getActivePolicy: 0, putIterationSignal: 0, putActivePolicy: 0 };
  const controller = startController(world, (_, method, call) => {
    if (method in calls) calls[method as keyof typeof calls]++;
    return call();
  });
  t.teardown(() => controller.kill());
  await controller.runs.resume('r');
  await until(() => world.held.size === 6 && calls.getIterationSignal >= 3, 'six tasks are held, and it has looked');
  t.match(calls, { putIterationSignal: 1, putActivePolicy: 1 }, 'nothing is said again that is there');

  const { active, signal } = world;
  // The actor that is started then has nothing either.
  world.active = null;
  world.signal = null;
  world.held.clear();
  world.endOf = () => 'stop';
  await until(() => world.active !== null && world.signal !== null, 'both are there again');
  t.strictSame(world.active, active);
  t.strictSame(world.signal, signal);
  await controller.runs.settled();
  t.equal(world.runs.get('r')?.state, 'finished');
});

const oneIteration = { ...smallRun, warmup: { steps: 0 }, iterations: 1 };

/** A run of one iteration, all of whose tasks actors hold. */
async function startHolding(t: Test, world: World) {
  await putRun(world, oneIteration);
  world.endOf = () => null;
  const controller = startController(world);
  t.teardown(() => controller.kill());
  await controller.runs.resume('r');
  await until(() => world.held.size === 6, 'six tasks are held');
  return controller;
}

t.test(
  'a controller that stood still does not overwrite what its successor has announced, and follows it',
  async (t) => {
    const world = new World();
    await putRun(world, { ...oneIteration, iterations: 2, evaluation: { everyIterations: 0, problems: 1 } });
    world.endOf = () => null;
    const { close, passed, open } = barrier();
    const first = startController(world, (_, method, call) =>
      method === 'getIterationProgress' ? passed().then(call) : call(),
    );
    t.teardown(() => first.kill());
    await first.runs.resume('r');
    await until(() => world.held.size === 6, 'six tasks are held');
    close();
    world.held.clear();
    world.endOf = (task) => (task.iteration === 0 ? 'stop' : null);
    const second = startController(world);
    t.teardown(() => second.kill());
    await second.runs.recover();
    await until(() => world.signal?.iteration === 1 && world.held.size > 0, 'the successor is in the next iteration');
    const { active, signal } = world;
    t.match(active, { version: 1 });
    await second.kill();
    const announced: unknown[] = [];
    const { putSignal } = world;
    world.putSignal = (next) => {
      announced.push(next);
      putSignal.call(world, next);
    };
    open();
    await until(() => first.runs.active?.phase.iteration === 1, 'it has looked at the store, and goes on from there');
    const { queues } = world.looks;
    await until(() => world.looks.queues >= queues + 3, 'it has searched for what was lost');
    t.strictSame(world.active, active);
    t.strictSame(world.signal, signal);
    t.notOk(
      announced.some((next) => JSON.stringify(next) !== JSON.stringify(signal)),
      'nothing else was said in between',
    );
    t.notOk(
      first.logs.some(({ message }) => message === 'a phase failed'),
      'being behind is no failure of the run',
    );
    for (const task of world.held.values()) world.append(task, 'stop');
    world.held.clear();
    await first.runs.settled();
    t.equal(world.runs.get('r')?.state, 'finished');
    t.match(world.active, { version: 2 });
  },
);

t.test('an iteration that another controller has closed is not opened again', async (t) => {
  const world = new World();
  await putRun(world, oneIteration);
  world.endOf = () => null;
  let opened = 0;
  const { putSignal } = world;
  world.putSignal = (signal) => {
    if (signal.open) opened++;
    putSignal.call(world, signal);
  };
  const controller = startController(world);
  t.teardown(() => controller.kill());
  await controller.runs.resume('r');
  await until(() => world.held.size === 6, 'six tasks are held');
  world.change('r', 0, 'open', () => ({ state: 'closed' }));
  world.signal = { ...world.signal!, open: false };
  await until(() => world.runs.get('r')?.state === 'finished', 'it goes on from the closed iteration');
  t.match(world.signal, { iteration: 0, open: false });
  t.equal(opened, 1);
});

t.test('a bus that says closed, or something newer, of a run whose store has it open is told again', async (t) => {
  const world = new World();
  await startHolding(t, world);
  const { active, signal } = world;
  world.signal = { ...signal!, open: false };
  world.active = { ...active!, version: 7 };
  await until(() => world.signal?.open === true && world.active?.version === 0, 'the store is right');
  t.strictSame([world.active, world.signal], [active, signal]);
});

const noEvaluation = { ...oneIteration, evaluation: { everyIterations: 0, problems: 1 } };

t.test('a bus that lost its data is not told what a controller knows that stood still', async (t) => {
  const world = new World();
  await putRun(world, { ...noEvaluation, iterations: 2 });
  world.endOf = ({ iteration }) => (iteration === 1 ? null : 'leave');
  const { close, passed, open } = barrier();
  const said: unknown[] = [];
  const first = startController(world, (_, method, call) => {
    if (method === 'putActivePolicy' || method === 'putIterationSignal') said.push(method);
    return method === 'getIterationProgress' ? passed().then(call) : call();
  });
  t.teardown(() => first.kill());
  await first.runs.resume('r');
  await until(() => world.queue.length === 6, 'six tasks wait');
  close();
  world.endOf = ({ iteration }) => (iteration === 1 ? null : 'stop');
  world.pump();
  const isFurther = () => world.signal?.iteration === 1 && world.held.size > 0;
  await succeed(t, world, isFurther, 'the successor is in the next iteration');
  world.active = null;
  world.signal = null;
  said.length = 0;
  open();
  await until(() => world.active !== null && world.signal !== null, 'both are there again');
  t.match(world.active, { version: 1 });
  t.match(world.signal, { iteration: 1, open: true });
  t.equal(said.length, 2, 'nothing else was said in between');
  endAll(world);
  await first.runs.settled();
  t.equal(world.runs.get('r')?.state, 'finished');
});

t.test('a version that another controller had made anew stays', async (t) => {
  const world = new World();
  const controller = await startHolding(t, world);
  const made = world.policy('r', 0);
  const policy = { ...made, ref: { ...made.ref, manifestSha256: 'made anew' } };
  const record = world.runs.get('r')!;
  const progressJson = JSON.stringify({ ...JSON.parse(record.progressJson), policy });
  world.runs.set('r', { ...record, progressJson, revision: record.revision + 1 });
  world.active = { ...world.active!, manifestSha256: 'made anew' };
  const { queues } = world.looks;
  await until(() => world.looks.queues >= queues + 3, 'it has searched for what was lost');
  t.match(world.active, { version: 0, manifestSha256: 'made anew' });
  endAll(world);
  await controller.runs.settled();
  t.equal(world.runs.get('r')?.state, 'finished');
});

t.test('an iteration whose version is not the one that actors are to serve fails the run', async (t) => {
  const world = new World();
  await putRun(world, oneIteration);
  const record = world.runs.get('r')!;
  world.runs.set('r', { ...record, progressJson: JSON.stringify({ policy: world.policy('r', 2) }) });
  const controller = startController(world);
  t.teardown(() => controller.kill());
  await controller.runs.resume('r');
  await until(() => world.runs.get('r')?.state === 'failed', 'it does not stand still for ever');
  t.match(world.runs.get('r'), { error: /iteration 0 of r samples with policy version 0, and the newest .* is 2/ });
});

t.test('actors do not go on with a run that this version cannot read', async (t) => {
  const world = new World();
  await putRun(world);
  world.runs.set('r', { ...world.runs.get('r')!, state: 'running', configJson: '{"rolout":{}}' });
  world.signal = { runId: 'r', iteration: 3, policyVersion: 2, open: true };
  const controller = startController(world);
  t.teardown(() => controller.kill());
  await controller.runs.recover();
  await controller.runs.settled();
  t.equal(world.runs.get('r')?.state, 'failed');
  t.strictSame(world.signal, { runId: 'r', iteration: 3, policyVersion: 2, open: false });
});
