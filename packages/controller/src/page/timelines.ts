/**
 * The rows of runs' timelines, kept between two looks: what is over does not change any more, so that a look at a run of ten thousand trajectories reads only what goes on and what is
 * new. All who look at the same time share one reading.
 */
import type { EndReason, TrajectoryRecord } from '@segue/core';
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

interface Row {
  readonly row: PageTrajectory;
  readonly lastIteration: number;
  readonly isOver: boolean;
}

interface Timeline {
  /** In order of planning. */
  readonly rows: Map<string, Row>;
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
    const timeline = this.#runs.get(runId) ?? { rows: new Map(), reading: null };
    timeline.reading ??= this.#refresh(runId, timeline).finally(() => {
      timeline.reading = null;
    });
    await timeline.reading;
    // As the one looked at last; the one that was looked at longest ago makes room.
    this.#runs.delete(runId);
    this.#runs.set(runId, timeline);
    const [oldest] = this.#runs.keys();
    if (this.#runs.size > keptRuns && oldest !== undefined) this.#runs.delete(oldest);
    return [...timeline.rows.values()].map(({ row }) => row);
  }

  async #refresh(runId: string, { rows }: Timeline): Promise<void> {
    const fromIteration = firstOfInterest(rows.values());
    for await (const record of (await this.#cluster.replay()).listTrajectories({ runId, fromIteration })) {
      const { id, state, lastIteration } = record.summary;
      rows.set(id, { row: rowOf(record), lastIteration, isOver: state === 'scored' || state === 'failed' });
    }
  }
}

/** What is not over may have got its verdict since, in the iteration that it was seen in last; everything before is known. */
function firstOfInterest(rows: Iterable<Row>): number {
  let newest = 0;
  let oldestOpen = Number.POSITIVE_INFINITY;
  for (const { lastIteration, isOver } of rows) {
    newest = Math.max(newest, lastIteration);
    if (!isOver) oldestOpen = Math.min(oldestOpen, lastIteration);
  }
  return Math.min(newest, oldestOpen);
}

function rowOf({ summary, segments, tokenCounts }: TrajectoryRecord): PageTrajectory {
  const { id, state, reward } = summary;
  return {
    id,
    state,
    reward,
    segments: segments.map(({ iteration, endReason, policyVersion }, i): PageSegment => {
      return [iteration, tokenCounts[i] ?? 0, endReason, policyVersion];
    }),
  };
}
