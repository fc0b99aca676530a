/** A run of the toy task on a real local cluster, and whether it is whole afterwards: nothing lost, nothing doubled. */
import { connectReplay } from '@segue/bus';
import { connect, connectStore, type SegueClient, type StoreClient } from '@segue/client';
import { hashTokens, isTerminal, type ProblemInput, parseRunConfig, type RunConfigInput } from '@segue/core';
import type { Test } from 'tap';
import {
  type ClusterOptions,
  defaultClusterOptions,
  LocalCluster,
} from '../../packages/cli/dist/cluster/local-cluster.js';
import { readProblemFile } from '../../packages/cli/dist/problems/problem-file.js';
import { prepareRun } from '../../packages/cli/dist/run/session.js';
import { toyConfig, writeToyTask } from './toy-task.js';
import { collect } from './waiting.js';

export interface ClusterRun {
  readonly cluster: LocalCluster;
  readonly client: SegueClient;
  readonly store: StoreClient;
  readonly runId: string;
  readonly iterations: number;
  /** Folder of the cluster's data. */
  readonly data: string;
}

/** Starts the cluster and prepares a run, which waits to be resumed. */
export async function prepareToyRun(
  t: Test,
  runId: string,
  options: Partial<ClusterOptions> = {},
  overrides: RunConfigInput = {},
): Promise<ClusterRun> {
  const files = await writeToyTask();
  const cluster = new LocalCluster({ ...defaultClusterOptions, dataFolder: files.data, ...options }, (error) =>
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
  const problems: ProblemInput[] = await collect(readProblemFile(files.problems));
  const config = parseRunConfig({ ...toyConfig, ...overrides }, 'toy');
  await prepareRun(client, runId, config, [{ batchId: 'all', problems }]);
  return { cluster, client, store, runId, iterations: config.iterations, data: files.data };
}

/** The run is finished; every trajectory is one chain without gap or fork; every group was trained on at most once. */
export async function requireWhole(t: Test, { client, store, cluster, runId, iterations }: ClusterRun): Promise<void> {
  const run = await client.getRun(runId);
  t.equal(run.state, 'finished', run.error);
  t.equal(run.iterations, iterations);

  const records = await collect(store.trajectories(runId));
  let segments = 0;
  for (const { summary } of records) {
    const trajectory = await store.trajectory(summary.id);
    let prefix = hashTokens(trajectory.promptTokens);
    const seen = new Set<number>();
    for (const [index, segment] of trajectory.segments.entries()) {
      if (segment.index !== index) t.fail(`${segment.id} stands at ${index}`);
      if (segment.prefixHash !== prefix) t.fail(`${segment.id} does not continue what is before it`);
      if (seen.has(segment.iteration)) t.fail(`${segment.id}: two segments in one iteration`);
      if (
        isTerminal(segment.endReason) !==
        (index === trajectory.segments.length - 1 && summary.endReason !== null && isTerminal(summary.endReason))
      ) {
        t.fail(`${segment.id} ends by ${segment.endReason} inside the trajectory`);
      }
      seen.add(segment.iteration);
      prefix = hashTokens(segment.tokens, prefix);
      segments += 1;
    }
  }
  const statistics = await store.statistics(runId);
  const failedTries = statistics.segmentsByEndReason.error ?? 0;
  t.equal(statistics.appendsByOutcome.committed, segments + failedTries, 'every committed segment is there, once');
  const over = records.filter(({ summary }) => summary.state === 'scored' || summary.state === 'failed').length;
  const waiting = records.filter(({ summary }) => summary.state === 'unfinished' || summary.state === 'pending').length;
  const judged = records.filter(({ summary }) => summary.state === 'finished').length;
  t.equal(over + waiting + judged, records.length, 'every planned trajectory is accounted for');
  t.equal(records.filter(({ summary }) => summary.state === 'failed').length, 0, 'a dead process fails no trajectory');

  const replay = connectReplay(cluster.child('replay').address.address);
  const plans = await collect(replay.listIterations({ runId, fromIteration: 0 }));
  replay.close();
  t.strictSame(
    plans.map(({ iteration, state }) => `${iteration} ${state}`),
    Array.from({ length: iterations }, (_, i) => `${i} committed`),
  );
  const trained = plans.flatMap(({ batchGroupIds }) => batchGroupIds);
  t.equal(new Set(trained).size, trained.length, 'no group is trained on twice');
  for (const [i, { policyVersion }] of plans.entries()) {
    if (policyVersion !== (plans[i - 1]?.policyVersionOut ?? 0))
      t.fail(`iteration ${i} ran on version ${policyVersion}`);
  }
  const told = (await collect(store.events(runId))).filter(({ kind }) => kind === 'iteration').length;
  t.equal(told, iterations, 'every iteration is told once');
}
