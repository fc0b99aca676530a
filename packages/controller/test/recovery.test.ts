/** A controller that is killed goes on from the store: at every one of its writes, and in the middle of a rollout phase. */
import { SegueError } from '@segue/core';
import t from 'tap';
import { type Guard, putRun, smallRun, startController, until } from './fake-cluster.js';
import { World } from './fake-world.js';

const state = (world: World) => world.runs.get('r')?.state;
const events = (world: World, kind: string) =>
  (world.events.get('r') ?? []).filter((event) => event.kind === kind).map((event) => JSON.parse(event.bodyJson));

/** What must be the same however often the controller was killed on the way. */
function resultOf(world: World) {
  return {
    state: state(world),
    trajectories: [...world.trajectories.values()].map(({ id, state, segments }) => ({
      id,
      state,
      segments: segments.map(({ attempt: _, ...segment }) => segment),
    })),
    iterations: (world.iterations.get('r') ?? [])
      .map(({ record }) => record)
      .map(({ iteration, state, policyVersion, policyVersionOut, batchGroupIds, tasks }) => {
        return { iteration, state, policyVersion, policyVersionOut, batchGroupIds, tasks };
      }),
    trained: world.trained,
    evaluations: events(world, 'evaluation'),
    iterationEvents: events(world, 'iteration').map(({ iteration, policyVersionOut }) => ({
      iteration,
      policyVersionOut,
    })),
    active: world.active?.version,
  };
}

const writes = new Set([
  'putRun',
  'openIteration',
  'closeIteration',
  'freezeBatch',
  'commitIteration',
  'appendEvent',
  'publishRolloutTasks',
  'purgeRolloutTasks',
  'putActivePolicy',
  'putIterationSignal',
  'fineTune',
  'trainIteration',
  'generate',
  'scoreBatch',
]);

/** Lets the process die at the n-th write (from 0): before its effect, after it, or, when tasks are published, in the middle. */
function killAt(n: number, when: 'before' | 'after' | 'middle', kill: () => void) {
  let count = 0;
  const died: { at: string | null } = { at: null };
  const dead = () => new SegueError('CANCELLED', 'the process was killed');
  const guard: Guard = (service, method, call) => {
    if (died.at !== null) throw dead();
    if (!writes.has(method) || count++ !== n) return call();
    died.at = `${service}.${method}`;
    if (when !== 'before') {
      const effect = call();
      if (effect instanceof Promise) {
        return effect.then(() => {
          kill();
          throw dead();
        });
      }
    }
    kill();
    throw dead();
  };
  return { guard, died };
}

for (const when of ['before', 'after'] as const) {
  t.test(`a controller killed ${when} any of its writes goes on to the same result`, async (t) => {
    const reference = new World();
    await putRun(reference);
    const whole = startController(reference);
    await whole.runs.resume('r');
    await whole.runs.settled();
    const expected = resultOf(reference);
    const places = new Map<string, number>();
    for (let n = 0; ; n++) {
      const world = new World();
      await putRun(world);
      let kill: () => void = () => undefined;
      const { guard, died } = killAt(n, when, () => kill());
      const first = startController(world, guard);
      kill = () => void first.kill();
      await first.runs.resume('r').catch(() => undefined);
      await first.runs.settled();
      if (died.at === null) break;
      places.set(died.at, (places.get(died.at) ?? 0) + 1);
      const second = startController(world);
      await second.runs.recover();
      await second.runs.resume('r');
      await second.runs.settled();
      t.strictSame(resultOf(world), expected, `killed at write ${n}, ${died.at}`);
    }
    t.equal(places.size, writes.size, [...places.keys()].join(' '));
  });
}

t.test('a controller killed while it publishes tasks issues the rest, and no trajectory goes on twice', async (t) => {
  const world = new World();
  await putRun(world, { ...smallRun, warmup: { steps: 0 } });
  const first = startController(world, (_, method, call) => {
    if (method !== 'publishRolloutTasks') return call();
    // Half of the tasks reached the queue.
    const done = call();
    world.queue.splice(3);
    world.published.splice(3);
    void first.kill();
    return done;
  });
  await first.runs.resume('r');
  await first.runs.settled();
  t.equal(state(world), 'running', 'a process that dies changes no state');
  const second = startController(world);
  await second.runs.recover();
  await second.runs.settled();
  t.equal(state(world), 'finished');
  const ofFirst = world.published.filter(({ iteration }) => iteration === 0);
  t.equal(new Set(ofFirst.map((task) => task.trajectoryId)).size, 6);
  t.equal(ofFirst.length, 6, 'what was there already was not issued again');
});

t.test('a controller that comes back waits for what the queue still holds', async (t) => {
  const world = new World();
  await putRun(world, { ...smallRun, warmup: { steps: 0 } });
  world.endOf = (task) => (task.trajectoryId < 'r-g1' ? null : 'stop');
  const first = startController(world);
  await first.runs.resume('r');
  await until(() => world.held.size === 2, 'two tasks are held');
  await first.kill();
  const second = startController(world);
  await second.runs.recover();
  await until(() => second.runs.active?.phase.phase === 'rollout', 'it watches again');
  await new Promise((resolve) => setTimeout(resolve, 30));
  t.equal(world.published.length, 6);
  for (const task of world.held.values()) world.append(task, 'stop');
  world.held.clear();
  await second.runs.settled();
  t.equal(state(world), 'finished');
});

t.test('what the store takes in while the actors are asked is not issued again', async (t) => {
  const world = new World();
  await putRun(world, { ...smallRun, warmup: { steps: 0 }, iterations: 1 });
  world.endOf = () => null;
  const first = startController(world);
  await first.runs.resume('r');
  await until(() => world.held.size === 6, 'six tasks are held');
  await first.kill();
  const [done] = world.held.values();
  world.held.clear();
  world.endOf = () => 'stop';
  const second = startController(world, (_, method, call) => {
    if (method === 'getActorStatus') world.append(done!, 'stop');
    return call();
  });
  await second.runs.recover();
  await second.runs.settled();
  t.equal(state(world), 'finished');
  const again = world.published.slice(6).map(({ trajectoryId }) => trajectoryId);
  t.equal(again.length, 5);
  t.notOk(again.includes(done!.trajectoryId));
});

t.test(
  'the store is given a moment to take in what an earlier process asked for, and then people are told',
  async (t) => {
    const world = new World();
    await putRun(world, { ...smallRun, warmup: { steps: 0 }, iterations: 1 });
    world.endOf = () => null;
    const first = startController(world);
    await first.runs.resume('r');
    await until(() => world.held.size === 6, 'six tasks are held');
    await first.kill();
    world.flush(-1);
    world.endOf = () => 'stop';
    const second = startController(world);
    await second.runs.recover();
    await until(() => world.published.length > 6, 'it goes on');
    const said = 'the store has not taken in all segments yet; some tasks may be issued again for nothing';
    t.ok(second.logs.some(({ message }) => message === said));
    world.consume();
    await second.runs.settled();
    t.equal(state(world), 'finished');
  },
);

t.test(
  'the tasks of a plan go out at once; a process that did not make the plan asks the store and the actors first',
  async (t) => {
    const world = new World();
    await putRun(world, { ...smallRun, warmup: { steps: 0 }, iterations: 1 });
    const asking = (calls: string[]) => (_: string, method: string, call: () => unknown) => {
      if (['openIteration', 'listUnfinished', 'getActorStatus', 'publishRolloutTasks'].includes(method))
        calls.push(method);
      return call();
    };
    // The process dies between the plan and its first task.
    const planning: string[] = [];
    const note = asking(planning);
    const dying = startController(world, (service, method, call) => {
      if (method === 'publishRolloutTasks') {
        note(service, method, () => undefined);
        void dying.kill();
        throw new SegueError('CANCELLED', 'the process was killed');
      }
      return note(service, method, call);
    });
    await dying.runs.resume('r');
    await dying.runs.settled();
    t.strictSame(planning.slice(planning.indexOf('openIteration')), ['openIteration', 'publishRolloutTasks']);
    world.runs.set('r', { ...world.runs.get('r')!, progressJson: withoutIssue(world) });
    const next: string[] = [];
    const successor = startController(world, asking(next));
    await successor.runs.resume('r');
    await successor.runs.settled();
    const asked = next.slice(0, next.indexOf('publishRolloutTasks'));
    t.ok(asked.includes('listUnfinished') && asked.includes('getActorStatus'), 'the successor asks');
    t.equal(state(world), 'finished');
  },
);

t.test('a trajectory that the store cuts back in the open iteration is issued where it stands now', async (t) => {
  const world = new World();
  await putRun(world, { ...smallRun, warmup: { steps: 0 }, iterations: 2 });
  const cut = 'r-g0-t1';
  world.endOf = (task) => {
    if (task.iteration === 0) return 'budget';
    if (task.trajectoryId !== cut || task.segmentIndex === 0) return 'stop';
    // Its first segment is damaged: it begins again. The task names a segment that the store does not wait for.
    Object.assign(world.trajectories.get(cut)!, { segments: [], state: 'pending' });
    return 'lose';
  };
  const controller = startController(world);
  await controller.runs.resume('r');
  await controller.runs.settled();
  t.equal(state(world), 'finished');
  const indexes = world.published.filter((task) => task.trajectoryId === cut).map(({ segmentIndex }) => segmentIndex);
  t.strictSame(indexes, [0, 1, 0], 'at the first segment, at the second, and at the first again');
});

/** As if the process had died before it noted that tasks go out. */
function withoutIssue(world: World): string {
  return JSON.stringify({ ...JSON.parse(world.runs.get('r')!.progressJson), issue: null });
}
