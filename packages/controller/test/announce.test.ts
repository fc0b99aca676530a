/** What actors go by is said again when the bus has lost it, and not otherwise. Against a cluster in memory. */
import t from 'tap';
import { putRun, smallRun, startController, until } from './fake-cluster.js';
import { World } from './fake-world.js';

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
    let frozen: Promise<void> | null = null;
    let thaw: () => void = () => undefined;
    const first = startController(world, (_, method, call) =>
      method === 'getIterationProgress' && frozen !== null ? frozen.then(call) : call(),
    );
    t.teardown(() => first.kill());
    await first.runs.resume('r');
    await until(() => world.held.size === 6, 'six tasks are held');
    frozen = new Promise((resolve) => {
      thaw = resolve;
    });
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
    thaw();
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
