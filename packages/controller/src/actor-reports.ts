/**
 * What actors report of a rollout phase: where their engines spent it, and how much of it their slots were idle.
 *
 * The idle share is that of slot time in which actors generated nothing: 1 - (busy slot time) / (slots * length of the phase), over the actors that
 * reported on the iteration. Busy is a slot's sequence from its prefill to its last token; a slot that the plan leaves empty is idle.
 * Actors report in their heartbeat and at every flush; one that died inside the phase is not counted, neither its slots nor its work.
 */
import type { Registration } from '@segue/bus';
import { type EngineTimes, sumEngineTimes } from '@segue/core';
import type { ActiveRun } from './active-run.js';
import { liveActors } from './actors.js';
import { pause } from './cluster.js';

/** @param phaseMs length of the rollout phase */
export function idleShare(
  actors: readonly Pick<Registration, 'slots' | 'busySlotMs'>[],
  runId: string,
  iteration: number,
  phaseMs: number,
): number {
  const reports = actors.flatMap(({ slots, busySlotMs }) => {
    const busyMs = busySlotMs?.[`${runId}/${iteration}`];
    return busyMs === undefined ? [] : [{ slots, busyMs }];
  });
  const slotMs = reports.reduce((sum, { slots }) => sum + slots * phaseMs, 0);
  const busyMs = reports.reduce((sum, report) => sum + report.busyMs, 0);
  return slotMs === 0 ? 0 : Math.min(1, Math.max(0, 1 - busyMs / slotMs));
}

const maxLooks = 10;

export interface RolloutReports {
  readonly actorIdleShare: number;
  readonly engineTimes: EngineTimes;
}

/** Reads the reports after the flush; gives a heartbeat that is on its way a moment to arrive. */
export async function readReports(run: ActiveRun, iteration: number, phaseMs: number): Promise<RolloutReports> {
  for (let look = 1; ; look++) {
    const actors = await liveActors(run.cluster);
    const late = actors.some((actor) => actor.runId === run.id && (actor.flushedIteration ?? -1) < iteration);
    if (!late || look === maxLooks) {
      const times = actors.flatMap(({ engineTimes }) => engineTimes?.[`${run.id}/${iteration}`] ?? []);
      return {
        actorIdleShare: idleShare(actors, run.id, iteration, phaseMs),
        engineTimes: sumEngineTimes(times),
      };
    }
    await pause(Math.min(30, run.cluster.timings.actorPollMs), run.signal);
  }
}
