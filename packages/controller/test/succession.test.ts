/** A controller that stood still while another one went on with its run takes nothing of it back, wherever it stood. Against a cluster in memory. */
import { noEngineTimes } from '@segue/core';
import t, { type Test } from 'tap';
import { advanced, type RunProgress, saveFirstPolicy } from '../dist/run-progress.js';
import { putRun, smallRun, startController, until } from './fake-cluster.js';
import { World } from './fake-world.js';
import { barrier, endAll, succeed } from './standing-still.js';

const threeIterations = {
  ...smallRun,
  iterations: 3,
  warmup: { steps: 0 },
  evaluation: { everyIterations: 0, problems: 1 },
};

const storedPolicy = (world: World) => JSON.parse(world.runs.get('r')!.progressJson).policy.ref.version;

const isStream = (method: string) => method === 'fineTune' || method === 'trainIteration';

interface Standing {
  readonly method: string;
  /** Whether it stands still at a call of the method. */
  readonly when?: (world: World) => boolean;
  /** The iteration in which its successor leaves the run. */
  readonly until: number;
}

/** A first controller that stands still, a successor that is an iteration or more further and ends, and the first one that has gone on and follows. */
async function standStill(t: Test, world: World, { method, when = () => true, until: last }: Standing) {
  world.endOf = ({ iteration }) => (iteration === last ? null : 'stop');
  const { close, passed, open } = barrier();
  close();
  let stands = false;
  let isOpen = false;
  /** Versions that the first one announces since it has gone on, and its purges. */
  const done: string[] = [];
  const first = startController(world, (_, name, call) => {
    if (isOpen && name === 'purgeRolloutTasks') done.push('purge');
    if (isOpen && name === 'putActivePolicy') {
      const answer = call();
      done.push(`version ${world.active?.version}`);
      return answer;
    }
    if (name !== method || stands || !when(world)) return call();
    stands = true;
    if (!isStream(method)) return passed().then(call);
    return (async function* () {
      await passed();
      yield* call() as AsyncIterable<unknown>;
    })();
  });
  t.teardown(() => first.kill());
  await first.runs.resume('r');
  await until(() => stands, 'it stands still');
  const isFurther = () => world.signal?.iteration === last && world.held.size > 0;
  await succeed(t, world, isFurther, 'its successor is further');
  t.equal(storedPolicy(world), last);
  isOpen = true;
  open();
  await until(() => first.runs.active?.phase.phase === 'rollout', 'it goes on from the store');
  await until(() => first.runs.active?.phase.iteration === last, 'with the newest iteration');
  return { first, done };
}

async function finishWith(t: Test, world: World, first: ReturnType<typeof startController>): Promise<void> {
  world.endOf = () => 'stop';
  endAll(world);
  await first.runs.settled();
  t.match(world.runs.get('r'), { state: 'finished', error: '' });
  t.match(world.active, { version: 3 });
  t.equal(storedPolicy(world), 3);
  t.notOk(first.logs.some(({ message }) => message === 'a phase failed'));
  t.equal(world.events.get('r')!.filter(({ kind }) => kind === 'iteration').length, 3, 'each iteration is told once');
}

t.test('one that stood still as it warmed up does not put version 0 back', async (t) => {
  const world = new World();
  await putRun(world, { ...threeIterations, warmup: { steps: 2 } });
  const { first, done } = await standStill(t, world, { method: 'fineTune', until: 1 });
  t.equal(storedPolicy(world), 1);
  t.match(world.active, { version: 1 });
  t.strictSame(done, ['version 1'], 'it announces the newest version, as at any start');
  await finishWith(t, world, first);
});

t.test('one that stood still as it trained does not put its version back over a newer one', async (t) => {
  const world = new World();
  await putRun(world, threeIterations);
  const { first, done } = await standStill(t, world, { method: 'trainIteration', until: 2 });
  t.equal(storedPolicy(world), 2);
  t.match(world.active, { version: 2 });
  t.strictSame(done, []);
  await finishWith(t, world, first);
});

t.test('one that stood still while actors made a version ready does not announce it over a newer one', async (t) => {
  const world = new World();
  await putRun(world, threeIterations);
  const when = ({ trained }: World) => trained.length > 0;
  const { first, done } = await standStill(t, world, { method: 'preparePolicy', when, until: 2 });
  t.match(world.active, { version: 2 });
  t.strictSame(done, []);
  await finishWith(t, world, first);
});

t.test('one that stood still as it wrote its version does not put it back over a newer one', async (t) => {
  const world = new World();
  await putRun(world, threeIterations);
  const when = ({ trained }: World) => trained.length > 0;
  const { first, done } = await standStill(t, world, { method: 'putRun', when, until: 2 });
  t.strictSame(done, []);
  t.equal(storedPolicy(world), 2);
  t.match(world.active, { version: 2 });
  await finishWith(t, world, first);
});

t.test('one that stood still as its process began announces the newest version alone', async (t) => {
  const world = new World();
  await putRun(world, threeIterations);
  const { first, done } = await standStill(t, world, { method: 'preparePolicy', until: 2 });
  t.strictSame(done, ['version 2']);
  t.equal(storedPolicy(world), 2);
  await finishWith(t, world, first);
});

/** Signals as they are given from now on. */
function signalsOf(world: World): string[] {
  const signals: string[] = [];
  const { putSignal } = world;
  world.putSignal = (signal) => {
    signals.push(`${signal.iteration} ${signal.open ? 'open' : 'closed'}`);
    putSignal.call(world, signal);
  };
  return signals;
}

t.test('one that stood still before it announced an iteration does not announce it over a later one', async (t) => {
  const world = new World();
  await putRun(world, threeIterations);
  const signals = signalsOf(world);
  // At the event that tells of the rollout phase.
  const when = ({ iterations }: World) => iterations.has('r');
  const { first } = await standStill(t, world, { method: 'appendEvent', when, until: 2 });
  t.strictSame(
    signals,
    ['0 open', '0 closed', '1 open', '1 closed', '2 open', '2 open'],
    'all but the last by the other',
  );
  await finishWith(t, world, first);
});

t.test('one that stood still as it marked lost tasks closes nothing of its successor', async (t) => {
  const world = new World();
  await putRun(world, threeIterations);
  world.leasesOfTheDead = 1;
  const signals = signalsOf(world);
  const { first, done } = await standStill(t, world, { method: 'deliveredTasks', until: 2 });
  t.strictSame(signals, ['0 open', '0 open', '0 closed', '1 open', '1 closed', '2 open', '2 open']);
  t.strictSame(done, [], 'no task of its successor is purged');
  await finishWith(t, world, first);
});

t.test('one that stood still as it committed opens the iteration after the one that another opened', async (t) => {
  const world = new World();
  await putRun(world, threeIterations);
  const { first } = await standStill(t, world, { method: 'commitIteration', until: 1 });
  await finishWith(t, world, first);
});

t.test('one that stood still as it committed the last iteration evaluates nothing again', async (t) => {
  const world = new World();
  world.endOf = () => 'stop';
  await putRun(world, { ...threeIterations, iterations: 1 });
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
  await succeed(t, world, () => world.runs.get('r')?.state === 'finished', 'its successor has finished the run');
  const { length } = world.generateCalls;
  open();
  await first.runs.settled();
  t.equal(world.generateCalls.length, length);
  t.equal(world.runs.get('r')?.state, 'finished');
});

const policy = (version: number, manifestSha256 = `${version}`) => ({
  ref: { runId: 'r', version, manifestSha256 },
  parent: version - 1,
  bytes: 1,
  folder: '/p',
});
const outcome = (iteration: number) => ({
  iteration,
  closedBy: 'all-ended',
  rolloutMs: 0,
  closeMs: 0,
  actorIdleShare: 0,
  engineTimes: noEngineTimes,
});

t.test('progress goes forward alone', async (t) => {
  const kept: RunProgress = {
    policy: policy(2),
    warmupDone: true,
    evaluations: ['before-0', 'between-1'],
    issue: { iteration: 2, round: 1 },
    rollout: outcome(1),
  };
  t.strictSame(advanced(kept, {}), kept);
  t.strictSame(
    advanced(kept, {
      policy: policy(1),
      evaluations: ['before-0'],
      issue: { iteration: 1, round: 4 },
      rollout: outcome(0),
    }),
    kept,
  );
  t.strictSame(advanced(kept, { issue: { iteration: 2, round: 0 } }), kept, 'rounds number tries');
  const next = {
    policy: policy(3),
    evaluations: ['before-0', 'between-2'],
    issue: { iteration: 3, round: 0 },
    rollout: outcome(2),
  };
  t.strictSame(advanced(kept, next), {
    ...next,
    warmupDone: true,
    evaluations: ['before-0', 'between-1', 'between-2'],
  });
  const warm = { ...kept, policy: policy(0) };
  const again = policy(0, 'made anew');
  t.strictSame(advanced(warm, { policy: again }).policy, again, 'the same version made anew is the one that is there');
});

t.test('a run that has a policy is given no first one', async (t) => {
  const world = new World();
  await putRun(world);
  const { cluster, kill } = startController(world);
  t.teardown(kill);
  const { progressJson } = world.runs.get('r')!;
  await saveFirstPolicy(cluster, 'r', policy(0));
  t.equal(world.runs.get('r')!.progressJson, progressJson);
  world.runs.set('r', { ...world.runs.get('r')!, progressJson: '' });
  await saveFirstPolicy(cluster, 'r', policy(0));
  t.equal(storedPolicy(world), 0);
});
