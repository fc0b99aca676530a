/** A queue that gives nothing to anybody any more, whatever it says: it is emptied, and what is owed is issued again. Against a cluster in memory. */
import t from 'tap';
import { putRun, smallRun, startController } from './fake-cluster.js';
import { World } from './fake-world.js';

async function finish(world: World): Promise<void> {
  await putRun(world, { ...smallRun, warmup: { steps: 0 } });
  const controller = startController(world);
  await controller.runs.resume('r');
  await controller.runs.settled();
}

const triesOf = (world: World, id: string) =>
  world.published.filter(({ trajectoryId }) => trajectoryId === id).map(({ attempt }) => attempt);

t.test('it counts a message that no actor gets', async (t) => {
  const world = new World();
  world.endOf = ({ trajectoryId, attempt }) => (trajectoryId === 'r-g1-t0' && attempt === 0 ? 'leave' : 'stop');
  await finish(world);
  t.equal(world.runs.get('r')?.state, 'finished');
  t.strictSame(triesOf(world, 'r-g1-t0'), [0, 1]);
});

t.test('it takes what is issued again, and gives none of it', async (t) => {
  const world = new World();
  world.deafQueue = true;
  await finish(world);
  t.equal(world.runs.get('r')?.state, 'finished');
  t.ok(triesOf(world, 'r-g1-t0').length > 1);
});
