/**
 * Makes a policy version the one that actors serve: has them make it ready, publishes it, then waits until they serve it. The publication alone
 * decides what is served; the rest is about time.
 */
import { firstOf } from '@segue/bus';
import { type PolicyRef, type PolicyVersionInfo, SegueError, servesVersion } from '@segue/core';
import type { ActiveRun } from './active-run.js';
import { askActors, liveActors } from './actors.js';
import { announcePolicy } from './announce.js';
import { pause } from './cluster.js';

/** First pause between two looks at the actors: switching to a version that is ready takes a few ms. */
const firstPauseMs = 2;

/**
 * How long it took until the actors served the version, in ms.
 * @param isWanted asked when they are ready; where it says no, they are told nothing
 */
export async function activate(
  run: ActiveRun,
  policy: PolicyVersionInfo,
  isWanted: () => Promise<boolean> = async () => true,
): Promise<number> {
  const startedAtMs = Date.now();
  const { cluster } = run;
  const wait = run.waits.begin('weights', '', 0);
  try {
    const tell = (waiting: readonly string[]) => {
      wait.count = waiting.length;
      wait.from = waiting.join(', ');
    };
    await prepare(run, policy, tell);
    const prepareMs = Date.now() - startedAtMs;
    if (!(await isWanted())) return prepareMs;
    await announcePolicy(run, policy);
    await served(run, policy.ref, tell);
    run.metrics.policy_version.set(policy.ref.version);
    const activateMs = Date.now() - startedAtMs;
    cluster.log.info({ run: run.id, version: policy.ref.version, prepareMs, activateMs }, 'a policy version is active');
    run.metrics.phase_seconds.observe({ phase: 'activate' }, activateMs / 1000);
    return activateMs;
  } finally {
    wait.end();
  }
}

/**
 * Has the actors read, check and compile the version while nothing waits for them. Once one is ready the others are waited for a little; who
 * is late goes on, and one that fails loads it when it is published.
 */
async function prepare(
  { cluster, signal }: ActiveRun,
  { ref, folder }: PolicyVersionInfo,
  tell: (waiting: readonly string[]) => void,
): Promise<void> {
  const { prepareTimeoutMs: deadlineMs, activateGraceMs } = cluster.timings;
  const actors = await liveActors(cluster);
  const waiting = new Set(actors.map(({ id }) => id));
  tell([...waiting]);
  const over = new AbortController();
  const calls = actors.map(({ address }) =>
    cluster.actor(address).preparePolicy({ policy: ref, folder }, { deadlineMs, signal }),
  );
  const all = Promise.all(
    calls.map(async (call, i) => {
      try {
        await call;
      } catch (cause) {
        if (signal.aborted) throw cause;
        const { message } = SegueError.from(cause);
        const fields = { actor: actors[i]?.id, version: ref.version, error: message };
        cluster.log.warn(fields, 'an actor did not make a version ready');
      }
      waiting.delete(actors[i]?.id ?? '');
      if (!over.signal.aborted) tell([...waiting]);
    }),
  );
  const either = firstOf(signal, over.signal);
  const grace = () => pause(activateGraceMs, either.signal);
  try {
    await Promise.race([all, Promise.any(calls).then(grace, () => all)]);
  } finally {
    over.abort();
    either.release();
  }
}

/**
 * Until all registered actors serve the version. One that is late is waited for a little once another serves; it takes no task before it has
 * loaded. Without any actor there is nothing to wait for here. (An actor may still name the run whose iteration it saw last, so what it serves decides.)
 */
async function served(
  run: ActiveRun,
  { runId, version }: PolicyRef,
  tell: (waiting: readonly string[]) => void,
): Promise<void> {
  const { timings } = run.cluster;
  const startedAtMs = performance.now();
  for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(2 * pauseMs, timings.actorPollMs)) {
    const answers = await askActors(run.cluster, run.signal);
    const late = answers.filter(({ status }) => status === null || !servesVersion(status, runId, version));
    if (late.length === 0) return;
    tell(late.map(({ actor }) => actor.id));
    const elapsedMs = performance.now() - startedAtMs;
    if (late.length < answers.length && elapsedMs >= timings.activateGraceMs) return;
    if (elapsedMs >= timings.activateTimeoutMs) {
      throw new SegueError(
        'DEADLINE_EXCEEDED',
        `no actor has loaded policy version ${version} of ${runId} within ${timings.activateTimeoutMs} ms; their logs say why`,
      );
    }
    await pause(pauseMs, run.signal);
  }
}
