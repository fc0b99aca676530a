/**
 * Closes a rollout phase: unstarted tasks are purged, running segments are cut and saved, each lease is flushed or expired, the store has taken
 * everything in; only then is the iteration closed. What arrives later is refused and counted by the store.
 */
import type { Delivered, Registration } from '@segue/bus';
import type { ActorStatus, IterationRecord, RolloutTask } from '@segue/core';
import type { ActiveRun } from './active-run.js';
import { askActors } from './actors.js';
import { announceIteration, announceLostClosing } from './announce.js';
import { type Cluster, pause } from './cluster.js';

/** Answers null, and says nothing to anybody, when another controller has closed it and gone on with the run. */
export async function closeIteration(run: ActiveRun, record: IterationRecord): Promise<IterationRecord | null> {
  const { runId, iteration } = record;
  await markLostTasks(run);
  // After it, since it waits for actors that do not answer.
  if (!(await run.isStill('open', iteration))) return null;
  await announceIteration(run, record, false);
  await run.cluster.bus.purgeRolloutTasks(runId);
  await flushed(run, record);
  await drained(run, {
    limitMs: run.cluster.timings.drainTimeoutMs,
    otherwise: 'the store did not take in all segments in time; the rest will be refused',
  });
  const replay = await run.cluster.replay();
  return replay.closeIteration({ runId, iteration });
}

/** What of a run it takes to mark its lost tasks. */
export type MarkedRun = Pick<ActiveRun, 'id' | 'cluster' | 'signal'>;

/**
 * Leases that no actor has are those of dead ones: the purge would forget that their work was lost with them, and what was lost before, where nobody has
 * marked it yet. Marked is what the next taker would mark, so that it counts once if there is one. Actors go on taking tasks and ending them meanwhile:
 * a delivery counts as left behind only if it is the newest at two looks, and no actor holds the task before the first or between them.
 */
export async function markLostTasks({ id, cluster, signal }: MarkedRun): Promise<void> {
  const { bus, log } = cluster;
  const { rollout } = await bus.queueDepths();
  if (rollout.leased === 0) return;
  const held = await heldTasks(cluster, signal);
  const before = await bus.deliveredTasks(id);
  if (before.every(({ value, lostBefore }) => lostBefore === 0 && held.has(value.trajectoryId))) return;
  const left = new Set(before.filter(({ isNewestLost }) => isNewestLost).map(nameOf));
  for (const trajectoryId of await heldTasks(cluster, signal)) held.add(trajectoryId);
  const isLeft = (one: Delivered<RolloutTask>) =>
    one.isNewestLost && left.has(nameOf(one)) && !held.has(one.value.trajectoryId);
  const lost = (await bus.deliveredTasks(id))
    .map((one) => ({ task: one.value, tries: one.lostBefore + (isLeft(one) ? 1 : 0) }))
    .filter(({ tries }) => tries > 0);
  if (lost.length === 0) return;
  await Promise.all(lost.map(({ task, tries }) => bus.markLostTries(task, tries)));
  log.warn({ run: id, tasks: lost.length }, 'tasks were lost with actors that are gone: the tries count');
}

/** Ids of their trajectories, by the word of the actors that answer. */
async function heldTasks(cluster: Cluster, signal: AbortSignal): Promise<Set<string>> {
  const answers = await askActors(cluster, signal);
  return new Set(answers.flatMap(({ status }) => status?.trajectoryIds ?? []));
}

/** Names one delivery: a task that was issued again is another message, and one that was taken again another delivery. */
function nameOf({ value, deliveryCount }: Delivered<RolloutTask>): string {
  const { trajectoryId, segmentIndex, attempt } = value;
  return `${trajectoryId}-s${segmentIndex}-a${attempt}-d${deliveryCount}`;
}

/** Until every registered actor has nothing of the iteration left to publish. One that is gone leaves the registry when its entry expires. */
async function flushed(run: ActiveRun, record: IterationRecord): Promise<void> {
  const { timings, log } = run.cluster;
  const { iteration } = record;
  const wait = run.waits.begin('actor', '', 0);
  const startedAtMs = Date.now();
  let announcedAtMs = startedAtMs;
  try {
    for (;;) {
      const answers = await askActors(run.cluster, run.signal);
      const owing = answers.filter(({ actor, status }) => !hasFlushed(run.id, iteration, actor, status));
      if (owing.length === 0) return;
      wait.count = owing.length;
      wait.from = owing.map(({ actor, status }) => `${actor.id}${status ? '' : ' (does not answer)'}`).join(', ');
      if (Date.now() - startedAtMs >= timings.flushTimeoutMs) {
        const names = owing.map(({ actor }) => actor.id);
        log.warn({ iteration, actors: names }, 'actors did not flush in time; what they still send will be refused');
        return;
      }
      // An actor that missed the signal, because the bus lost it, would go on until then.
      if (Date.now() - announcedAtMs >= timings.reconcileMs) {
        announcedAtMs = Date.now();
        await announceLostClosing(run, record);
      }
      await pause(timings.actorPollMs, run.signal);
    }
  } finally {
    wait.end();
  }
}

/** By its own word, or by its heartbeat when it does not answer. An actor that follows another run holds nothing of this one. */
function hasFlushed(runId: string, iteration: number, actor: Registration, status: ActorStatus | null): boolean {
  const word = status ?? actor;
  return word.runId !== runId || (word.flushedIteration !== null && word.flushedIteration >= iteration);
}

interface DrainPatience {
  readonly limitMs: number;
  /** What is logged when it takes longer. */
  readonly otherwise: string;
}

/** Until the store has taken in every segment that was published: the stream is empty at two looks in a row. */
export async function drained(run: ActiveRun, { limitMs, otherwise }: DrainPatience): Promise<void> {
  const { timings, bus, log } = run.cluster;
  const wait = run.waits.begin('segments', 'replay', 0);
  const startedAtMs = Date.now();
  let emptyLooks = 0;
  try {
    while (emptyLooks < 2) {
      const { segments } = await bus.queueDepths();
      wait.count = segments.pending + segments.leased;
      emptyLooks = wait.count === 0 ? emptyLooks + 1 : 0;
      if (Date.now() - startedAtMs >= limitMs) {
        log.warn({ segments: wait.count }, otherwise);
        return;
      }
      await pause(Math.min(20, timings.actorPollMs), run.signal);
    }
  } finally {
    wait.end();
  }
}
