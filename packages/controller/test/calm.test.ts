/** What is left on the bus of a run that has failed. Against a cluster in memory. */
import { SegueError } from '@segue/core';
import t from 'tap';
import { putRun, smallRun, startController } from './fake-cluster.js';
import { World } from './fake-world.js';
import { barrier } from './standing-still.js';

t.test('a run that fails before it has looked at its iteration leaves no gate up', async (t) => {
  const world = new World();
  await putRun(world, { ...smallRun, warmup: { steps: 0 } });
  world.signal = { runId: 'r', iteration: 7, policyVersion: 7, open: true };
  const purged: unknown[] = [];
  const { close, passed, open } = barrier();
  let isDamaged = false;
  const controller = startController(world, (_, method, call, args) => {
    if (method === 'initializePolicy') return passed().then(call);
    if (method === 'getIteration' && isDamaged) throw new SegueError('DATA_LOSS', 'an iteration cannot be read');
    if (method === 'purgeRolloutTasks') purged.push(...args);
    return call();
  });
  t.teardown(() => controller.kill());
  close();
  await controller.runs.resume('r');
  isDamaged = true;
  open();
  await controller.runs.settled();
  t.match(world.runs.get('r'), { state: 'failed', error: /cannot be read/ });
  t.match(world.signal, { iteration: 7, open: false });
  t.strictSame(purged, ['r']);
});
