/** The rollout loop's rules, against an engine that counts and a queue in memory. */
import { hashTokens, SegueError } from '@segue/core';
import t from 'tap';
import { FakeLease, prompt, rolloutTask, settle, storedTrajectory, until } from './support/fakes.js';
import { closed, fill, open, startLoop } from './support/loop.js';

t.test('a slot that becomes free is refilled at once, while the segment is still being published', async (t) => {
  const { bus, loop, engine } = await startLoop(t, { slots: 2 });
  bus.hold();
  bus.put(...Array.from({ length: 6 }, (_, i) => new FakeLease(rolloutTask(i))));
  await loop.follow(open);
  await until(() => engine.admitted.length === 6, 'all six ran though nothing is published');
  t.equal(bus.segments.length, 0);
  bus.release?.();
  await until(() => bus.segments.length === 6, 'published');
  t.strictSame(new Set(bus.segments.map(({ endReason }) => endReason)), new Set(['budget']));
});

t.test('a task is acknowledged after the stream has its segment, however often it must be sent', async (t) => {
  const { bus, loop, outbox } = await startLoop(t);
  bus.failures = 2;
  const [lease] = bus.put(new FakeLease(rolloutTask(0)));
  await loop.follow(open);
  t.equal(lease!.acked, false);
  await until(() => lease!.acked, 'acknowledged');
  t.equal(bus.segments.length, 1);
  t.strictSame(outbox.published, { 'r/3': 1 });
  t.match(bus.segments[0], {
    id: 'r-g0-t0-s0',
    trajectoryId: 'r-g0-t0',
    index: 0,
    iteration: 3,
    policyVersion: 5,
    actorId: 'a',
    prefixHash: hashTokens(prompt),
    endReason: 'budget',
    meter: { promptTokens: 3, reprefillTokens: 0 },
  });
});

t.test('a segment that the stream never took is for somebody else, and no fault of its trajectory', async (t) => {
  const { bus, loop, engine } = await startLoop(t, { slots: 1, patienceMs: 0 });
  bus.publishSegment = async () => {
    throw new SegueError('UNAVAILABLE', 'the server is away');
  };
  const [away] = bus.put(new FakeLease(rolloutTask(0)));
  await loop.follow(open);
  await until(() => away!.givenBack !== null, 'given back');
  t.equal(away!.givenBack, 0);
  t.strictSame([away!.acked, away!.lost], [false, false]);
  bus.publishSegment = async () => {
    throw new SegueError('INVALID_INPUT', 'too large for any message');
  };
  const [large] = bus.put(new FakeLease(rolloutTask(1)));
  await until(() => large!.lost, 'a lost try: it would be the same with everybody');
  t.strictSame([large!.acked, large!.givenBack], [false, null]);
  t.strictSame(engine.admitted, ['r-g0-t0', 'r-g0-t1']);
});

t.test('a task that was given back nine times runs like any other', async (t) => {
  const { bus, loop, engine } = await startLoop(t, { slots: 4 });
  const tasks = [1, 2, 3].map((member) => new FakeLease(rolloutTask(member)));
  const [returned] = bus.put(new FakeLease(rolloutTask(0), 10, 0), ...tasks);
  await fill({ engine, loop }, 4);
  engine.free = true;
  await until(() => returned!.acked, 'acknowledged');
  t.strictSame(engine.chunks[0], 4, 'in full company');
  t.strictSame(returned!.notes, [], 'nothing is said of it');
  t.strictSame([...bus.lostBefore], []);
  t.equal(bus.segments[0]!.endReason, 'budget');
});

t.test('nothing is decoded between segments: a trajectory goes on from the token ids in the store', async (t) => {
  const earlier = [Int32Array.of(11, 12, 13), Int32Array.of(14)];
  const read = async (id: string) => storedTrajectory(id, earlier);
  const { bus, loop, engine } = await startLoop(t, { read });
  engine.stopAt = 6;
  bus.put(new FakeLease(rolloutTask(0, { segmentIndex: 2 })));
  await loop.follow(open);
  await until(() => bus.segments.length === 1, 'published');
  const [segment] = bus.segments;
  t.strictSame([...segment!.tokens], [4, 5], 'new tokens alone');
  t.equal(segment!.endReason, 'stop');
  t.equal(
    segment!.prefixHash,
    hashTokens(Int32Array.of(11, 12, 13, 14), hashTokens(prompt)),
    'prompt, then response so far',
  );
  t.equal(segment!.meter.reprefillTokens, 4, 're-prefilled tokens are metered apart');
});

t.test('the first chunk of a phase waits a moment for tasks that come one by one', async (t) => {
  let readable = 0;
  const setting = await startLoop(t, {
    slots: 4,
    read: async (id) => {
      const place = readable++;
      await new Promise((resolve) => setTimeout(resolve, place));
      return storedTrajectory(id);
    },
  });
  const { bus, engine, loop } = setting;
  engine.free = false;
  bus.put(...[0, 1, 2, 3].map((member) => new FakeLease(rolloutTask(member, { groupId: `r-g${member}` }))));
  await loop.follow(open);
  await engine.step();
  t.equal(engine.chunks[0], 4, 'all four are in the first chunk');
});

t.test('siblings that begin read their prompt once', async (t) => {
  const { bus, loop, reads } = await startLoop(t);
  bus.put(...Array.from({ length: 4 }, (_, i) => new FakeLease(rolloutTask(i))));
  await loop.follow(open);
  await until(() => bus.segments.length === 4, 'published');
  t.equal(reads.length, 1);
});

t.test('a lease is renewed only while decode chunks complete: a stuck engine loses it', async (t) => {
  const { bus, loop, engine, clock } = await startLoop(t);
  engine.free = false;
  engine.chunkTokens = 1;
  const [lease] = bus.put(new FakeLease(rolloutTask(0)));
  await loop.follow(open);
  await until(() => engine.running.size === 1, 'it runs');
  clock.nowMs = 60_000;
  await settle();
  t.equal(lease!.extensions, 0, 'no chunk, no renewal, however late it is');
  await engine.step();
  t.equal(lease!.extensions, 1);
  clock.nowMs += 1_000;
  await engine.step();
  t.equal(lease!.extensions, 1, 'not more often than a third of the lease');
  clock.nowMs += 3_000;
  await engine.step();
  t.equal(lease!.extensions, 2);
});

t.test(
  'at the close running segments are cut and saved, what has no token is dropped, then the iteration is flushed',
  async (t) => {
    const { bus, loop, engine, flushed, outbox } = await startLoop(t, { slots: 2 });
    const leases = bus.put(...Array.from({ length: 3 }, (_, i) => new FakeLease(rolloutTask(i))));
    await fill({ engine, loop }, 2);
    t.equal(loop.flushedIteration, 2);
    await engine.step();
    bus.hold();
    const closing = loop.follow(closed);
    await engine.step();
    t.strictSame(flushed, [], 'not flushed before the stream has everything');
    t.equal(loop.flushedIteration, 2);
    bus.release?.();
    await closing;
    t.strictSame(flushed, [3]);
    t.equal(loop.flushedIteration, 3);
    t.strictSame(
      bus.segments.map(({ endReason, tokens }) => [endReason, tokens.length]),
      [
        ['yield', 8],
        ['yield', 8],
      ],
    );
    t.strictSame(outbox.published, { 'r/3': 2 });
    t.ok(
      leases.every(({ acked, givenBack }) => acked && givenBack === null),
      'the one that had not begun is acknowledged away',
    );
    const pulls = bus.pulls.length;
    bus.put(new FakeLease(rolloutTask(9)));
    loop.wake();
    await new Promise((resolve) => setTimeout(resolve, 10));
    await settle();
    t.equal(bus.pulls.length, pulls, 'nothing more is taken');
  },
);

t.test('a sequence that is cut before its first token writes no segment', async (t) => {
  const { bus, loop, engine, returned } = await startLoop(t, { slots: 1 });
  const [lease] = bus.put(new FakeLease(rolloutTask(0)));
  await fill({ engine, loop }, 1);
  engine.chunkTokens = 0;
  const closing = loop.follow(closed);
  await engine.step();
  await closing;
  t.strictSame(bus.segments, []);
  t.ok(lease!.acked);
  t.strictSame(returned, ['closed'], 'its iteration is over, nobody needs the task');
});

t.test('an actor that holds nothing is flushed as soon as it hears of the close', async (t) => {
  const { loop, flushed } = await startLoop(t);
  await loop.follow(closed);
  t.strictSame(flushed, [3]);
});

t.test('stale tasks are acknowledged away, those of another version or run are given back', async (t) => {
  const { bus, loop, returned, engine } = await startLoop(t);
  const [stale, otherVersion, otherRun] = bus.put(
    new FakeLease(rolloutTask(0, { iteration: 2 })),
    new FakeLease(rolloutTask(1, { policyVersion: 4 })),
    new FakeLease(rolloutTask(2, { runId: 'q' })),
  );
  await loop.follow(open);
  await until(() => returned.length === 3, 'all returned');
  t.ok(stale!.acked);
  t.ok(otherVersion!.givenBack! > 0, 'with a delay');
  t.ok(otherRun!.givenBack! > 0);
  t.strictSame(returned, ['stale', 'elsewhere', 'elsewhere']);
  t.strictSame(engine.admitted, []);
});

t.test('a task whose iteration has not been announced here yet waits for the announcement', async (t) => {
  const { bus, loop, lanes } = await startLoop(t);
  await loop.follow(open);
  const [early] = bus.put(new FakeLease(rolloutTask(0, { iteration: 4, policyVersion: 6 })));
  await until(() => loop.trajectoryIds.length === 1, 'it is held');
  await settle();
  t.equal(early!.givenBack, null);
  await loop.follow(closed);
  await lanes.switchTo({ runId: 'r', version: 6, folder: 'x', manifestSha256: '' });
  await loop.follow({ ...open, iteration: 4, policyVersion: 6 });
  await until(() => bus.segments.length === 1, 'it runs under the new version');
  t.match(bus.segments[0], { iteration: 4, policyVersion: 6 });
});

t.test('no task is taken before the announced version is served', async (t) => {
  const { bus, loop, lanes } = await startLoop(t);
  bus.put(new FakeLease(rolloutTask(0, { policyVersion: 6 })));
  await loop.follow({ ...open, policyVersion: 6 });
  await settle();
  t.equal(bus.waiting.length, 1);
  await lanes.switchTo({ runId: 'r', version: 6, folder: 'x', manifestSha256: '' });
  loop.wake();
  await until(() => bus.segments.length === 1, 'taken');
});

t.test('draining cuts, saves and gives back: nothing generated is lost', async (t) => {
  const { bus, loop, engine } = await startLoop(t, { slots: 2 });
  const leases = bus.put(...Array.from({ length: 3 }, (_, i) => new FakeLease(rolloutTask(i))));
  await fill({ engine, loop }, 2);
  await engine.step();
  const drained = loop.drain();
  await engine.step();
  await drained;
  t.strictSame(
    bus.segments.map(({ endReason }) => endReason),
    ['yield', 'yield'],
  );
  t.strictSame(
    leases.map(({ acked }) => acked),
    [true, true, false],
  );
  t.equal(leases[2]!.givenBack, 0, 'the other is for somebody else, at once');
  t.strictSame(loop.trajectoryIds, []);
});

t.test('an engine that breaks loses the tries of what ran in it, and gives up none of them', async (t) => {
  const { bus, loop, engine, engines, returned, details } = await startLoop(t, { slots: 2 });
  engine.failNext = new SegueError('INTERNAL', 'the graph broke');
  const leases = bus.put(new FakeLease(rolloutTask(0)), new FakeLease(rolloutTask(1)));
  await loop.follow(open);
  await until(() => leases.every(({ lost }) => lost), 'both lost');
  t.strictSame(bus.segments, []);
  t.strictSame(returned, ['engine-lost', 'engine-lost']);
  t.match(details, [/the graph broke/, /the graph broke/]);
  await until(() => engines.length === 2, 'a new engine takes over');
  t.ok(engine.stopped);
  bus.put(new FakeLease(rolloutTask(2)));
  await until(() => bus.segments.length === 1, 'and works');
  t.equal(bus.segments[0]!.endReason, 'budget');
});

t.test(
  'the last loss alone ends the trajectory, in the words of the engine and with the number of losses',
  async (t) => {
    const { bus, loop, engine } = await startLoop(t, { slots: 2 });
    engine.failNext = new SegueError('INTERNAL', 'the graph broke');
    bus.lostBefore.set('r-g0-t0', { trajectoryId: 'r-g0-t0', segmentIndex: 0, tries: 4 });
    const [lease] = bus.put(new FakeLease(rolloutTask(0), 2));
    await loop.follow(open);
    await until(() => lease!.acked, 'acknowledged');
    t.match(bus.segments, [{ endReason: 'error', lostTries: 5 }]);
    t.match(
      bus.segments[0]!.error,
      /the graph broke \(it kills its actors: lost 5 times .* 3 times while it ran alone\)/,
    );
  },
);

t.test('a chunk that does not come back costs the lane, and its work is given up for others to do', async (t) => {
  const { bus, loop, engine, engines, lanes, failures } = await startLoop(t, { slots: 1, engineTimeoutMs: 60 });
  const [running, waiting] = bus.put(new FakeLease(rolloutTask(0)), new FakeLease(rolloutTask(1)));
  engine.free = false;
  await loop.follow(open);
  await until(() => engine.running.size === 1, 'it runs');
  await until(() => lanes.rollout.engineCall !== null, 'a chunk has begun');
  t.equal(lanes.rollout.engineCall?.name, 'generateChunk', 'what is waited for can be read');
  await until(() => running!.lost, 'for somebody else, as a lost try');
  const hang = 'the engine hangs: generateChunk has not come back after 60 ms (engineTimeoutMs)';
  t.strictSame(bus.segments, []);
  t.strictSame(failures, [`broken: ${hang}`]);
  t.equal(lanes.rollout.policy, null, 'it serves nothing any more, so no task is taken');
  await loop.drain();
  t.equal(waiting!.givenBack, 0, 'the one that had not begun is for somebody else, at once');
  await t.rejects(
    lanes.stop(),
    { code: 'DEADLINE_EXCEEDED' },
    'whoever stops it learns that the thread is still there',
  );
  t.equal(engines.length, 1, 'no second engine beside it');
});

t.test('a sequence that the engine refuses fails alone', async (t) => {
  const read = async (id: string) => ({
    ...storedTrajectory(id),
    promptTokens: id.endsWith('t1') ? Int32Array.of(99) : prompt,
  });
  const { bus, loop } = await startLoop(t, { read });
  bus.put(...[0, 1, 2].map((i) => new FakeLease(rolloutTask(i, { groupId: `r-g${i}` }))));
  await loop.follow(open);
  await until(() => bus.segments.length === 3, 'all answered');
  const reasons = Object.fromEntries(bus.segments.map(({ trajectoryId, endReason }) => [trajectoryId, endReason]));
  t.strictSame(reasons, { 'r-g0-t0': 'budget', 'r-g0-t1': 'error', 'r-g0-t2': 'budget' });
});

t.test('a task that the store does not wait for is dropped', async (t) => {
  const read = async (id: string) => storedTrajectory(id, [Int32Array.of(1), Int32Array.of(2)]);
  const { bus, loop, returned } = await startLoop(t, { read });
  const [lease] = bus.put(new FakeLease(rolloutTask(0, { segmentIndex: 1 })));
  await loop.follow(open);
  await until(() => lease!.acked, 'acknowledged');
  t.strictSame(returned, ['superseded']);
  t.strictSame(bus.segments, []);
});

t.test('while the store cannot be read the task is kept, and its lease with it', async (t) => {
  let failures = 3;
  const read = async (id: string) => {
    clock.nowMs += 4_000;
    if (failures-- > 0) throw new SegueError('UNAVAILABLE', 'the store restarts');
    return storedTrajectory(id);
  };
  const { bus, loop, clock, returned } = await startLoop(t, { read });
  const [lease] = bus.put(new FakeLease(rolloutTask(0)));
  await loop.follow(open);
  await until(() => lease!.acked, 'done');
  t.equal(bus.segments[0]!.endReason, 'budget');
  t.strictSame(returned, []);
  t.ok(lease!.extensions >= 3);
});

t.test('a task whose iteration is closed while its lost tries are judged does not begin', async (t) => {
  for (const end of ['closed', 'drained'] as const) {
    const { bus, loop, engine, returned } = await startLoop(t);
    let judge = () => {};
    const isJudged = new Promise<void>((resolve) => {
      judge = resolve;
    });
    let asked = false;
    bus.lostTries = async () => {
      asked = true;
      await isJudged;
      return [];
    };
    const [lease] = bus.put(new FakeLease(rolloutTask(0), 2));
    await loop.follow(open);
    await until(() => asked, 'its lost tries are asked for');
    const ended = end === 'closed' ? loop.follow(closed) : loop.drain();
    await settle();
    judge();
    await ended;
    t.strictSame(engine.admitted, []);
    t.strictSame(returned, [end]);
    t.equal(lease!.acked, end === 'closed');
    t.equal(lease!.givenBack, end === 'closed' ? null : 0);
  }
});
