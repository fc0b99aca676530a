/** kill -9 of an actor during the rollout phase: the run finishes, and no trajectory is lost or continued twice. */
import { connect, connectStore } from '@segue/client';
import { hashTokens, isTerminal, type ProblemInput, parseRunConfig } from '@segue/core';
import t from 'tap';
import { defaultClusterOptions, LocalCluster } from '../../packages/cli/dist/cluster/local-cluster.js';
import { readProblemFile } from '../../packages/cli/dist/problems/problem-file.js';
import { prepareRun } from '../../packages/cli/dist/run/session.js';
import { toyConfig, writeToyTask } from '../support/toy-task.js';

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const item of items) list.push(item);
  return list;
}

t.test('kill -9 of one actor during the rollout phase', async (t) => {
  const files = await writeToyTask();
  // Short leases, so that what the dead actor held comes back within the test.
  const settings = { actor: ['leaseMs=2000', 'slots=16'] };
  const cluster = new LocalCluster({ ...defaultClusterOptions, dataFolder: files.data, settings }, (error) =>
    t.fail(error.message),
  );
  t.teardown(() => cluster.stop());
  await cluster.start();
  const client = connect(cluster.controllerAddress);
  const store = connectStore(cluster.child('replay').address.address);
  t.teardown(() => {
    client.close();
    store.close();
  });
  const runId = 'kill-1';
  const problems: ProblemInput[] = await collect(readProblemFile(files.problems));
  await prepareRun(client, runId, parseRunConfig(toyConfig, 'toy'), [{ batchId: 'all', problems }]);
  await client.resumeRun(runId);

  let kills = 0;
  for await (const event of client.watchRun(runId, { fromStart: true })) {
    const rolling = event.kind === 'phase' && event.body.phase === 'rollout';
    if (rolling && (event.body.iteration === 1 || event.body.iteration === 3)) {
      process.kill(cluster.child(`actor-${kills % 2}`).pid!, 'SIGKILL');
      kills += 1;
    }
  }
  t.equal(kills, 2);
  const run = await client.getRun(runId);
  t.equal(run.state, 'finished', run.error);
  t.equal(run.iterations, toyConfig.iterations);

  const records = await collect(store.trajectories(runId));
  let segments = 0;
  for (const { summary } of records) {
    const trajectory = await store.trajectory(summary.id);
    let prefix = hashTokens(trajectory.promptTokens);
    const iterations = new Set<number>();
    for (const [index, segment] of trajectory.segments.entries()) {
      if (segment.index !== index) t.fail(`${segment.id} stands at ${index}`);
      if (segment.prefixHash !== prefix) t.fail(`${segment.id} does not continue what is before it`);
      if (iterations.has(segment.iteration)) t.fail(`${segment.id}: two segments in one iteration`);
      if (
        isTerminal(segment.endReason) !==
        (index === trajectory.segments.length - 1 && summary.endReason !== null && isTerminal(summary.endReason))
      ) {
        t.fail(`${segment.id} ends by ${segment.endReason} inside the trajectory`);
      }
      iterations.add(segment.iteration);
      prefix = hashTokens(segment.tokens, prefix);
      segments += 1;
    }
  }
  const statistics = await store.statistics(runId);
  t.equal(statistics.appendsByOutcome.committed, segments, 'every committed segment is there, once');
  const over = records.filter(({ summary }) => summary.state === 'scored' || summary.state === 'failed').length;
  const waiting = records.filter(({ summary }) => summary.state === 'unfinished' || summary.state === 'pending').length;
  const judged = records.filter(({ summary }) => summary.state === 'finished').length;
  t.equal(over + waiting + judged, records.length, 'every planned trajectory is accounted for');
  t.equal(records.filter(({ summary }) => summary.state === 'failed').length, 0, 'a killed actor fails no trajectory');
});
