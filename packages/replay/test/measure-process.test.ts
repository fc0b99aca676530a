/**
 * What a store tells of itself while its broker is away: its gauges go on, for it is then that somebody looks at them. Real nats-server, real process. How
 * tasks are handed over is process.test.ts.
 */
import t from 'tap';
import { until } from '../../../test/support/waiting.js';
import { member, planOf, problem, runId, runRecord, segmentAfter } from './support/fixtures.js';
import { newWorld } from './support/processes.js';

t.test('gauges are measured while nothing can be handed over', async (t) => {
  const { nats, start } = await newWorld(t);
  const { client, metric } = await start();
  await client.putRun({ run: { ...runRecord(), state: 'running' }, expectedRevision: null });
  await client.putProblems({ runId, batchId: 'first' }, [problem('p0')]);
  await client.openIteration(planOf(0, [[0, 2]]));
  const gauges = ['awaiting_score', 'bytes_in_use', 'bytes_on_disk', 'disk_free_bytes'];
  const measured = () => Promise.all(gauges.map((name) => metric(`segue_replay_${name}`)));
  await until(async () => !(await measured()).slice(1).includes(0), 'everything was measured once');
  const [, inUse = 0, onDisk = 0] = await measured();
  t.ok(inUse > 0 && inUse <= onDisk, `${inUse} of ${onDisk} bytes are in use`);

  await nats.kill();
  const { promptTokens } = problem('p0');
  for (const index of [0, 1]) {
    const trajectory = { id: member(0, index), promptTokens, segments: [] };
    const tokens = new Int32Array(10_000);
    await client.appendSegment({ runId, segment: segmentAfter(trajectory, 'stop', { tokens }) });
  }
  await until(async () => (await metric('segue_replay_awaiting_score')) === 2, 'what waits for a verdict is told');
  const [, later = 0] = await measured();
  t.ok(later > inUse + 20_000, 'and what the store has grown by');
});
