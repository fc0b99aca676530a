/**
 * The store as a process among others: what it takes from the streams, what it hands over, and what is left of it after a kill.
 * Real nats-server, real processes, real files.
 */
import type { Bus, Lease } from '@segue/bus';
import { type Problem, type RewardTask, SeededRandom, type Segment, SegueError } from '@segue/core';
import t from 'tap';
import { until } from '../../../test/support/waiting.js';
import { failedVerdict, member, planOf, problem, runId, runRecord, segmentAfter, verdict } from './support/fixtures.js';
import { mortalProgram, newWorld, type ReplayProcess } from './support/processes.js';

const prompt = problem('p0');

/** A run with one group of `size`, in its open iteration 0. */
async function openRun({ client }: ReplayProcess, size: number): Promise<void> {
  await client.putRun({ run: runRecord(), expectedRevision: null });
  await client.putProblems({ runId, batchId: 'first' }, [prompt] satisfies Problem[]);
  await client.openIteration(planOf(0, [[0, size]]));
}

function firstSegment(index: number, endReason: Segment['endReason']): Segment {
  return segmentAfter({ id: member(0, index), promptTokens: prompt.promptTokens, segments: [] }, endReason);
}

async function isDrained(bus: Bus): Promise<boolean> {
  const { segments, scores } = await bus.queueDepths();
  return segments.pending + segments.leased + scores.pending + scores.leased === 0;
}

async function takeAll(bus: Bus, count: number): Promise<Lease<RewardTask>[]> {
  const leases: Lease<RewardTask>[] = [];
  while (leases.length < count) leases.push(...(await bus.takeRewardTasks(count - leases.length, { waitMs: 5_000 })));
  return leases;
}

t.test(
  'segments and scores are committed from the streams, and a finished trajectory becomes a reward task',
  async (t) => {
    const { bus, start } = await newWorld(t);
    const replay = await start();
    await openRun(replay, 3);
    const notes: string[] = [];
    const listening = new AbortController();
    const heard = (async () => {
      for await (const { kind } of bus.watchProgress({ signal: listening.signal })) {
        notes.push(kind);
        if (kind === 'group') return;
      }
    })();
    await bus.publishSegment(runId, firstSegment(0, 'stop'));
    await bus.publishSegment(runId, firstSegment(1, 'repeat'));
    await bus.publishSegment(runId, firstSegment(2, 'length'));
    const tasks = await takeAll(bus, 3);
    t.same(tasks.map(({ value }) => value.trajectoryId).sort(), [member(0, 0), member(0, 1), member(0, 2)]);
    t.equal(tasks[0]?.value.attempt, 0);
    await bus.publishScore(runId, verdict(member(0, 0), 1));
    await bus.publishScore(runId, verdict(member(0, 1), 0));
    await bus.publishScore(runId, failedVerdict(member(0, 2), 3));
    for (const task of tasks) await task.ack();
    const [again] = await takeAll(bus, 1);
    t.match(again?.value, { trajectoryId: member(0, 2), attempt: 1 }, 'a failed verdict is asked for again');
    await bus.publishScore(runId, verdict(member(0, 2), 0));
    await again?.ack();
    await until(() => isDrained(bus));
    t.match(await replay.client.getStatistics({ runId }), { groupsComplete: 1, finished: 3 });
    await heard;
    listening.abort();
    t.ok(notes.length >= 1, 'the controller was told');
    t.equal(await replay.stop(), 0, 'it stops in order');
  },
);

t.test(
  'several trajectories in one call, in the order of the request; the progress alone, without the plan',
  async (t) => {
    const { start } = await newWorld(t);
    const { client } = await start();
    await client.putRun({ run: runRecord(), expectedRevision: null });
    await client.putProblems({ runId, batchId: 'first' }, [prompt]);
    await client.openIteration(planOf(0, [[0, 3]]));
    await client.appendSegment({ runId, segment: firstSegment(1, 'budget') });
    const trajectoryIds = [member(0, 2), member(7, 0), member(0, 1)];
    const read = [];
    for await (const trajectory of client.getTrajectories({ trajectoryIds })) read.push(trajectory);
    const each = [member(0, 2), member(0, 1)].map((trajectoryId) => client.getTrajectory({ trajectoryId }));
    t.strictSame(read, await Promise.all(each), 'what was never planned is left out');
    const tooMany = client.getTrajectories({ trajectoryIds: new Array(1_001).fill(member(0, 0)) });
    await t.rejects(tooMany[Symbol.asyncIterator]().next(), { code: 'INVALID_INPUT', message: /1001 .*at most 1000/ });
    const { progress } = await client.getIteration({ runId, iteration: 0 });
    t.match(progress, { committedTasks: 1, openTrajectoryIds: { length: 2 } });
    t.strictSame(await client.getIterationProgress({ runId, iteration: 0 }), progress);
    await t.rejects(client.getIterationProgress({ runId, iteration: 1 }), { code: 'NOT_FOUND' });
  },
);

t.test('a trajectory of 131072 tokens comes in by segments and goes out in one message', async (t) => {
  const { bus, start } = await newWorld(t);
  const { client } = await start();
  await client.putRun({ run: runRecord(), expectedRevision: null });
  await client.putProblems({ runId, batchId: 'first' }, [prompt]);
  const trajectoryId = member(0, 0);
  const [spans, length] = [2, 65_536];
  const tokensOf = (index: number) => Int32Array.from({ length }, (_, i) => (i * 7 + index) % 150_000);
  for (let iteration = 0; iteration < spans; iteration++) {
    const [task] = planOf(0, [[0, 1]]).tasks;
    const plan = planOf(iteration, iteration === 0 ? [[0, 1]] : []);
    // Nothing is trained: the version stays.
    await client.openIteration({ ...plan, policyVersion: 0, tasks: [{ ...task!, segmentIndex: iteration }] });
    const before = await client.getTrajectory({ trajectoryId });
    const end = iteration === spans - 1 ? 'length' : 'budget';
    const changes = { iteration, tokens: tokensOf(iteration) };
    await bus.publishSegment(runId, segmentAfter(before, end, changes));
    await until(() => isDrained(bus));
    await client.closeIteration({ runId, iteration });
    await client.freezeBatch({ runId, iteration, maxGroups: 0, minUsable: 2, keepEqual: false });
    await client.commitIteration({ runId, iteration, policyVersionOut: 0, metricsJson: '{}' });
  }
  const { segments, state } = await client.getTrajectory({ trajectoryId });
  t.equal(state, 'finished');
  t.equal(segments.length, spans);
  segments.forEach(({ tokens }, index) => {
    t.ok(Buffer.from(tokens.buffer).equals(Buffer.from(tokensOf(index).buffer)), `segment ${index}`);
  });
});

t.test('what the store can never take goes to the dead letters, the rest goes on', async (t) => {
  const { bus, start } = await newWorld(t);
  let replay = await start();
  await openRun(replay, 2);
  const stranger = { ...firstSegment(0, 'stop'), trajectoryId: 'run-g9-t0', id: 'run-g9-t0-s0' };
  await bus.publishSegment(runId, stranger);
  await bus.publishScore(runId, verdict(member(0, 1), 1));
  await bus.publishSegment(runId, firstSegment(0, 'budget'));
  await until(() => isDrained(bus));
  const letters = async () => {
    const list = [];
    for await (const letter of replay.client.listDeadLetters({ runId: '' })) list.push(letter);
    return list.sort((a, b) => (a.reason < b.reason ? -1 : 1));
  };
  await until(async () => (await letters()).length === 2);
  t.match(await letters(), [
    { kind: 'message', runId, reason: /FAILED_PRECONDITION/ },
    { kind: 'message', runId, reason: /NOT_FOUND.*never planned/ },
  ]);
  // The bus gives up its copies once the store has them.
  await until(async () => (await bus.deadLetters()).length === 0);
  await replay.kill();
  replay = await start();
  const [early, lost] = await letters();
  t.match(await replay.client.getDeadLetter({ id: lost!.id }), { body: { length: lost!.bodyBytes } }, 'it survived');

  // The verdict came before its time: once the trajectory is finished it can be taken.
  await bus.publishSegment(runId, firstSegment(1, 'stop'));
  await until(async () => (await replay.client.getTrajectory({ trajectoryId: member(0, 1) })).state === 'finished');
  await bus.republish(await replay.client.getDeadLetter({ id: early!.id }));
  await until(async () => (await replay.client.getTrajectory({ trajectoryId: member(0, 1) })).state === 'scored');
  await t.rejects(bus.republish({ subject: 'segue.dead.x', body: new Uint8Array(1), checksum: '' }), {
    code: 'INVALID_INPUT',
  });
  t.match(await replay.client.getStatistics({ runId }), { trajectoriesByState: { unfinished: 1, scored: 1 } });
});

t.test('commit to reward task is derived again: a store killed between the commit and the message', async (t) => {
  const { bus, start } = await newWorld(t);
  const first = await start({ entry: mortalProgram, environment: { DIE_AFTER: 'segment' } });
  await openRun(first, 1);
  await bus.publishSegment(runId, firstSegment(0, 'stop'));
  t.equal(await first.gone, 'SIGKILL');
  t.same(await bus.takeRewardTasks(1, { waitMs: 0 }), [], 'it died before it could say so');

  const second = await start({ entry: mortalProgram, environment: { DIE_AFTER: 'score' } });
  // Its lease runs out first. Killed while it has the segment in hand, it would leave it to the next process once more.
  await until(() => isDrained(bus));
  const { appendsByOutcome: outcomes, finished } = await second.client.getStatistics({ runId });
  t.match({ finished, ...outcomes }, { finished: 1, committed: 1 }, 'what was not acknowledged changed nothing');
  // Once, or oftener where a busy machine acknowledges it later than its lease.
  t.ok((outcomes['kept-earlier'] ?? 0) > 0, 'and it came again');
  const [task] = await takeAll(bus, 1);
  t.match(task?.value, { trajectoryId: member(0, 0), attempt: 0 });
  await bus.publishScore(runId, failedVerdict(member(0, 0), 1));
  await task?.ack();
  t.equal(await second.gone, 'SIGKILL', 'and again after the commit of a failed verdict');

  const third = await start();
  const [retry] = await takeAll(bus, 1);
  t.match(retry?.value, { trajectoryId: member(0, 0), attempt: 1 });
  await until(() => isDrained(bus));
  const { appendsByOutcome: later } = await third.client.getStatistics({ runId });
  t.strictSame(later, outcomes, 'what was acknowledged did not');
});

t.test('no acknowledged segment is lost by kill -9 of the store', async (t) => {
  // SEGUE_CHAOS_KILLS=200 for the real thing.
  const kills = Number(process.env.SEGUE_CHAOS_KILLS ?? 5);
  const trajectories = 48 * kills;
  const random = new SeededRandom(7, 'kill the store');
  const { bus, start } = await newWorld(t);
  let replay = await start();
  await openRun(replay, trajectories);

  // Half over gRPC by a client that writes down what was answered, half over the stream.
  const acknowledged = new Set<number>();
  let inspected = 0;
  const waiting = Array.from({ length: trajectories / 2 }, (_, i) => i);
  const streamed = Array.from({ length: trajectories / 2 }, (_, i) => i + trajectories / 2);
  const publishing = (async () => {
    for (const index of streamed) await bus.publishSegment(runId, firstSegment(index, 'budget'));
  })();
  for (let kill = 0; kill < kills; kill++) {
    const killAfter = 4 + random.below(16);
    let answered = 0;
    let dead: Promise<void> | null = null;
    const append = async () => {
      for (let index = waiting.shift(); index !== undefined; index = waiting.shift()) {
        try {
          const segment = firstSegment(index, 'budget');
          await replay.client.appendSegment({ runId, segment }, { deadlineMs: 1_000 });
          acknowledged.add(index);
          if (++answered === killAfter) dead = replay.kill();
        } catch (error) {
          const { code } = SegueError.from(error);
          if (code !== 'UNAVAILABLE' && code !== 'DEADLINE_EXCEEDED') throw error;
          waiting.push(index);
          if (dead !== null) return;
        }
      }
    };
    await Promise.all(Array.from({ length: 8 }, append));
    t.ok(dead, `kill ${kill} after ${killAfter} answers`);
    await dead;
    replay = await start();
    for (const index of [...acknowledged].slice(inspected)) {
      const { segments } = await replay.client.getTrajectory({ trajectoryId: member(0, index) });
      if (segments.length !== 1) throw new Error(`the answered segment of trajectory ${index} is lost`);
    }
    inspected = acknowledged.size;
  }
  for (const index of waiting) await replay.client.appendSegment({ runId, segment: firstSegment(index, 'budget') });
  await publishing;
  await until(() => isDrained(bus));
  const { progress } = await replay.client.getIteration({ runId, iteration: 0 });
  t.match(progress, { committedTasks: trajectories, openTrajectoryIds: { length: 0 } });
  for (const index of [...acknowledged, ...streamed]) {
    const { segments } = await replay.client.getTrajectory({ trajectoryId: member(0, index) });
    const expected = firstSegment(index, 'budget').tokens.join();
    if (segments.length !== 1 || segments[0]?.tokens.join() !== expected)
      throw new Error(`trajectory ${index} is damaged`);
  }
  t.match(await replay.client.getStatistics({ runId }), {
    appendsByOutcome: { committed: trajectories },
    trajectoriesByState: { unfinished: trajectories, pending: 0 },
  });
});
