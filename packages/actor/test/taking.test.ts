/** What the rollout loop takes from the queue, how much of it, and what becomes of a task that comes back to it. */
import { SegueError } from '@segue/core';
import t from 'tap';
import { FakeLease, rolloutTask, settle, until } from './support/fakes.js';
import { fill, open, startLoop } from './support/loop.js';

t.test('tasks are taken for free slots and a few beyond, and only while the iteration is open', async (t) => {
  const { bus, loop, engine } = await startLoop(t, { slots: 4 });
  bus.put(...Array.from({ length: 8 }, (_, i) => new FakeLease(rolloutTask(i))));
  await settle();
  t.strictSame(bus.pulls, [], 'not before the announcement');
  await fill({ engine, loop }, 4);
  await until(() => loop.trajectoryIds.length === 6, 'four slots and the waiting room');
  await settle();
  t.equal(bus.waiting.length, 2);
  t.ok(
    bus.pulls.every((max) => max === 1),
    'in portions of a quarter of the slots, so that other actors get theirs',
  );
  t.strictSame([...engine.running.keys()], ['r-g0-t0', 'r-g0-t1', 'r-g0-t2', 'r-g0-t3'], 'siblings stay adjacent');
  const waiting = engine.waiting.map(({ id }) => id);
  t.strictSame(waiting, ['r-g0-t4', 'r-g0-t5'], 'those beyond wait inside the engine');
});

t.test(
  'a short queue is left to others: beyond its slots an actor takes nothing more after a pull that came back short',
  async (t) => {
    const { bus, loop, engine } = await startLoop(t, { slots: 8 });
    bus.put(...Array.from({ length: 9 }, (_, i) => new FakeLease(rolloutTask(i))));
    await fill({ engine, loop }, 8);
    await until(() => loop.trajectoryIds.length === 9, 'the last pull brought one of two');
    t.strictSame(new Set(bus.pulls), new Set([2]), 'a quarter of the slots');
    bus.put(...[9, 10, 11].map((i) => new FakeLease(rolloutTask(i))));
    loop.wake();
    await settle();
    t.equal(bus.waiting.length, 3, 'there is room for three in the engine, but they stay for whoever has free slots');
    engine.free = true;
    await until(() => bus.segments.length === 12, 'or for this one, when its slots are free');
  },
);

t.test('a task that comes back while it runs here goes on under the new lease', async (t) => {
  const { bus, loop, engine } = await startLoop(t);
  engine.free = false;
  const [first] = bus.put(new FakeLease(rolloutTask(0)));
  await loop.follow(open);
  await until(() => engine.running.size === 1, 'it runs');
  const [second] = bus.put(new FakeLease(rolloutTask(0), 2));
  await until(() => bus.waiting.length === 0, 'delivered again');
  engine.free = true;
  await until(() => second!.acked, 'acknowledged under the new lease');
  t.equal(first!.acked, false);
  t.strictSame(first!.notes, ['excuse'], 'it was late, not lost');
  t.equal(bus.segments.length, 1);
  t.strictSame(engine.admitted, ['r-g0-t0'], 'never twice at once');
});

t.test(
  'a task that comes back while its segment is being published is acknowledged, not generated again',
  async (t) => {
    const { bus, loop, engine, clock } = await startLoop(t, { slots: 1 });
    bus.hold();
    const [first] = bus.put(new FakeLease(rolloutTask(0)));
    await loop.follow(open);
    await until(() => engine.admitted.length === 1 && !loop.isBusy, 'it has ended');
    clock.nowMs += 4_000;
    loop.noteChunk({ tokens: 0 }, []);
    t.equal(first!.extensions, 1, 'the lease is kept meanwhile');
    const [second] = bus.put(new FakeLease(rolloutTask(0), 2));
    await until(() => bus.waiting.length === 0, 'delivered again');
    await settle();
    bus.release?.();
    await until(() => second!.acked, 'acknowledged under the new lease');
    t.equal(first!.acked, false);
    t.strictSame(first!.notes, ['excuse'], 'it was late, not lost');
    t.strictSame(second!.notes, []);
    t.equal(bus.segments.length, 1);
    t.strictSame(engine.admitted, ['r-g0-t0']);
  },
);

t.test('no task is taken while the stream takes no segments, beyond a few per slot', async (t) => {
  const { bus, loop, engine } = await startLoop(t, { slots: 1 });
  bus.hold();
  bus.put(...Array.from({ length: 9 }, (_, i) => new FakeLease(rolloutTask(i))));
  await loop.follow(open);
  await until(() => engine.admitted.length >= 4 && !loop.isBusy, 'four have ended');
  await settle();
  t.ok(bus.waiting.length >= 3, 'the others stay in the queue');
  bus.release?.();
  await until(() => bus.segments.length === 9, 'until it takes them again');
});

t.test('what this engine cannot do is left to others, uses up no try, and is tried again after a while', async (t) => {
  const { bus, loop, engine, engines, clock, returned, refused, failures } = await startLoop(t);
  engine.failAdmission = new SegueError(
    'UNIMPLEMENTED',
    'temperature 0.8: the server tells log-probs at temperature 1',
  );
  // No pull waits: each asks once, and the next follows at once.
  bus.takeRolloutTasks = async (max) => {
    bus.pulls.push(max);
    await new Promise((resolve) => setImmediate(resolve));
    return bus.waiting.splice(0, max);
  };
  const leases = bus.put(...[0, 1, 2].map((i) => new FakeLease(rolloutTask(i))));
  await loop.follow(open);
  await until(() => leases[0]!.givenBack !== null && !loop.isBusy, 'given back');
  await settle();
  const pulls = bus.pulls.length;
  loop.wake();
  await settle();
  t.equal(bus.pulls.length, pulls, 'no more are taken');
  t.strictSame(bus.segments, [], 'none has failed');
  t.notOk(leases.some(({ lost }) => lost));
  t.strictSame(new Set(returned), new Set(['elsewhere']));
  t.strictSame(refused, ['r']);
  t.match(loop.trouble, /cannot generate for run r, .*: temperature 0\.8/);
  t.match(
    loop.refusedRuns,
    [{ runId: 'r', reason: /^temperature 0\.8/, isTried: false }],
    'which the controller reads',
  );
  t.strictSame([failures, engines.length], [[], 1], 'the engine is none the worse');

  engine.failAdmission = null;
  clock.nowMs += 60_000;
  t.match(loop.refusedRuns, [{ runId: 'r', isTried: true }]);
  engine.free = false;
  bus.put(new FakeLease(rolloutTask(3)));
  loop.wake();
  await until(() => engine.running.size === 1, 'some are taken again');
  await engine.step();
  t.strictSame(loop.refusedRuns, [], 'its first tokens say so, however long it is');
  engine.free = true;
  await until(() => bus.segments.some(({ trajectoryId }) => trajectoryId === 'r-g0-t3'), 'it can now');
  t.equal(loop.trouble, '');
  t.strictSame(loop.refusedRuns, []);
});

t.test('nothing is made ready of a run while another one is served under the same number', async (t) => {
  const { bus, loop, lanes, returned, reads, ruled } = await startLoop(t);
  await loop.follow(open);
  await until(() => bus.pulls.length > 0, 'tasks are asked for');
  await lanes.switchTo({ runId: 'q', version: 5, folder: 'y', manifestSha256: '' });
  const [task] = bus.put(new FakeLease(rolloutTask(0)));
  await until(() => task!.givenBack !== null, 'given back');
  t.strictSame(returned, ['elsewhere']);
  t.strictSame([reads, ruled], [[], []], 'its rules would be made with the tokenizer of the other run');
});
