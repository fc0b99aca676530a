/**
 * The whole way of a backup: a snapshot of a cluster while its run goes on, the cluster down, its store lost, the snapshot put back. The run goes on from there to
 * its end, and nothing is lost or there twice.
 */
import { readdir, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { connect, connectStore } from '@segue/client';
import type { RunConfigInput, SnapshotChunk } from '@segue/core';
import t from 'tap';
import { defaultClusterOptions, LocalCluster } from '../../packages/cli/dist/cluster/local-cluster.js';
import { writeSnapshot } from '../../packages/cli/dist/store/snapshot-folder.js';
import { prepareToyRun, requireWhole } from '../support/cluster-run.js';
import { runSegue } from '../support/command.js';
import { toyConfig } from '../support/toy-task.js';
import { until } from '../support/waiting.js';

const runId = 'backup';
/** Some trajectories span iterations; none of it has to be learnt. More iterations than go by while a command starts on a busy machine. */
const brief: RunConfigInput = {
  ...toyConfig,
  iterations: 12,
  warmup: { steps: 0 },
  rollout: { ...toyConfig.rollout, groupsPerIteration: 6, groupSize: 4 },
  evaluation: { everyIterations: 0, samples: 1, problems: 4 },
  train: { ...toyConfig.train, keepEqualGroups: true },
};

t.test('a snapshot of a living run is put back after its store was lost', async (t) => {
  const run = await prepareToyRun(t, runId, {}, brief);
  const { cluster, client, store, data } = run;
  const snapshot = join(data, '..', 'backup');
  const segue = async (...args: string[]) => {
    const { stdout, stderr, code } = await runSegue('store', ...args, '--data', data, '--json');
    t.equal(code, 0, stderr);
    return JSON.parse(stdout.trim().split('\n').at(-1) ?? '');
  };
  await client.resumeRun(runId);
  let taken = -1;
  for await (const event of client.watchRun(runId, { fromStart: true })) {
    if (event.kind !== 'phase' || event.body.phase !== 'rollout') continue;
    const { iteration } = event.body;
    if (taken < 0 && iteration === 1) {
      const manifest = await segue('snapshot', snapshot);
      t.match(manifest.runs, [{ id: runId, state: 'running' }]);
      taken = manifest.runs[0].iteration;
      t.match(await segue('verify'), { standing: 0 }, 'the run goes on meanwhile');
    }
    // The cluster ends in a later iteration, whose versions and messages the snapshot knows nothing of.
    if (taken >= 0 && iteration > taken + 1) break;
  }
  t.ok(taken >= 1 && taken < brief.iterations! - 1, `taken in iteration ${taken}`);
  const refused = await runSegue('store', 'restore', snapshot, '--data', data);
  t.equal(refused.code, 2, 'not while the cluster runs');
  t.match(refused.stderr, /already runs/);
  client.close();
  store.close();
  await cluster.stop();

  await rm(join(data, 'replay'), { recursive: true });
  t.match(await segue('restore', snapshot), { replaced: null, manifest: { runs: [{ iteration: taken }] } });
  const aside = (await readdir(join(data, 'policies'))).filter((name) => name.startsWith('replaced-'));
  t.equal(aside.length, 1, 'the versions that came after it are aside');

  const again = new LocalCluster({ ...defaultClusterOptions, dataFolder: data }, (error) => t.fail(error.message));
  t.teardown(() => again.stop());
  await again.start();
  const [back, restored] = [connect(again.controllerAddress), connectStore(again.child('replay').address.address)];
  t.teardown(() => {
    back.close();
    restored.close();
  });
  t.equal((await back.waitForRun(runId)).state, 'finished');
  t.match(await segue('verify'), { standing: 0 });
  const series = join(data, '..', 'series');
  const { address } = again.child('replay').address;
  const member = await segue('snapshot', series, '--keep', '2', '--store', address);
  t.match(member.runs, [{ id: runId, state: 'finished' }], 'one of a series, by the address of the store');
  t.strictSame(await readdir(series), [basename(member.path)]);
  await requireWhole(t, { ...run, cluster: again, client: back, store: restored });
});

t.test('weights that a run leaves behind while a snapshot is taken are in it, and go when it has ended', async (t) => {
  // Unfinished trajectories keep versions too: two iterations of them alone.
  const config = { ...brief, iterations: 16, rollout: { ...brief.rollout, maxSpan: 2 } };
  const { client, store, data } = await prepareToyRun(t, 'fast', {}, config);
  const policies = join(data, 'policies');
  const versions = async () => (await readdir(join(policies, 'fast'))).filter((name) => /^\d+$/.test(name)).map(Number);
  await client.resumeRun('fast');
  const parts = store.snapshot(true)[Symbol.asyncIterator]();
  let head: SnapshotChunk | undefined;
  let version = 0;
  let iteration: number | null = null;
  for await (const event of client.watchRun('fast', { fromStart: true })) {
    if (event.kind !== 'phase' || event.body.phase !== 'rollout') continue;
    if (head === undefined) {
      // Version 0 stays anyway.
      if (Math.max(...(await versions())) === 0) continue;
      head = (await parts.next()).value as SnapshotChunk;
      version = head.runs[0]?.policyVersion ?? 0;
      iteration = head.runs[0]?.iteration ?? null;
      t.match(await store.statistics('fast'), { heldFromIteration: iteration, heldToIteration: iteration });
    }
    // The trainer keeps the newest four, and what may have come out of the iteration that the copy names.
    if (Math.max(...(await versions())) > version + 6) break;
  }
  t.ok(version > 0, `of version ${version}`);
  await until(async () => !(await versions()).includes(version + 2), 'those that came later go meanwhile');
  async function* late(): AsyncGenerator<SnapshotChunk> {
    try {
      if (head !== undefined) yield head;
      yield* { [Symbol.asyncIterator]: () => parts };
    } finally {
      await parts.return?.();
    }
  }
  const target = join(data, '..', 'late');
  const warnings: string[] = [];
  await writeSnapshot(target, late(), policies, (text) => warnings.push(text));
  t.strictSame(warnings, []);
  t.strictSame(await readdir(join(target, 'policies', 'fast')), [String(version)]);
  t.equal((await client.waitForRun('fast')).state, 'finished');
  await until(async () => !(await versions()).includes(version), 'nobody needs it any more');
});
