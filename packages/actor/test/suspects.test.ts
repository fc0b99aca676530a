/** Who is to blame when actors die: the rules by themselves, and the rollout loop that keeps suspects apart, against an engine that counts. */
import { hashTokens, type RolloutTask, SegueError } from '@segue/core';
import t from 'tap';
import { companyOf, whyGivenUp } from '../dist/suspects.js';
import { evaluationRequest, FakeLease, prompt, rolloutTask, settle, until } from './support/fakes.js';
import { open, startLoop } from './support/loop.js';

const lost = (member: number, tries: number, segmentIndex = 0) => ({
  trajectoryId: `r-g0-t${member}`,
  segmentIndex,
  tries,
});

t.test('the first loss costs company, the second all of it', async (t) => {
  t.strictSame(
    [0, 1, 2, 3].map((tries) => companyOf(tries, 32)),
    [32, 8, 1, 1],
  );
  t.strictSame(
    [0, 1, 2].map((tries) => companyOf(tries, 2)),
    [2, 1, 1],
  );
});

t.test('only losses alone count; a prompt is given up with all that begin from it', async (t) => {
  const task = rolloutTask(0);
  t.equal(whyGivenUp(task, [], 3), null);
  t.equal(whyGivenUp(task, [lost(0, 4), lost(1, 4)], 3), null, 'two losses of each were in company');
  t.match(whyGivenUp(task, [lost(0, 5)], 3), /kills its actors: lost 5 times .*the last 3 times while it ran alone/);
  t.equal(whyGivenUp(task, [lost(0, 5, 1)], 3), null, 'of another segment');
  const siblings = [lost(1, 4), lost(2, 4), lost(3, 4)];
  t.match(whyGivenUp(task, siblings, 3), /its prompt kills actors: .*r-g0 .*6 times/);
  t.equal(whyGivenUp(rolloutTask(0, { segmentIndex: 1 }), siblings, 3), null, 'what goes on has a prefix of its own');
});

/** A task whose first `tries` deliveries killed their takers. */
const suspect = (member: number, tries: number, more: Partial<RolloutTask> = {}) =>
  new FakeLease(rolloutTask(member, { groupId: `r-g${member}`, ...more }), tries + 1);

t.test('what was lost twice waits until the engine is empty, says that it begins, and runs alone', async (t) => {
  const { bus, loop, engine } = await startLoop(t, { slots: 4 });
  const [first, second] = bus.put(
    suspect(0, 2),
    suspect(1, 2),
    ...[2, 3, 4].map((member) => new FakeLease(rolloutTask(member))),
  );
  await loop.follow(open);
  await until(() => bus.segments.length === 5, 'all done');
  t.equal(bus.segments.filter(({ endReason }) => endReason === 'budget').length, 5, 'nobody is given up');
  for (const lease of [first!, second!]) t.strictSame(lease.notes, ['hold', 'begin']);
  t.ok(Math.max(...engine.chunks) <= 3, 'the others ran together');
  const alone = engine.chunks.filter((running) => running === 1).length;
  t.ok(alone >= 2 * Math.ceil(10 / 4), 'each suspect by itself');
});

t.test('what was lost once runs among a quarter of the slots', async (t) => {
  const { bus, loop, engine } = await startLoop(t, { slots: 8 });
  bus.put(...Array.from({ length: 6 }, (_, member) => suspect(member, 1)));
  await loop.follow(open);
  await until(() => bus.segments.length === 6, 'all done');
  t.equal(Math.max(...engine.chunks), 2);
});

t.test('what was given back is no suspect', async (t) => {
  const { bus, loop, engine } = await startLoop(t, { slots: 4 });
  const [lease] = bus.put(new FakeLease(rolloutTask(0), 9, 0), new FakeLease(rolloutTask(1)));
  await loop.follow(open);
  await until(() => bus.segments.length === 2, 'both done');
  t.strictSame(lease!.notes, []);
  t.equal(engine.chunks[0], 2);
});

t.test(
  'one that was lost alone too often does not reach the engine: it is given up, with the number of its tries',
  async (t) => {
    const { bus, loop, engine } = await startLoop(t);
    const leases = bus.put(suspect(0, 5, { groupId: 'r-g0' }), suspect(1, 4, { groupId: 'r-g1' }));
    await loop.follow(open);
    await until(() => leases.every(({ acked }) => acked), 'all done');
    t.strictSame(engine.admitted, ['r-g0-t1']);
    const error = bus.segments.find(({ trajectoryId }) => trajectoryId === 'r-g0-t0');
    t.match(error, { endReason: 'error', error: /lost 5 times/, lostTries: 5, prefixHash: hashTokens(prompt) });
  },
);

t.test('losses under earlier tasks count: an iteration that ends does not clear a suspect', async (t) => {
  const { bus, loop, engine } = await startLoop(t);
  bus.lostBefore.set('r-g0-t0', lost(0, 5));
  const [lease] = bus.put(new FakeLease(rolloutTask(0, { lostTries: 5 })));
  await loop.follow(open);
  await until(() => lease!.acked, 'done');
  t.strictSame(engine.admitted, []);
  t.match(bus.segments, [{ endReason: 'error', lostTries: 5 }]);
});

t.test('an engine that breaks on one sequence alone gives that one up, with the reason', async (t) => {
  const { bus, loop, engine } = await startLoop(t);
  engine.failNext = new SegueError('INTERNAL', 'the graph broke');
  const [lease] = bus.put(suspect(0, 4));
  await loop.follow(open);
  await until(() => lease!.acked, 'done');
  t.match(bus.segments, [{ endReason: 'error', error: /the graph broke .*lost 5 times/, lostTries: 5 }]);
});

t.test('an evaluation waits while a suspect runs, and a suspect does not wait for the next evaluation', async (t) => {
  const { bus, loop, engine, lanes } = await startLoop(t, { slots: 8 });
  const stop = new AbortController();
  t.teardown(() => stop.abort());
  engine.free = false;
  const evaluate = (id: string) =>
    lanes.evaluate({ runId: 'r', version: 5, folder: 'x', manifestSha256: '' }, evaluationRequest(id, 4), stop.signal);
  const [lease] = bus.put(suspect(0, 2));
  await loop.follow(open);
  await until(() => engine.running.size === 1, 'the suspect runs');
  const done = evaluate('e0');
  await settle();
  await engine.step();
  t.strictSame([...engine.running.keys()], ['r-g0-t0'], 'nothing joins it');
  engine.free = true;
  await done;
  await until(() => lease!.acked, 'done');
});
