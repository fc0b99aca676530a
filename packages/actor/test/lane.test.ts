/** The lane and its engine: chunks called ahead, sequences that wait inside, engines that fail. */
import { actorConfigSchema, type PolicyLocation, SegueError } from '@segue/core';
import t from 'tap';
import { DeviceTurn } from '../dist/device-turn.js';
import { engineMaker } from '../dist/engine.js';
import { Lane } from '../dist/lane.js';
import { type LaneWork, LaneWorks, type WorkSource } from '../dist/lane-work.js';
import { evaluationRequest, FakeEngine, FakeLease, rolloutTask, settle, until } from './support/fakes.js';
import { fill, open, startLoop } from './support/loop.js';

/** Its thread ends in the first load. */
class DyingEngine extends FakeEngine {
  #dead = false;

  override async loadVersion(_: PolicyLocation): Promise<void> {
    this.#dead = true;
    throw new SegueError('UNAVAILABLE', 'the thread has ended');
  }

  override async status() {
    if (this.#dead) throw new SegueError('UNAVAILABLE', 'the thread has ended');
    return super.status();
  }
}

/** Version 13 is not there. */
class UnluckyEngine extends FakeEngine {
  override async loadVersion(location: PolicyLocation): Promise<void> {
    if (location.version === 13) throw new SegueError('NOT_FOUND', 'the folder is gone');
    await super.loadVersion(location);
  }
}

/** A lane that has work to take, and what becomes of it. The engine refuses what is named `bad`; what is named `urgent` passes what waits. */
async function laneWith(engine: FakeEngine, works: readonly (readonly [id: string, capTokens: number])[]) {
  engine.free = false;
  const answers: string[] = [];
  const waiting: LaneWork[] = [];
  const source: WorkSource = { take: (free) => waiting.splice(0, free) };
  const work = ([id, capTokens]: readonly [string, number]): LaneWork => {
    const request = { ...evaluationRequest(id, capTokens), passesWaiting: id === 'urgent' };
    return {
      request: id === 'bad' ? { ...request, promptTokens: Int32Array.of(99) } : request,
      source,
      finish: ({ endReason }) => answers.push(`${id} ${endReason}`),
      fail: ({ code }) => answers.push(`${id} ${code}`),
      putBack: () => answers.push(`${id} put back`),
    };
  };
  waiting.push(...works.map(work));
  const engines: FakeEngine[] = [];
  const createEngine = () => {
    engines.push(engines.length === 0 ? engine : new UnluckyEngine(engine.slots));
    return engines.at(-1)!;
  };
  const lane = new Lane({ createEngine, engineTimeoutMs: 60_000, sources: [source] });
  await lane.start();
  await lane.load({ runId: 'r', version: 5, folder: 'x', manifestSha256: '' });
  const offer = (...one: readonly [id: string, capTokens: number]) => {
    waiting.push(work(one));
    lane.wake();
  };
  return { answers, lane, engine, engines, offer };
}

t.test('an engine that its first load killed is replaced, and the next load succeeds', async (t) => {
  const engines: FakeEngine[] = [];
  const failures: string[] = [];
  const lane = new Lane({
    createEngine: () => {
      engines.push(engines.length === 0 ? new DyingEngine(1) : new FakeEngine(1));
      return engines.at(-1)!;
    },
    engineTimeoutMs: 60_000,
    sources: [],
    onFailure: (error, broken) => failures.push(`${broken}: ${error.rawMessage}`),
  });
  await lane.start();
  t.teardown(() => lane.stop());
  const policy = { runId: 'r', version: 1, folder: 'x', manifestSha256: '' };
  await t.rejects(lane.load(policy), { message: /the thread has ended/ });
  await lane.load(policy);
  await settle();
  t.strictSame(failures, ['false: the thread has ended']);
  t.strictSame(engines.length, 2);
  t.equal(lane.policy?.version, 1);
});

t.test('an I/O timeout of a load is not taken for a hang', async (t) => {
  class SlowDisk extends FakeEngine {
    override async loadVersion(location: PolicyLocation): Promise<void> {
      if (location.version === 1) throw new SegueError('DEADLINE_EXCEEDED', 'ETIMEDOUT: read');
      await super.loadVersion(location);
    }
  }
  const lane = new Lane({
    createEngine: () => new SlowDisk(1),
    engineTimeoutMs: 60_000,
    sources: [],
    onFailure: (error) => t.fail(error.message),
  });
  await lane.start();
  t.teardown(() => lane.stop());
  await t.rejects(lane.load({ runId: 'r', version: 1, folder: 'x', manifestSha256: '' }), {
    code: 'DEADLINE_EXCEEDED',
  });
  await lane.load({ runId: 'r', version: 2, folder: 'x', manifestSha256: '' });
  await settle();
  t.equal(lane.policy?.version, 2);
  t.equal(lane.hung, null);
});

t.test('the next chunk is called before the one that runs comes back; what comes meanwhile passes it', async (t) => {
  const { bus, loop, engine, lanes } = await startLoop(t, { slots: 2 });
  bus.put(new FakeLease(rolloutTask(0)));
  engine.free = false;
  await loop.follow(open);
  await until(() => engine.chunks.length === 1, 'the first chunk has begun');
  await settle();
  t.equal(engine.chunkCalls, 2, 'one runs, one waits for it');
  bus.put(new FakeLease(rolloutTask(1)));
  await until(() => lanes.rollout.running === 2, 'another task came');
  await engine.step();
  t.strictSame(engine.chunks, [1, 2], 'it is in the chunk that had been called before it came');
});

t.test('what the last chunk ends while the lane stops is handed back; what still runs or waits fails', async (t) => {
  const { answers, lane, engine } = await laneWith(new FakeEngine(2), [
    ['short', 4],
    ['long', 40],
    ['waits', 40],
  ]);
  await until(() => engine.chunks.length === 1, 'a chunk runs');
  await lane.stop();
  t.strictSame(answers, ['short length', 'long UNAVAILABLE', 'waits UNAVAILABLE']);
});

t.test('a cut reaches what joined together with a bad request', async (t) => {
  const { answers, lane, engine } = await laneWith(new FakeEngine(2), [
    ['good', 40],
    ['bad', 40],
  ]);
  t.teardown(() => lane.stop());
  const cut = lane.cut(() => true);
  engine.free = true;
  await cut;
  t.strictSame(answers, ['bad INVALID_INPUT', 'good length']);
});

t.test('of two sequences of one id the second goes back to its owner, and the first alone has the place', async (t) => {
  const { answers, lane, engine } = await laneWith(new FakeEngine(2), [
    ['twin', 4],
    ['twin', 12],
  ]);
  t.teardown(() => lane.stop());
  await until(() => engine.chunks.length === 1, 'a chunk runs');
  engine.free = true;
  await until(() => answers.length === 2, 'both answered');
  t.strictSame(answers, ['twin put back', 'twin length']);
  t.equal(lane.running, 0);
});

t.test('what is refused takes no other of its id out of the book', (t) => {
  const works = new LaneWorks();
  const source: WorkSource = { take: () => [] };
  const work = (): LaneWork => ({
    request: evaluationRequest('twin'),
    source,
    finish: () => undefined,
    fail: () => undefined,
    putBack: () => undefined,
  });
  const [one, other] = [work(), work()];
  t.strictSame(works.join([one], 2), [one]);
  works.leave([other]);
  t.ok(works.has('twin'));
  works.leave([one]);
  t.equal(works.size, 0);
  t.end();
});

t.test('what is left in an engine without an owner holds up no version', async (t) => {
  const { lane, engine } = await laneWith(new FakeEngine(2), []);
  t.teardown(() => lane.stop());
  await engine.admit([evaluationRequest('nobody')]);
  await lane.load({ runId: 'r', version: 6, folder: 'x', manifestSha256: '' });
  t.strictSame(engine.loads, [5, 6]);
  t.equal(engine.running.size, 0);
});

t.test('what has ended is handed back, and the rest fails, though the engine does not stop', async (t) => {
  class Stubborn extends FakeEngine {
    override async stop(): Promise<void> {
      await super.stop();
      throw new SegueError('DEADLINE_EXCEEDED', 'it hangs');
    }
  }
  const { answers, lane, engine } = await laneWith(new Stubborn(2), [
    ['short', 4],
    ['long', 40],
  ]);
  await until(() => engine.chunks.length === 1, 'a chunk runs');
  await t.rejects(lane.stop(), { message: /it hangs/ });
  t.strictSame(answers, ['short length', 'long UNAVAILABLE']);
});

t.test('an engine that fails takes those that run along; those that wait in it go on in the next one', async (t) => {
  const { bus, loop, engine, engines } = await startLoop(t, { slots: 2 });
  const leases = bus.put(...[0, 1, 2].map((i) => new FakeLease(rolloutTask(i))));
  await fill({ engine, loop }, 2);
  await until(() => engine.waiting.length === 1, 'the third waits inside');
  engine.failNext = new SegueError('INTERNAL', 'the graph broke');
  await engine.step();
  await until(() => leases[2]!.acked, 'the third has ended');
  t.match(bus.segments, [{ trajectoryId: 'r-g0-t2', endReason: 'budget' }]);
  t.strictSame(
    leases.map(({ lost }) => lost),
    [true, true, false],
    'the tries of those that ran are lost',
  );
  t.strictSame(engines[1]!.admitted, ['r-g0-t2']);
});

t.test(
  'an engine that fails takes along what had passed others into a slot, not those that it had passed',
  async (t) => {
    const { answers, lane, engine, offer } = await laneWith(new FakeEngine(4), [
      ['first', 4],
      ['second', 12],
      ['third', 40],
      ['fourth', 40],
      ['waits', 40],
      ['passed', 40],
    ]);
    t.teardown(() => lane.stop());
    await until(() => engine.chunks.length === 1, 'a chunk runs');
    await engine.step();
    offer('urgent', 40);
    await engine.step();
    t.strictSame(
      engine.waiting.map(({ id }) => id),
      ['urgent', 'passed'],
    );
    await engine.step();
    t.strictSame([...engine.running.keys()], ['third', 'fourth', 'waits', 'urgent']);
    engine.failNext = new SegueError('INTERNAL', 'the graph broke');
    await engine.step();
    const lost = ['third', 'fourth', 'waits', 'urgent'].map((id) => `${id} INTERNAL`);
    t.strictSame(answers, ['first length', 'second length', ...lost, 'passed put back']);
  },
);

const manyTasks = (from: number) => Array.from({ length: 16 }, (_, i) => new FakeLease(rolloutTask(from + i)));
const breakNext = (engine: { failNext: SegueError | null }) => {
  engine.failNext = new SegueError('INTERNAL', 'the graph broke');
};

t.test('an engine that fails every chunk is replaced a bounded number of times, then the lane is broken', async (t) => {
  const { bus, loop, engines, failures, lanes } = await startLoop(t, { slots: 1, prepare: breakNext });
  bus.put(...manyTasks(0));
  await loop.follow(open);
  await until(() => failures.length === 4, 'four failures');
  const said = 'the graph broke';
  t.strictSame(failures, [said, said, said, `broken: ${said}`]);
  t.equal(engines.length, 4);
  t.equal(lanes.rollout.policy, null);
  await t.rejects(lanes.switchTo({ runId: 'r', version: 6, folder: 'x', manifestSha256: '' }), {
    message: /the graph broke/,
  });
});

t.test(
  'an engine that fails before another version is loaded is followed by one under that version alone',
  async (t) => {
    for (const isGood of [true, false]) {
      const { answers, lane, engine, engines } = await laneWith(new FakeEngine(1), [['runs', 40]]);
      t.teardown(() => lane.stop());
      await until(() => engine.chunks.length === 1, 'a chunk runs');
      const loaded = lane.load({ runId: 'r', version: isGood ? 6 : 13, folder: 'y', manifestSha256: '' });
      breakNext(engine);
      engine.free = true;
      if (isGood) await loaded;
      else await t.rejects(loaded, { code: 'NOT_FOUND' });
      t.strictSame(answers, ['runs INTERNAL']);
      await until(() => lane.policy !== null, 'it serves again');
      const loads = engines.slice(1).map((one) => one.loads);
      t.strictSame(loads, isGood ? [[6]] : [[], [5]], 'what cannot be loaded leaves the old version');
      t.equal(lane.policy?.version, isGood ? 6 : 5);
    }
  },
);

t.test('a chunk that completes forgives the failures before it', async (t) => {
  const { bus, loop, engines, failures } = await startLoop(t, {
    slots: 1,
    prepare: (engine, place) => place % 3 < 2 && breakNext(engine),
  });
  const whole = () => bus.segments.filter(({ endReason }) => endReason === 'budget').length;
  bus.put(...manyTasks(0));
  await loop.follow(open);
  await until(() => whole() > 0, 'the third engine works');
  breakNext(engines[2]!);
  const before = whole();
  bus.put(...manyTasks(16));
  await until(() => engines.length === 6 && whole() > before, 'so does the sixth');
  t.strictSame(failures, Array(5).fill('the graph broke'), 'five failures, never four in a row');
});

t.test('an engine that dies while sequences join is replaced, and the others are tried by the new one', async (t) => {
  const { bus, loop, engine, engines } = await startLoop(t);
  engine.failAdmission = new SegueError('UNAVAILABLE', 'the thread has ended');
  const [lease] = bus.put(new FakeLease(rolloutTask(0)));
  await loop.follow(open);
  await until(() => lease!.lost, 'lost');
  bus.put(new FakeLease(rolloutTask(1)));
  await until(() => bus.segments.length === 1, 'the new engine works');
  t.equal(bus.segments[0]!.endReason, 'budget');
  t.equal(engines[1]!.version, 5, 'on the same version');
});

t.test('an engine that cannot take turns is refused with one that can', async (t) => {
  const turn = new DeviceTurn({
    acquire: () => Promise.reject(new Error('not asked')),
    release: () => Promise.reject(new Error('not asked')),
    announceEnd: async () => undefined,
  });
  const config = actorConfigSchema.parse({ id: 'a', engine: 'server' });
  const refusal = await engineMaker(config, { turn }).then(() => '', String);
  const [, advised] = /choose engine: (\w+), or/.exec(refusal) ?? [];
  t.ok(advised && advised !== 'server', refusal);
  t.ok(actorConfigSchema.safeParse({ id: 'a', engine: advised }).success, refusal);
});
