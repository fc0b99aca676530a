/** The actors at this moment: who is registered, what each holds. An actor that does not answer is not counted on. */
import type { Registration } from '@segue/bus';
import { type ActorStatus, SegueError } from '@segue/core';
import type { Cluster } from './cluster.js';

const statusDeadlineMs = 2_000;

export async function liveActors(cluster: Cluster): Promise<Registration[]> {
  const actors = await cluster.bus.registrations('actor');
  return actors.sort((a, b) => (a.id < b.id ? -1 : 1));
}

/** What an actor says of itself; null when it does not answer in time. */
export async function askActor(
  cluster: Cluster,
  actor: Registration,
  signal: AbortSignal,
): Promise<ActorStatus | null> {
  try {
    return await cluster.actor(actor.address).getActorStatus({}, { deadlineMs: statusDeadlineMs, signal });
  } catch (error) {
    if (signal.aborted || !SegueError.from(error, 'UNAVAILABLE').retryable) throw error;
    return null;
  }
}

export async function askActors(
  cluster: Cluster,
  signal: AbortSignal,
): Promise<{ readonly actor: Registration; readonly status: ActorStatus | null }[]> {
  const actors = await liveActors(cluster);
  return Promise.all(actors.map(async (actor) => ({ actor, status: await askActor(cluster, actor, signal) })));
}
