/** What actors go by is said again when the bus has lost it, and not otherwise. Against a cluster in memory. */
import t from 'tap';
import { putRun, quick, smallRun, startController, until } from './fake-cluster.js';
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
  await putRun(world, oneIteration);
  world.endOf = () => null;
  const controller = startController(world);
  t.teardown(() => controller.kill());
  await controller.runs.resume('r');
  await until(() => world.held.size === 6, 'six tasks are held');
  const { active, signal } = world;
  world.signal = { ...signal!, open: false };
  world.active = { ...active!, version: 7 };
  await until(() => world.signal?.open === true && world.active?.version === 0, 'the store is right');
  t.strictSame([world.active, world.signal], [active, signal]);
});

const noEvaluation = { ...oneIteration, evaluation: { everyIterations: 0, problems: 1 } };

t.test('a controller that stood still as it closed an iteration closes nothing of its successor', async (t) => {
  const world = new World();
  await putRun(world, { ...noEvaluation, iterations: 2 });
  world.endOf = () => null;
  const { close, passed, open } = barrier();
  // It has looked for what was lost before it stands still, and does not again.
  const first = startController(
    world,
    (_, method, call) => {
      const answer = call();
      return method === 'getIterationProgress' ? passed().then(() => answer) : answer;
    },
    { ...quick, reconcileMs: 60_000 },
  );
  t.teardown(() => first.kill());
  await first.runs.resume('r');
  await until(() => world.held.size === 6, 'six tasks are held');
  close();
  endAll(world);
  world.endOf = ({ iteration, trajectoryId }) =>
    iteration === 0 ? 'stop' : trajectoryId.endsWith('t1') ? 'leave' : null;
  const second = startController(world);
  t.teardown(() => second.kill());
  await second.runs.recover();
  const isUnderWay = () => world.signal?.iteration === 1 && world.held.size > 0 && world.queue.length > 0;
  await until(isUnderWay, 'the successor is in the next iteration');
  await second.kill();
  const { signal } = world;
  const waiting = world.queue.length;
  const announced: unknown[] = [];
  const { putSignal } = world;
  world.putSignal = (next) => {
    announced.push(next);
    putSignal.call(world, next);
  };
  open();
  await until(() => announced.length > 0, 'it goes on');
  t.strictSame(announced, [signal], 'from what the store holds');
  t.equal(world.queue.length, waiting, 'no task of its successor is purged');
  world.endOf = () => 'stop';
  endAll(world);
  world.pump();
  await first.runs.settled();
  t.equal(world.runs.get('r')?.state, 'finished');
  t.strictSame(
    world.events.get('r')!.filter(({ kind }) => kind === 'iteration').length,
    2,
    'each iteration is told once',
  );
});

t.test(
  'a controller that stood still as it committed opens the iteration after the one that another opened',
  async (t) => {
    const world = new World();
    await putRun(world, { ...noEvaluation, iterations: 3 });
    world.endOf = ({ iteration }) => (iteration === 1 ? null : 'stop');
    const { close, passed, open } = barrier();
    close();
    let stands = false;
    const first = startController(world, (_, method, call) => {
      if (method !== 'commitIteration') return call();
      stands = true;
      return passed().then(call);
    });
    t.teardown(() => first.kill());
    await first.runs.resume('r');
    await until(() => stands, 'it stands still');
    await succeed(
      t,
      world,
      () => world.signal?.iteration === 1 && world.held.size > 0,
      'the successor is in the next iteration',
    );
    open();
    await until(() => first.runs.active?.phase.iteration === 1, 'it goes on from there');
    endAll(world);
    await first.runs.settled();
    t.match(world.runs.get('r'), { state: 'finished', error: '' });
    t.notOk(first.logs.some(({ message }) => message === 'a phase failed'));
  },
);

t.test(
  'a controller that stood still while actors made a version ready does not announce it over a newer one',
  async (t) => {
    const world = new World();
    await putRun(world, { ...noEvaluation, iterations: 3 });
    world.endOf = ({ iteration }) => (iteration === 2 ? null : 'stop');
    const { close, passed, open } = barrier();
    close();
    const announced: string[] = [];
    const stands = () => world.trained.length > 0 && world.prepared.some((made) => made.endsWith(': 1'));
    const first = startController(world, (_, method, call) => {
      if (method === 'putActivePolicy' && stands()) announced.push(method);
      if (method !== 'preparePolicy' || world.trained.length === 0) return call();
      const made = call() as Promise<unknown>;
      return passed().then(() => made);
    });
    t.teardown(() => first.kill());
    await first.runs.resume('r');
    await until(stands, 'it stands still');
    await succeed(
      t,
      world,
      () => world.signal?.iteration === 2 && world.held.size > 0,
      'the successor is two versions further',
    );
    open();
    await until(() => first.runs.active?.phase.iteration === 2, 'it goes on from there');
    t.match(world.active, { version: 2 });
    t.strictSame(announced, []);
    endAll(world);
    await first.runs.settled();
    t.match(world.active, { version: 3 });
  },
);

t.test('a controller that stood still as it trained does not put its version back over a newer one', async (t) => {
  const world = new World();
  await putRun(world, { ...noEvaluation, iterations: 3 });
  world.endOf = ({ iteration }) => (iteration === 2 ? null : 'stop');
  const { close, passed, open } = barrier();
  close();
  let stands = false;
  const announced: string[] = [];
  const first = startController(world, (_, method, call) => {
    if (method === 'putActivePolicy' && stands) announced.push(method);
    if (method !== 'trainIteration' || stands) return call();
    stands = true;
    return (async function* () {
      await passed();
      yield* call() as AsyncIterable<unknown>;
    })();
  });
  t.teardown(() => first.kill());
  await first.runs.resume('r');
  await until(() => stands, 'it stands still');
  await succeed(
    t,
    world,
    () => world.signal?.iteration === 2 && world.held.size > 0,
    'the successor is two versions further',
  );
  open();
  await until(() => first.runs.active?.phase.iteration === 2, 'it goes on from there');
  t.match(world.active, { version: 2 });
  t.match(JSON.parse(world.runs.get('r')!.progressJson), { policy: { ref: { version: 2 } } });
  t.strictSame(announced, []);
  endAll(world);
  await first.runs.settled();
  t.equal(world.runs.get('r')?.state, 'finished');
  t.match(world.active, { version: 3 });
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
