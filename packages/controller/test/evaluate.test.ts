/** An evaluation that fails leaves nothing behind that goes on: neither calls that were under way nor those that were still to come. In memory. */
import { SegueError } from '@segue/core';
import t from 'tap';
import { evaluatePolicy } from '../dist/evaluate.js';
import { problem, putRun, smallRun, startController, until } from './fake-cluster.js';
import { World } from './fake-world.js';
import { barrier } from './standing-still.js';

const signalOf = (args: readonly unknown[]) => (args[1] as { readonly signal: AbortSignal }).signal;
const temperatureOf = (args: readonly unknown[]) =>
  (args[0] as { readonly sampling: { readonly temperature: number } }).sampling.temperature;

const plan = {
  runId: 'r',
  policyVersion: 0,
  problems: Array.from({ length: 4 }, (_, n) => problem(`r-e${n}`, 'evaluation')),
  samples: 30,
  sampling: { temperature: 1, topK: 0, topP: 1 },
  maxTokens: 8,
  seed: 1,
  stopOnRepeat: false,
};

/** Rejects when the call is called off. */
function calledOff(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const stop = () => reject(new SegueError('CANCELLED', 'the call was called off'));
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
  });
}

t.test(
  'when a request is refused the other calls are called off, and the caller is told once they have ended',
  async (t) => {
    const world = new World();
    world.actors = ['a', 'b'];
    world.beforeGenerate = (actor) => {
      if (actor === 'a') throw new SegueError('INVALID_INPUT', 'prompt is too long');
    };
    const { close, passed, open } = barrier();
    close();
    let calls = 0;
    const called: AbortSignal[] = [];
    const { cluster, waits, signal, kill } = startController(world, (_, method, call, args) => {
      // The first two are those of a.
      if (method !== 'generate' || calls++ < 2) return call();
      const ofCall = signalOf(args);
      called.push(ofCall);
      return (async function* () {
        await passed();
        if (ofCall.aborted) throw new SegueError('CANCELLED', 'the call was called off');
        yield* call() as AsyncIterable<unknown>;
      })();
    });
    t.teardown(kill);
    let told = false;
    const ended = evaluatePolicy(cluster, waits, plan, signal).catch((error: unknown) => {
      told = true;
      return error;
    });
    await until(() => called.length === 2 && called.every(({ aborted }) => aborted), 'both calls of b are called off');
    t.notOk(told, 'they have not ended');
    open();
    t.match(await ended, { code: 'INVALID_INPUT', rawMessage: 'prompt is too long' });
    t.equal(calls, 4, 'nothing is generated for nobody');
    t.strictSame(world.pinned, []);
  },
);

t.test('what one actor cannot do another does; what none can is told at once', async (t) => {
  const world = new World();
  world.actors = ['a', 'b'];
  let calls = 0;
  let unable = ['a', 'b'];
  world.beforeGenerate = (actor) => {
    calls++;
    if (unable.includes(actor)) throw new SegueError('UNIMPLEMENTED', 'this server cannot sample so');
  };
  const { cluster, waits, signal, kill } = startController(world);
  t.teardown(kill);
  await t.rejects(evaluatePolicy(cluster, waits, plan, signal), { code: 'UNIMPLEMENTED', message: /cannot sample so/ });
  t.equal(calls, 4, 'two calls of each');
  unable = ['a'];
  calls = 0;
  const one = { ...plan, problems: plan.problems.slice(0, 1), samples: 1 };
  t.match(await evaluatePolicy(cluster, waits, one, signal), { problems: 1, failed: 0 }, 'though one is asked first');
  t.match(await evaluatePolicy(cluster, waits, plan, signal), { problems: 4, samples: 30, failed: 0 });
});

t.test('a round of an evaluation that is tried again does not go on beside its next try', async (t) => {
  const world = new World();
  await putRun(world, { ...smallRun, warmup: { steps: 0 }, evaluation: { everyIterations: 0, samples: 2 } });
  world.endOf = () => 'stop';
  const { close, passed, open } = barrier();
  close();
  const sampled = { underWay: 0, most: 0 };
  let judged = 0;
  const controller = startController(world, (_, method, call, args) => {
    // That of the greedy round, which ends first.
    if (method === 'scoreBatch' && ++judged <= 3) {
      if (judged === 3) open();
      throw new SegueError('UNAVAILABLE', 'no scorer is there');
    }
    if (method !== 'generate' || temperatureOf(args) === 0) return call();
    return (async function* () {
      sampled.most = Math.max(sampled.most, ++sampled.underWay);
      try {
        await Promise.race([passed(), calledOff(signalOf(args))]);
        yield* call() as AsyncIterable<unknown>;
      } finally {
        sampled.underWay--;
      }
    })();
  });
  t.teardown(() => controller.kill());
  await controller.runs.resume('r');
  await controller.runs.settled();
  t.equal(world.runs.get('r')?.state, 'finished');
  t.strictSame(sampled, { underWay: 0, most: 1 });
  t.strictSame(
    world.events.get('r')!.flatMap(({ kind, bodyJson }) => (kind === 'evaluation' ? [JSON.parse(bodyJson).when] : [])),
    ['before', 'before', 'after', 'after'],
  );
});
