/** A queue that gives nothing to anybody any more, whatever it says: it is emptied, and what is owed is issued again. Against a cluster in memory. */
import t, { type Test } from 'tap';
import { putRun, smallRun, startController, until } from './fake-cluster.js';
import { World } from './fake-world.js';

async function finish(t: Test, world: World): Promise<void> {
  await putRun(world, { ...smallRun, warmup: { steps: 0 } });
  const controller = startController(world);
  t.teardown(() => controller.kill());
  await controller.runs.resume('r');
  await until(() => world.runs.get('r')?.state === 'finished', 'the run ends');
}

const triesOf = (world: World, id: string) =>
  world.published.filter(({ trajectoryId }) => trajectoryId === id).map(({ attempt }) => attempt);

t.test('it counts a message that no actor gets', async (t) => {
  const world = new World();
  world.endOf = ({ trajectoryId, attempt }) => (trajectoryId === 'r-g1-t0' && attempt === 0 ? 'leave' : 'stop');
  await finish(t, world);
  t.strictSame(triesOf(world, 'r-g1-t0'), [0, 1]);
});

t.test('it takes what is issued again, and gives none of it', async (t) => {
  const world = new World();
  world.deafQueue = true;
  await finish(t, world);
  t.ok(triesOf(world, 'r-g1-t0').length > 1);
});
