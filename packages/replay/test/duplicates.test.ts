/**
 * Duplicate delivery: the same segment comes twice, inside the time in which the broker knows a repetition and after it, and from a process that was
 * thought dead. The store keeps one and counts the others.
 */
import { connect as connectNats } from 'nats';
import t from 'tap';
import { member, planOf, problem, runId, runRecord, segmentAfter } from './support/fixtures.js';
import { newWorld } from './support/processes.js';

/** The broker's own memory of message ids, made short: two minutes unless it is told otherwise. */
const windowMs = 200;
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

t.test('one row per segment, however often it is published, and a counter of the rest', async (t) => {
  const { nats, bus, start } = await newWorld(t);
  const nc = await connectNats({ servers: nats.url });
  t.teardown(() => nc.close());
  const { client } = await start();
  const prompt = problem('p0');
  await client.putRun({ run: runRecord(), expectedRevision: null });
  await client.putProblems({ runId, batchId: 'first' }, [prompt]);
  await client.openIteration(planOf(0, [[0, 2]]));
  const jsm = await nc.jetstreamManager();
  const { config } = await jsm.streams.info('SEGUE_SEGMENTS');
  await jsm.streams.update('SEGUE_SEGMENTS', { ...config, duplicate_window: windowMs * 1_000_000 });

  const segment = segmentAfter({ id: member(0, 0), promptTokens: prompt.promptTokens, segments: [] }, 'budget');
  const outcomes = async () => (await client.getStatistics({ runId })).appendsByOutcome;
  const settled = async (count: number) => {
    for (let looks = 0; looks < 500; looks++) {
      const { segments } = await bus.queueDepths();
      const sum = Object.values(await outcomes()).reduce((total, one) => total + (one ?? 0), 0);
      if (segments.pending + segments.leased === 0 && sum >= count) return;
      await pause(20);
    }
    throw new Error(`the store did not answer ${count} appends`);
  };
  await bus.publishSegment(runId, segment);
  await bus.publishSegment(runId, segment);
  await settled(1);
  t.strictSame(await outcomes(), { committed: 1 }, 'the broker takes a repetition for what it is');

  await pause(5 * windowMs);
  await bus.publishSegment(runId, segment);
  await settled(2);
  t.strictSame(await outcomes(), { committed: 1, 'kept-earlier': 1 }, 'once it has forgotten, the store does');

  const late = segmentAfter({ id: member(0, 0), promptTokens: prompt.promptTokens, segments: [] }, 'stop', {
    attempt: 1,
    actorId: 'actor-1',
    tokens: Int32Array.of(40, 41, 42),
  });
  await bus.publishSegment(runId, late);
  await settled(3);
  t.strictSame(await outcomes(), { committed: 1, 'kept-earlier': 2 }, 'another try of the same place is fenced');
  const { segments } = await client.getTrajectory({ trajectoryId: member(0, 0) });
  t.match(segments, [{ attempt: 0, tokens: segment.tokens }]);
  t.equal(segments.length, 1);
});
