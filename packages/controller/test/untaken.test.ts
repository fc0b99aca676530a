/** A queue that gives nothing to anybody any more, whatever it says: it is emptied, and what is owed is issued again. Against a cluster in memory. */
import t, { type Test } from 'tap';
import { rolloutTask } from '../../bus/test/samples.js';
import { StuckQueue } from '../dist/stuck-queue.js';
import { putRun, quick, smallRun, startController, until } from './fake-cluster.js';
import { deliveredTask, World } from './fake-world.js';
import { endAll } from './standing-still.js';

async function finish(t: Test, world: World): Promise<void> {
  await putRun(world, { ...smallRun, warmup: { steps: 0 } });
  const controller = startController(world, undefined, { ...quick, untakenMs: 100 });
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

/** An iteration with version 3, and an actor that could take its tasks; a queue of it is asked twice. */
async function idleWorld(t: Test, { untakenMs = 0, iteration = 0 } = {}) {
  const world = new World();
  world.active = { runId: 'r', version: 3, manifestSha256: '', folder: '', trainerAddress: '' };
  world.flushed = iteration === 0 ? null : iteration - 1;
  const { cluster, signal, kill } = startController(world, undefined, { ...quick, untakenMs });
  t.teardown(kill);
  const idle = await cluster.actor('a').getActorStatus({});
  const isStuck = async (...statuses: Parameters<StuckQueue['isStuck']>[0]) => {
    const queue = new StuckQueue({ id: 'r', cluster, signal }, { iteration, policyVersion: 3 });
    t.notOk(await queue.isStuck(statuses, 5), 'what was owed for the first time');
    return queue.isStuck(statuses, 5);
  };
  return { world, idle, isStuck };
}

t.test('who may be at work, or cannot take anything, leaves it as it is', async (t) => {
  const { world, idle, isStuck } = await idleWorld(t);
  t.ok(await isStuck(idle));
  t.notOk(await isStuck(), 'nobody is there');
  t.notOk(await isStuck(idle, null), 'one does not answer');
  t.notOk(await isStuck(idle, { ...idle, trajectoryIds: ['r-g0-t0'] }), 'one is at work');
  t.notOk(await isStuck({ ...idle, policyVersion: null }), 'it loads');
  t.notOk(
    await isStuck({ ...idle, policyRunId: 'q' }),
    'it loads, and serves a version of another run that has the same number',
  );
  t.ok(await isStuck({ ...idle, policyRunId: '' }), 'an earlier version of the actor does not say');
  const refused = { runId: 'r', reason: 'temperature 0.8', isTried: false };
  t.notOk(await isStuck({ ...idle, refusedRuns: [refused] }), 'its engine cannot generate for the run');
  t.ok(await isStuck({ ...idle, refusedRuns: [{ ...refused, isTried: true }] }), 'it would take some, to try again');
  t.ok(await isStuck({ ...idle, refusedRuns: [{ ...refused, runId: 'q' }] }), 'for another run');
  t.notOk(await isStuck({ ...idle, draining: true }));
  t.notOk(await isStuck({ ...idle, running: idle.slots }), 'evaluations have all slots');
  t.ok(await isStuck(idle, { ...idle, policyVersion: 2 }), 'one of two could');
  world.stream.push(rolloutTask);
  t.notOk(await isStuck(idle), 'segments are on their way to the store');
});

t.test('it is given its time, and dead actors that of their leases', async (t) => {
  const { idle, isStuck } = await idleWorld(t, { untakenMs: 60_000 });
  t.notOk(await isStuck(idle), 'its time has not come');
  const other = await idleWorld(t);
  other.world.leasesOfTheDead = 1;
  other.world.leaseMs = 60_000;
  t.notOk(await other.isStuck(other.idle), 'what is leased comes back');
  other.world.leaseMs = 0;
  t.ok(await other.isStuck(other.idle), 'it should have come back by now');
});

t.test('an actor that is still in an earlier iteration cannot take anything', async (t) => {
  const { idle, isStuck } = await idleWorld(t, { iteration: 4 });
  t.ok(await isStuck(idle));
  t.notOk(await isStuck({ ...idle, flushedIteration: 2 }), 'it has not left the one before');
  t.notOk(await isStuck({ ...idle, flushedIteration: null }), 'it has just come');
  const first = await idleWorld(t);
  t.ok(await first.isStuck({ ...first.idle, flushedIteration: 0 }), 'it was paused in the first one');
});

t.test('that no engine can generate for the run is told, and its queue left as it is', async (t) => {
  const world = new World();
  world.endOf = () => 'leave';
  world.refusedRuns = [{ runId: 'r', reason: 'temperature 0.8', isTried: false }];
  await putRun(world, { ...smallRun, iterations: 1, warmup: { steps: 0 } });
  const controller = startController(world, undefined, { ...quick, untakenMs: 0 });
  t.teardown(() => controller.kill());
  await controller.runs.resume('r');
  const wait = () => controller.waits.list().find(({ what }) => what === 'actor');
  await until(() => wait() !== undefined, 'it is told');
  t.match(wait(), { count: 1, from: 'nobody: no engine can generate for run r (actor-0: temperature 0.8)' });
  const looks = world.looks.queues;
  await until(() => world.looks.queues > looks + 3, 'the tasks were searched for, again and again');
  // One that can comes in its place.
  world.refusedRuns = [];
  world.endOf = () => 'stop';
  world.pump();
  await until(() => world.runs.get('r')?.state === 'finished', 'the run ends');
  t.strictSame(triesOf(world, 'r-g1-t0'), [0], 'no task was issued twice');
  t.equal(wait(), undefined);
});

t.test('what was lost with leases is marked before they are gone', async (t) => {
  const world = new World();
  const { cluster, signal, kill } = startController(world);
  t.teardown(kill);
  world.leasesOfTheDead = 1;
  world.delivered = () => [deliveredTask(rolloutTask)];
  await new StuckQueue({ id: 'r', cluster, signal }, { iteration: 0, policyVersion: 3 }).empty();
  t.strictSame([...world.lostTries], [[rolloutTask.trajectoryId, 1]]);
});

t.test('actors are asked once more after the queue was emptied', async (t) => {
  const world = new World();
  world.deafQueue = true;
  let publishedBefore = Number.POSITIVE_INFINITY;
  world.onEmptied = () => {
    publishedBefore = world.published.length;
    // It was given its task after all, just before.
    const task = world.published.find(({ trajectoryId }) => trajectoryId === 'r-g1-t0');
    if (task !== undefined) world.held.set(task.trajectoryId, task);
  };
  world.endOf = () => 'stop';
  await putRun(world, { ...smallRun, iterations: 1, warmup: { steps: 0 } });
  const controller = startController(world, undefined, { ...quick, untakenMs: 20 });
  t.teardown(() => controller.kill());
  await controller.runs.resume('r');
  const publishedSince = () => world.published.slice(publishedBefore).map(({ trajectoryId }) => trajectoryId);
  await until(() => publishedSince().includes('r-g0-t0'), 'the queue is filled anew');
  t.notOk(publishedSince().includes('r-g1-t0'), 'but for what an actor has');
  endAll(world);
  await until(() => world.runs.get('r')?.state === 'finished', 'the run ends');
});
