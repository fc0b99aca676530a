/** Scorers that are away use up no iteration of a run: what waits for their verdicts, how long, and what is told. Against a cluster in memory. */
import type { RunConfigInput } from '@segue/core';
import t from 'tap';
import { putRun, quick, smallRun, startController, until } from './fake-cluster.js';
import { World } from './fake-world.js';

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

t.test('the last iteration waits while verdicts keep coming, then says what is missing', async (t) => {
  const world = worldWithoutScorers();
  await putRun(world, { ...brief, iterations: 1 });
  // So patient that the wait is seen, and ended by silence.
  const controller = startController(world, undefined, { ...quick, scoreWaitMs: 300 });
  await controller.runs.resume('r');
  await waiting(world, controller, 6);
  for (const id of ['r-g1-t0', 'r-g1-t1']) world.judge(id);
  await controller.runs.settled();
  t.equal(world.runs.get('r')?.state, 'finished', 'nobody is waited for for ever');
  t.match(events(world, 'iteration'), [{ closedBy: 'scores-late', awaitingScore: 4, groupsTrained: 1 }]);
});

t.test('a plan that has nothing to begin with, because all is still to be judged, waits for a verdict', async (t) => {
  const world = worldWithoutScorers();
  // Two problems: one is judged in time and not drawn again, the other is in flight.
  await putRun(world, {
    ...brief,
    problems: { sampler: 'prioritized' },
    rollout: { ...smallRun.rollout, groupsPerIteration: 1, overSampling: 2 },
  });
  world.problems.splice(0, 10);
  const controller = startController(world);
  await controller.runs.resume('r');
  await waiting(world, controller, 4);
  world.givenUp.add(world.groups.get('r-g0')!.problemId);
  for (const id of ['r-g0-t0', 'r-g0-t1']) world.judge(id);
  await until(
    () => controller.waits.list().some(({ what, count }) => what === 'scores' && count === 2),
    'the plan waits for the other verdicts',
  );
  judgeAll(world);
  await controller.runs.settled();
  t.equal(world.runs.get('r')?.state, 'finished');
  t.equal(iterations(world).length, 2);
});
