/** The lanes: evaluations beside rollouts, and the change of versions. */
import { SegueError, type SequenceResult } from '@segue/core';
import t from 'tap';
import { isCutShort, restOf } from '../dist/moved-sequence.js';
import { evaluationRequest, type FakeEngine, FakeLease, rolloutTask, settle, until } from './support/fakes.js';
import { fill, open, startLoop } from './support/loop.js';

const never = new AbortController().signal;

t.test('evaluation runs in its own lane on a pinned version, sharing the engine where versions agree', async (t) => {
  const { lanes, engines, bus, loop, engine } = await startLoop(t, { slots: 4 });
  const pinned = (version: number) => ({ runId: 'r', version, folder: 'x', manifestSha256: '' });
  const same = await lanes.evaluate(pinned(5), evaluationRequest('e0'), never);
  t.equal(same.tokens.length, 6);
  t.equal(engines.length, 1, 'the rollout engine serves it');
  const older = await Promise.all(['e0', 'e1'].map((id) => lanes.evaluate(pinned(4), evaluationRequest(id), never)));
  t.equal(older.length, 2);
  t.strictSame(
    engines.map(({ loads }) => loads),
    [[5], [4]],
    'another version has an engine of its own',
  );
  await until(() => engines[1]!.stopped, 'which is let go when it has been idle');
  t.equal(engine.stopped, false);

  // The same id twice at once: one after the other, never refused.
  const twins = await Promise.all([0, 1].map(() => lanes.evaluate(pinned(5), evaluationRequest('twin'), never)));
  t.strictSame([...twins[0]!.tokens], [...twins[1]!.tokens]);

  // Rollouts keep most of the slots.
  bus.put(...Array.from({ length: 4 }, (_, i) => new FakeLease(rolloutTask(i, { budgetTokens: i < 2 ? 4 : 10 }))));
  await fill({ engine, loop }, 4);
  const evaluations = ['f0', 'f1', 'f2'].map((id) => lanes.evaluate(pinned(5), evaluationRequest(id), never));
  await engine.step();
  await until(() => [...engine.running.keys()].some((id) => id.startsWith('f')), 'an evaluation joined');
  t.equal(
    [...engine.running.keys()].filter((id) => id.startsWith('f')).length,
    1,
    'one of two free slots: a quarter of all',
  );
  engine.free = true;
  await Promise.all(evaluations);
});

t.test('a version that was written anew under its number is another one, also to evaluations', async (t) => {
  const { lanes, engines } = await startLoop(t);
  const pinned = (version: number, manifestSha256: string) => ({ runId: 'r', version, folder: 'x', manifestSha256 });
  await lanes.switchTo(pinned(6, 'a'));
  const evaluate = async (version: number, content: string) => {
    await lanes.evaluate(pinned(version, content), evaluationRequest('e0'), never);
    return engines.map(({ loads }) => loads);
  };
  t.strictSame(await evaluate(6, 'a'), [[5, 6]], 'as the rollouts have it');
  t.strictSame(await evaluate(6, 'b'), [[5, 6], [6]]);
  t.strictSame(await evaluate(4, 'a'), [[5, 6], [6], [4]]);
  t.strictSame(await evaluate(4, 'b'), [[5, 6], [6], [4], [4]], 'though the first one is still there');
});

t.test('an evaluation does not wait for rollouts that wait in the engine', async (t) => {
  const { lanes, bus, loop, engine } = await startLoop(t, { slots: 4 });
  bus.put(...Array.from({ length: 12 }, (_, i) => new FakeLease(rolloutTask(i, { budgetTokens: i < 1 ? 4 : 12 }))));
  await fill({ engine, loop }, 4);
  await until(() => engine.waiting.length === engine.waitingRoom, 'the engine is full, and more wait outside of it');
  const evaluation = lanes.evaluate(
    { runId: 'r', version: 5, folder: 'x', manifestSha256: '' },
    evaluationRequest('e0', 4),
    never,
  );
  await settle();
  // The first rollout ends; one that waited takes its slot, and the evaluation the place behind.
  await engine.step();
  await until(() => engine.waiting.some(({ id }) => id === 'e0'), 'it has joined');
  t.equal(engine.waiting[0]?.id, 'e0', 'in front of the rollouts that wait');
  const waited = engine.waiting.slice(1).map(({ id }) => id);
  while (!engine.running.has('e0')) await engine.step();
  const inSlots = [...engine.running.keys()];
  const passed = waited.filter((id) => !engine.running.has(id) || inSlots.indexOf(id) > inSlots.indexOf('e0'));
  t.ok(waited.length > 0 && passed.length === waited.length, 'none of them had a slot before it');
  engine.free = true;
  t.equal((await evaluation).tokens.length, 4);
});

t.test('an evaluation whose engine hangs is answered, and costs the process as well', async (t) => {
  const prepare = (engine: { free: boolean }, place: number) => {
    if (place === 1) engine.free = false;
  };
  const { lanes, failures, engines } = await startLoop(t, { engineTimeoutMs: 60, prepare });
  const pinned = { runId: 'r', version: 4, folder: 'x', manifestSha256: '' };
  await t.rejects(lanes.evaluate(pinned, evaluationRequest('e0'), never), { code: 'DEADLINE_EXCEEDED' });
  t.match(failures, [/^broken: the engine hangs: generateChunk/]);
  t.equal(engines.length, 2);
  await t.rejects(lanes.stop(), { code: 'DEADLINE_EXCEEDED' }, 'exiting would wait for that thread');
});

t.test('a version is loaded when nothing runs; evaluations of the old one go on elsewhere', async (t) => {
  const { lanes, engines, engine } = await startLoop(t, { slots: 1 });
  engine.free = false;
  const pinned = { runId: 'r', version: 5, folder: 'x', manifestSha256: '' };
  const [first, second, third] = ['e0', 'e1', 'e2'].map((id) =>
    lanes.evaluate(pinned, evaluationRequest(id, 4), never),
  );
  await until(() => engine.running.size === 1, 'one runs');
  await settle();
  t.strictSame(engine.waiting, [], 'the others do not wait in front of the load');
  const switched = lanes.switchTo({ runId: 'r', version: 6, folder: 'x', manifestSha256: '' });
  await Promise.all([second, third]);
  t.strictSame(engines[1]!.loads, [5], 'they found another engine');
  t.strictSame(engine.loads, [5], 'still the old version');
  engine.free = true;
  await Promise.all([first, switched]);
  t.strictSame(engine.loads, [5, 6]);
  const cancel = new AbortController();
  engine.free = false;
  const cancelled = lanes.evaluate({ ...pinned, version: 6 }, evaluationRequest('e3', 4), cancel.signal);
  await until(() => engine.running.size === 1, 'it runs');
  cancel.abort();
  await t.rejects(cancelled, { code: 'CANCELLED' });
  engine.free = true;
  await until(() => engine.running.size === 0, 'its slot is free');
});

t.test('a load waits a moment for evaluations in its engine, which then go on elsewhere where they were', async (t) => {
  const { lanes, engines, engine } = await startLoop(t, { slots: 2, evaluationGraceMs: 0 });
  engine.free = false;
  const pinned = { runId: 'r', version: 5, folder: 'x', manifestSha256: '' };
  const long = lanes.evaluate(pinned, evaluationRequest('long', 40), never);
  const short = lanes.evaluate(pinned, evaluationRequest('short', 8), never);
  await until(() => engine.running.size === 2, 'both run');
  await engine.step();
  const switched = lanes.switchTo({ ...pinned, version: 6 });
  await until(() => engine.cuts > 0, 'the engine is told to cut');
  // Two chunks at most are called before.
  engine.free = true;
  await switched;
  t.strictSame(engine.loads, [5, 6]);
  t.same((await short).tokens, [0, 1, 2, 3, 4, 5, 6, 7], 'it had just ended');
  const { tokens, logProbs, endReason, promptTokens } = await long;
  t.same(
    tokens,
    Array.from({ length: 40 }, (_, position) => position),
    'in one piece',
  );
  t.strictSame([logProbs.length, endReason], [40, 'length']);
  t.equal(promptTokens, 6, 'the prompt was prefilled twice');
  t.strictSame([engines.length, engines[1]?.loads, engines[1]?.admitted], [2, [5], ['long']], 'under its own version');
});

t.test(
  'a load waits while evaluations of another version still have an engine, and one that is idle makes room',
  async (t) => {
    // An engine beside the first one ends nothing until it may.
    const prepare = (engine: FakeEngine, place: number) => {
      if (place > 0) engine.free = false;
    };
    const { lanes, engines, engine } = await startLoop(t, {
      slots: 2,
      evaluationGraceMs: 0,
      idleReleaseMs: 60_000,
      prepare,
    });
    const versioned = (version: number) => ({ runId: 'r', version, folder: 'x', manifestSha256: '' });
    engine.free = false;
    const first = lanes.evaluate(versioned(5), evaluationRequest('first', 40), never);
    await until(() => engine.running.size === 1, 'it runs');
    const six = lanes.switchTo(versioned(6));
    await until(() => engine.cuts > 0, 'the engine is told to cut');
    engine.free = true;
    await six;
    await until(() => engines[1]?.running.size === 1, 'it goes on in an engine of its own');

    engine.free = false;
    const second = lanes.evaluate(versioned(6), evaluationRequest('second', 40), never);
    await until(() => engine.running.size === 1, 'it runs');
    engine.cuts = 0;
    const seven = lanes.switchTo(versioned(7));
    let looks = 0;
    await until(() => engine.cuts > 0 || ++looks > 20, 'there was time to cut it');
    t.equal(engine.cuts, 0, 'a third copy of the weights is not made');
    engines[1]!.free = true;
    await first;
    await until(() => engine.cuts > 0, 'now it may go on elsewhere');
    engine.free = true;
    await seven;
    await until(() => engines[2]?.running.size === 1, 'which it does');
    await until(() => engines[1]?.stopped === true, 'the idle one has made room');
    engines[2]!.free = true;
    t.equal((await second).tokens.length, 40);
    t.strictSame(
      engines.map(({ loads }) => loads),
      [[5, 6, 7], [5], [6]],
    );
  },
);

t.test('an idle lane has made room before another one loads, and takes no other lane with it', async (t) => {
  const order: string[] = [];
  let mayStop = () => {};
  const prepare = (engine: FakeEngine, place: number) => {
    const [load, stop] = [engine.loadVersion.bind(engine), engine.stop.bind(engine)];
    engine.loadVersion = (policy) => {
      order.push(`${place} loads ${policy.version}`);
      return load(policy);
    };
    engine.stop = async () => {
      if (place === 1) await new Promise<void>((resolve) => (mayStop = resolve));
      await stop();
      order.push(`${place} stopped`);
    };
  };
  const { lanes } = await startLoop(t, { slots: 2, idleReleaseMs: 60_000, prepare });
  const evaluate = (version: number, id: string) =>
    lanes.evaluate({ runId: 'r', version, folder: 'x', manifestSha256: '' }, evaluationRequest(id, 8), never);
  await evaluate(4, 'a');
  const others = [evaluate(3, 'b'), evaluate(4, 'c')];
  await settle();
  t.strictSame(order, ['0 loads 5', '1 loads 4'], 'two copies of the weights are there');
  mayStop();
  for (const { tokens } of await Promise.all(others)) t.equal(tokens.length, 8);
  t.equal(order[2], '1 stopped');
  t.strictSame(order.slice(3, 5).sort(), ['2 loads 3', '3 loads 4']);
});

t.test('what was cut goes on before what has not begun', async (t) => {
  const prepare = (engine: FakeEngine, place: number) => {
    // It does not end the one it has.
    if (place > 0) engine.free = false;
  };
  const { lanes, engines, engine } = await startLoop(t, { slots: 1, evaluationGraceMs: 0, prepare });
  engine.free = false;
  const pinned = { runId: 'r', version: 5, folder: 'x', manifestSha256: '' };
  const evaluations = [0, 1, 2, 3].map((n) => lanes.evaluate(pinned, evaluationRequest(`e${n}`, 40), never));
  await until(() => engine.running.has('e0'), 'it runs');
  const switched = lanes.switchTo({ ...pinned, version: 6 });
  await until(() => engine.cuts > 0 && engines[1]?.running.size === 1, 'the others have an engine');
  engine.free = true;
  await switched;
  await settle();
  engines[1]!.free = true;
  const results = await Promise.all(evaluations);
  t.strictSame(
    results.map(({ tokens }) => tokens.length),
    [40, 40, 40, 40],
  );
  // The engine has a slot and room for one that waits.
  t.strictSame(engines[1]!.admitted, ['e1', 'e2', 'e0', 'e3']);
});

t.test('a load that takes long itself cuts nothing that comes after it', async (t) => {
  const ends: (() => void)[] = [];
  const prepare = (engine: FakeEngine, place: number) => {
    const load = engine.loadVersion.bind(engine);
    engine.loadVersion = async (policy) => {
      if (policy.version === 6) {
        await new Promise<void>((resolve) => {
          ends[place] = resolve;
        });
      }
      return load(policy);
    };
  };
  const { lanes, engine } = await startLoop(t, { slots: 2, evaluationGraceMs: 0, prepare });
  t.teardown(() => ends[1]?.());
  const next = { runId: 'r', version: 6, folder: 'x', manifestSha256: '' };
  const switched = lanes.switchTo(next);
  const evaluation = lanes.evaluate(next, evaluationRequest('e0', 40), never);
  await until(() => ends[1] !== undefined, 'its version is not served yet');
  // Timers of one length ring in their order, and the load's came first.
  await new Promise((resolve) => setTimeout(resolve, 0));
  ends[0]?.();
  await switched;
  t.equal((await evaluation).promptTokens, 3, 'prefilled once');
  t.equal(engine.cuts, 0);
});

t.test('where engines load into one server, no version is served beside another', async (t) => {
  const prepare = (engine: FakeEngine) => {
    engine.sharesWeights = true;
  };
  const { lanes, engines, engine } = await startLoop(t, { slots: 2, evaluationGraceMs: 0, prepare });
  const pinned = (version: number) => ({ runId: 'r', version, folder: 'x', manifestSha256: '' });
  const refusal = { code: 'UNIMPLEMENTED', message: /version 4 of run r cannot .* serves version 5 of run r/ };
  await t.rejects(lanes.evaluate(pinned(4), evaluationRequest('older'), never), refusal);
  engine.free = false;
  const running = [0, 1].map((n) => lanes.evaluate(pinned(5), evaluationRequest(`e${n}`, 12), never));
  await until(() => engine.running.size === 2, 'both run');
  const waiting = lanes.evaluate(pinned(5), evaluationRequest('e2', 12), never);
  const switched = lanes.switchTo(pinned(6));
  const next = lanes.evaluate(pinned(6), evaluationRequest('next'), never);
  // When it would have cut.
  await engine.step();
  engine.free = true;
  await t.rejects(waiting, { code: 'UNIMPLEMENTED' }, 'it had not begun');
  const results = await Promise.all(running);
  t.strictSame(
    results.map(({ tokens, promptTokens }) => [tokens.length, promptTokens]),
    [0, 1].map(() => [12, 3]),
    'never cut',
  );
  await switched;
  t.equal((await next).tokens.length, 6, 'what is loaded is waited for');
  t.strictSame([engines.length, engine.loads], [1, [5, 6]], 'the load has waited for what ran');
});

t.test('where engines load into one server, nobody waits for a version whose load has failed', async (t) => {
  const prepare = (engine: FakeEngine) => {
    engine.sharesWeights = true;
  };
  // An engine that cannot say what it serves is replaced.
  for (const [serves, made] of [
    [5, 1],
    [null, 2],
  ] as const) {
    const { lanes, engines, engine } = await startLoop(t, { slots: 2, prepare });
    const broken = { runId: 'r', version: 6, folder: 'x', manifestSha256: '' };
    engine.loadVersion = async () => {
      engine.version = serves;
      throw new SegueError('DATA_LOSS', 'its weights are damaged');
    };
    const switched = lanes.switchTo(broken);
    const waiting = lanes.evaluate(broken, evaluationRequest('e0'), never);
    await t.rejects(switched, { code: 'DATA_LOSS' });
    await t.rejects(waiting, { code: 'UNIMPLEMENTED', message: /serves version 5/ });
    t.equal(engines.length, made);
  }
});

t.test('what was cut goes on, and what has ended does not, however early', async (t) => {
  const request = { ...evaluationRequest('e0', 8), responseTokens: Int32Array.of(3) };
  const part = (endReason: SequenceResult['endReason'], count: number): SequenceResult => ({
    ...{ id: 'e0', tokens: new Int32Array(count).fill(4), logProbs: new Float32Array(count), endReason },
    ...{ promptTokens: 3, reprefillTokens: 1, startedAtMs: 1, endedAtMs: 2 },
  });
  const cutShort = (['stop', 'repeat', 'length', 'yield'] as const).map((reason) =>
    isCutShort(request, part(reason, 2)),
  );
  t.strictSame(cutShort, [false, false, true, true]);
  t.notOk(isCutShort(request, part('length', 8)), 'it has all its tokens');
  t.ok(isCutShort(request, part('yield', 0)), 'it has not begun');
  const rest = restOf(request, part('length', 2));
  t.match(rest, { budgetTokens: 6, capTokens: 8 });
  t.same(rest.responseTokens, [3, 4, 4]);
});

t.test('an evaluation that is called off while a load waits for it goes on nowhere', async (t) => {
  const { lanes, engines, engine } = await startLoop(t, { slots: 2, evaluationGraceMs: 0 });
  engine.free = false;
  const cancel = new AbortController();
  const pinned = { runId: 'r', version: 5, folder: 'x', manifestSha256: '' };
  const evaluation = lanes.evaluate(pinned, evaluationRequest('e0', 40), cancel.signal);
  await until(() => engine.running.size === 1, 'it runs');
  const switched = lanes.switchTo({ ...pinned, version: 6 });
  cancel.abort();
  await t.rejects(evaluation, { code: 'CANCELLED' });
  engine.free = true;
  await switched;
  t.equal(engines.length, 1);
});

for (const order of ['an evaluation has begun', 'an evaluation comes in the same round'] as const) {
  t.test(`a rollout of an id that ${order} under waits for its end, and fails nothing`, async (t) => {
    const { bus, loop, lanes, engine } = await startLoop(t, { slots: 4 });
    const pinned = { runId: 'r', version: 5, folder: 'x', manifestSha256: '' };
    let goOn = () => {};
    if (order === 'an evaluation comes in the same round') {
      engine.prepareVersion = () =>
        new Promise((resolve) => {
          goOn = resolve;
        });
      lanes.rollout.prepare(pinned).catch(t.error);
    }
    engine.free = false;
    const evaluation = lanes.evaluate(pinned, evaluationRequest('r-g0-t0', 8), never);
    if (order === 'an evaluation has begun') await until(() => engine.running.size === 1, 'it runs');
    bus.put(new FakeLease(rolloutTask(0)), new FakeLease(rolloutTask(1)));
    await loop.follow(open);
    await until(() => loop.trajectoryIds.length === 2, 'both tasks are held');
    await settle();
    goOn();
    await until(() => lanes.rollout.running === 2, 'the evaluation and the other rollout');
    await engine.step();
    t.strictSame([...engine.running.keys()].sort(), ['r-g0-t0', 'r-g0-t1']);
    t.strictSame(bus.segments, []);
    engine.free = true;
    t.match(await evaluation, { id: 'r-g0-t0', endReason: 'length', tokens: { length: 8 } });
    await until(() => bus.segments.length === 2, 'both rollouts');
    t.strictSame(
      bus.segments.map(({ trajectoryId, endReason }) => `${trajectoryId} ${endReason}`).sort(),
      ['r-g0-t0 budget', 'r-g0-t1 budget'],
      'no try was used up',
    );
    await lanes.switchTo({ ...pinned, version: 6 });
    t.strictSame(engine.loads, [5, 6]);
  });
}
