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
