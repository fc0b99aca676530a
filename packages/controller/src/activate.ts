/**
 * Makes a policy version the one that actors serve: has them make it ready, publishes it, then waits until they serve it. The publication alone
 * decides what is served; the rest is about time.
 */
import { type PolicyVersionInfo, SegueError } from '@segue/core';
import type { ActiveRun } from './active-run.js';
import { askActors, liveActors } from './actors.js';
import { pause } from './cluster.js';

/** First pause between two looks at the actors: switching to a version that is ready takes a few ms. */
const firstPauseMs = 2;

/** How long it took until the actors served the version, in ms. */
export async function activate(run: ActiveRun, policy: PolicyVersionInfo): Promise<number> {
  const startedAtMs = Date.now();
  const { cluster } = run;
  const trainer = await cluster.trainer();
  const wait = run.waits.begin('weights', '', 0);
  try {
    const tell = (waiting: number) => {
      wait.count = waiting;
    };
    await prepare(run, policy, tell);
    const prepareMs = Date.now() - startedAtMs;
    await cluster.bus.putActivePolicy({ ...policy.ref, folder: policy.folder, trainerAddress: trainer.address });
    await served(run, policy.ref.version, tell);
    run.metrics.policy_version.set(policy.ref.version);
    const activateMs = Date.now() - startedAtMs;
    cluster.log.info({ run: run.id, version: policy.ref.version, prepareMs, activateMs }, 'a policy version is active');
    run.metrics.phase_seconds.observe({ phase: 'activate' }, activateMs / 1000);
    return activateMs;
  } finally {
    wait.end();
  }
}

/** Has the actors read, check and compile the version while nothing waits for them. One that does not loads it when it is published. */
async function prepare(
  { cluster, signal }: ActiveRun,
  { ref, folder }: PolicyVersionInfo,
  tell: (waiting: number) => void,
): Promise<void> {
  const actors = await liveActors(cluster);
  let waiting = actors.length;
  tell(waiting);
  await Promise.all(
    actors.map(async ({ id, address }) => {
      try {
        const deadlineMs = cluster.timings.prepareTimeoutMs;
        await cluster.actor(address).preparePolicy({ policy: ref, folder }, { deadlineMs, signal });
      } catch (cause) {
        if (signal.aborted) throw cause;
        const { message } = SegueError.from(cause);
        cluster.log.warn({ actor: id, version: ref.version, error: message }, 'an actor did not make a version ready');
      }
      tell(--waiting);
    }),
  );
}

/**
 * Until all registered actors serve the version. One that is late is waited for a little once another serves; it takes no task before it has
 * loaded. Without any actor there is nothing to wait for here. (An actor may still name the run whose iteration it saw last, so the number decides.)
 */
async function served(run: ActiveRun, version: number, tell: (waiting: number) => void): Promise<void> {
  const { timings } = run.cluster;
  const startedAtMs = Date.now();
  for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(2 * pauseMs, timings.actorPollMs)) {
    const answers = await askActors(run.cluster, run.signal);
    const ready = answers.filter(({ status }) => status?.policyVersion === version);
    if (ready.length === answers.length) return;
    tell(answers.length - ready.length);
    const elapsedMs = Date.now() - startedAtMs;
    if (ready.length > 0 && elapsedMs >= timings.activateGraceMs) return;
    if (elapsedMs >= timings.activateTimeoutMs) {
      throw new SegueError(
        'DEADLINE_EXCEEDED',
        `no actor has loaded policy version ${version} of ${run.id} within ${timings.activateTimeoutMs} ms; their logs say why`,
      );
    }
    await pause(pauseMs, run.signal);
  }
}
