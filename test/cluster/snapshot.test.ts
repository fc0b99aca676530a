/**
 * The whole way of a backup: a snapshot of a cluster while its run goes on, the cluster down, its store lost, the snapshot put back. The run goes on from there to
 * its end, and nothing is lost or there twice.
 */
import { readdir, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { connect, connectStore } from '@segue/client';
import type { RunConfigInput } from '@segue/core';
import t from 'tap';
import { defaultClusterOptions, LocalCluster } from '../../packages/cli/dist/cluster/local-cluster.js';
import { prepareToyRun, requireWhole } from '../support/cluster-run.js';
import { runSegue } from '../support/command.js';
import { toyConfig } from '../support/toy-task.js';

const runId = 'backup';
/** Some trajectories span iterations; none of it has to be learnt. */
const brief: RunConfigInput = {
  ...toyConfig,
  iterations: 8,
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
