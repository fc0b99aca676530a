/**
 * The rows of runs' timelines, kept between two looks: what is scored does not change any more, so that a look at a run of ten thousand trajectories reads only what goes on, what has
 * failed (a dead letter may be put back to work) and what is new. All who look at the same time share one reading.
 */
import { type EndReason, maxTimelineNames, parseTrajectoryId, type TimelineRow } from '@segue/core';
import type { Cluster } from '../cluster.js';

/** A bar of the timeline. */
export type PageSegment = readonly [iteration: number, tokens: number, endReason: EndReason, policyVersion: number];

/** A row of the timeline. */
export interface PageTrajectory {
  readonly id: string;
  readonly state: string;
  readonly reward: number | null;
  readonly segments: readonly PageSegment[];
}

/** Runs whose rows are kept, of those that were looked at last. */
const keptRuns = 4;

interface Timeline {
  /** In order of planning. */
  readonly rows: Map<string, PageTrajectory>;
  /** Those that were not scored when they were read. */
  readonly open: Set<string>;
  /** The newest group that is known: read again, since a reading may have broken off inside it. */
  newestGroup: number;
  /** The reading that goes on, shared. */
  reading: Promise<void> | null;
}

export class Timelines {
  readonly #cluster: Pick<Cluster, 'replay'>;
  readonly #runs = new Map<string, Timeline>();

  constructor(cluster: Pick<Cluster, 'replay'>) {
    this.#cluster = cluster;
  }

  /** All rows of a run as the store has them now. */
  async rows(runId: string): Promise<PageTrajectory[]> {
    const timeline = this.#runs.get(runId) ?? { rows: new Map(), open: new Set(), newestGroup: 0, reading: null };
    // As the one looked at last, and at once, so that whoever comes meanwhile finds it.
    this.#runs.delete(runId);
    this.#runs.set(runId, timeline);
    timeline.reading ??= this.#refresh(runId, timeline).finally(() => {
      timeline.reading = null;
    });
    try {
      await timeline.reading;
    } finally {
      // A run that is not there takes nobody's place.
      if (timeline.rows.size === 0 && this.#runs.get(runId) === timeline) this.#runs.delete(runId);
      // The one that was looked at longest ago makes room.
      const [oldest] = this.#runs.keys();
      if (this.#runs.size > keptRuns && oldest !== undefined) this.#runs.delete(oldest);
    }
    return [...timeline.rows.values()];
  }

  async #refresh(runId: string, timeline: Timeline): Promise<void> {
    const { rows, open } = timeline;
    // Where more are open than a question may name, all since the oldest of them are read.
    const isNamed = open.size <= maxTimelineNames;
    const [oldest] = open;
    const fromGroup = isNamed || oldest === undefined ? timeline.newestGroup : parseTrajectoryId(oldest).groupIndex;
    const request = { runId, fromGroup, also: isNamed ? [...open] : [] };
    for await (const read of (await this.#cluster.replay()).listTimeline(request)) {
      for (const row of read.rows) {
        const { trajectoryId, state } = row;
        rows.set(trajectoryId, rowOf(row));
        if (state === 'scored') open.delete(trajectoryId);
        else open.add(trajectoryId);
        timeline.newestGroup = Math.max(timeline.newestGroup, parseTrajectoryId(trajectoryId).groupIndex);
      }
    }
  }
}

function rowOf({ trajectoryId, state, reward, segments }: TimelineRow): PageTrajectory {
  return {
    id: trajectoryId,
    state,
    reward,
    segments: segments.map(({ iteration, tokens, endReason, policyVersion }): PageSegment => {
      return [iteration, tokens, endReason, policyVersion];
    }),
  };
}
