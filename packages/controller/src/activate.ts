/** Makes a policy version the one that actors serve: publishes it, then waits until they do. */
import { type PolicyVersionInfo, SegueError } from '@segue/core';
import type { ActiveRun } from './active-run.js';
import { askActors } from './actors.js';
import { pause } from './cluster.js';

/** How long it took until the actors served the version, in ms. */
export async function activate(run: ActiveRun, policy: PolicyVersionInfo): Promise<number> {
  const startedAtMs = Date.now();
  const { cluster } = run;
  const trainer = await cluster.trainer();
  await cluster.bus.putActivePolicy({ ...policy.ref, folder: policy.folder, trainerAddress: trainer.address });
  await served(run, policy.ref.version);
  run.metrics.policy_version.set(policy.ref.version);
  const activateMs = Date.now() - startedAtMs;
  run.metrics.phase_seconds.observe({ phase: 'activate' }, activateMs / 1000);
  return activateMs;
}

/**
 * Until all registered actors serve the version. One that is late is waited for a little once another serves; it takes no task before it has
 * loaded. Without any actor there is nothing to wait for here. (An actor may still name the run whose iteration it saw last, so the number decides.)
 */
async function served(run: ActiveRun, version: number): Promise<void> {
  const { timings } = run.cluster;
  const wait = run.waits.begin('weights', '', 0);
  const startedAtMs = Date.now();
  try {
    for (;;) {
      const answers = await askActors(run.cluster, run.signal);
      const ready = answers.filter(({ status }) => status?.policyVersion === version);
      if (ready.length === answers.length) return;
      wait.count = answers.length - ready.length;
      const elapsedMs = Date.now() - startedAtMs;
      if (ready.length > 0 && elapsedMs >= timings.activateGraceMs) return;
      if (elapsedMs >= timings.activateTimeoutMs) {
        throw new SegueError(
          'DEADLINE_EXCEEDED',
          `no actor has loaded policy version ${version} of ${run.id} within ${timings.activateTimeoutMs} ms; their logs say why`,
        );
      }
      await pause(timings.actorPollMs, run.signal);
    }
  } finally {
    wait.end();
  }
}
