/** From a task to the engine's request, and from what the engine gives to the segment and the sums: nothing is lost or made up between. */
import t from 'tap';
import { ChunkSums } from '../dist/status.js';
import { segmentFrom } from '../dist/task-rules.js';
import { FakeLease, rolloutTask, until } from './support/fakes.js';
import { open, startLoop } from './support/loop.js';

t.test('a segment holds tokens, behaviour log-probs, version, iteration, actor, times and end reason', async (t) => {
  const task = rolloutTask(2, { iteration: 7, policyVersion: 6, segmentIndex: 1, attempt: 3 });
  const tokens = Int32Array.of(8, 9);
  const logProbs = Float32Array.of(-0.25, -1.5);
  const segment = segmentFrom(task, 'actor-4', 'abc', {
    id: task.trajectoryId,
    tokens,
    logProbs,
    endReason: 'yield',
    promptTokens: 5,
    reprefillTokens: 4,
    startedAtMs: 100,
    endedAtMs: 250,
  });
  t.strictSame(segment, {
    id: 'r-g0-t2-s1',
    trajectoryId: 'r-g0-t2',
    index: 1,
    attempt: 3,
    iteration: 7,
    policyVersion: 6,
    actorId: 'actor-4',
    prefixHash: 'abc',
    tokens,
    logProbs,
    origins: null,
    lossMask: null,
    endReason: 'yield',
    error: null,
    meter: { promptTokens: 5, reprefillTokens: 4, startedAtMs: 100, endedAtMs: 250 },
  });
});

t.test('seeds: a sequence is drawn by run seed and trajectory id, under the limits of its task', async (t) => {
  const { bus, loop, engine } = await startLoop(t);
  engine.free = false;
  const limits = { sampling: { temperature: 0.7, topK: 0, topP: 1 }, budgetTokens: 9, capTokens: 21 };
  bus.put(new FakeLease(rolloutTask(1, { seed: 77, attempt: 2, lastSpan: true, ...limits })));
  await loop.follow(open);
  await until(() => engine.running.size === 1, 'it runs');
  const { request } = [...engine.running.values()][0]!;
  t.match(request, { id: 'r-g0-t1', seed: 77, lastSpan: true, ...limits }, 'the attempt changes no token');
});

t.test('on the last allowed iteration an actor writes length where it would have written budget', async (t) => {
  const { bus, loop } = await startLoop(t);
  bus.put(new FakeLease(rolloutTask(0)), new FakeLease(rolloutTask(1, { lastSpan: true })));
  await loop.follow(open);
  await until(() => bus.segments.length === 2, 'both published');
  const reasons = Object.fromEntries(bus.segments.map(({ trajectoryId, endReason }) => [trajectoryId, endReason]));
  t.strictSame(reasons, { 'r-g0-t0': 'budget', 'r-g0-t1': 'length' });
});

t.test('busy slot time counts a sequence up to its last token; engine time is kept by batch', async (t) => {
  const sums = new ChunkSums();
  // Four sequences, 8 steps in 80 ms after 20 ms of prefill; two of them ended half-way.
  const report = {
    finished: [],
    ids: [],
    running: 4,
    rows: 4,
    tokens: 24,
    steps: 8,
    durationMs: 100,
    prefillMs: 20,
    loopMs: 72,
  };
  sums.add('r/3', report, 4, 1);
  t.equal(sums.busySlotMs['r/3'], 4 * 20 + 3 * 80);
  t.strictSame(sums.engineTimes['r/3'], {
    prefillMs: 20,
    decode: { 4: { chunks: 1, steps: 8, rowSteps: 32, loopMs: 72, decodeMs: 80 } },
  });
  sums.add('r/4', report, 4, 0.5);
  t.equal(sums.busySlotMs['r/4'], (4 * 20 + 3 * 80) / 2, 'evaluations do not count');
  t.equal(sums.engineTimes['r/4']?.prefillMs, 10, 'nor here');
  sums.add('r/5', report, 4, 1);
  t.strictSame(Object.keys(sums.engineTimes), ['r/4', 'r/5'], 'the newest few are kept');
});
