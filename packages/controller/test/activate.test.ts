/** How a version becomes the one that is served: made ready by the actors, then published. */
import { SegueError } from '@segue/core';
import t from 'tap';
import { type Guard, putRun, quick, startController, until } from './fake-cluster.js';
import { World } from './fake-world.js';

const state = (world: World) => world.runs.get('r')?.state;

t.test('actors make a version ready before it is published; one that cannot holds nothing up', async (t) => {
  const world = new World();
  await putRun(world);
  const calls: string[] = [];
  const controller = startController(world, (_, method, call) => {
    if (method === 'preparePolicy' || method === 'putActivePolicy') calls.push(method);
    if (method === 'preparePolicy') {
      call();
      return Promise.reject(new SegueError('DATA_LOSS', 'its checksum is wrong'));
    }
    return call();
  });
  await controller.runs.resume('r');
  await controller.runs.settled();
  t.equal(state(world), 'finished');
  t.strictSame(
    calls.filter((name, i) => name !== calls[i - 1]),
    ['preparePolicy', 'putActivePolicy', 'preparePolicy', 'putActivePolicy', 'preparePolicy', 'putActivePolicy'],
  );
  t.strictSame([...new Set(world.prepared.map((one) => one.split(': ')[1]))], ['0', '1', '2']);
  t.ok(controller.logs.some(({ level, message }) => level === 'warn' && /did not make a version ready/.test(message)));
});

t.test('an actor that takes its time over a version is not waited for once another is ready', async (t) => {
  const world = new World();
  world.actors = ['a0', 'a1'];
  await putRun(world);
  let asked = 0;
  const controller = startController(world, (_, method, call) => {
    if (method === 'preparePolicy' && asked++ % 2 === 1) return new Promise(() => undefined);
    return call();
  });
  await controller.runs.resume('r');
  await controller.runs.settled();
  t.equal(state(world), 'finished');
  t.ok(asked >= 2);
});

t.test('an actor that still serves the same number of another run is waited for', async (t) => {
  const world = new World();
  await putRun(world);
  let isLoading = true;
  const guard: Guard = (_, method, call) => {
    if (method !== 'getActorStatus' || !isLoading) return call();
    return Promise.resolve(call()).then((status) => Object.assign({}, status, { policyRunId: 'q' }));
  };
  const controller = startController(world, guard, { ...quick, activateTimeoutMs: 60_000 });
  t.teardown(() => controller.kill());
  await controller.runs.resume('r');
  const isAwaited = () => controller.waits.list().some(({ what, from }) => what === 'weights' && from === 'actor-0');
  await until(() => world.active?.version === 0 && isAwaited(), 'it is waited for');
  t.strictSame(world.published, [], 'no task was issued');
  isLoading = false;
  await controller.runs.settled();
  t.equal(state(world), 'finished');
});
