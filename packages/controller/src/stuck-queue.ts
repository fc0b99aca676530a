/**
 * Tells a queue of tasks that gives nothing to anybody from one that waits for somebody, and empties it. A message server whose disk has changed bits may keep
 * messages, and take new ones, that it delivers to nobody and finds by no subject; only a purge of the whole stream mends that. What is issued again is the issuer's business.
 */
import { type ActorStatus, couldTake, type IterationRecord } from '@segue/core';
import { type MarkedRun, markLostTasks } from './close.js';

export class StuckQueue {
  readonly #run: MarkedRun;
  readonly #record: Pick<IterationRecord, 'iteration' | 'policyVersion'>;
  /** When something was last taken or done, or nobody was there who could: by `performance.now()`, and how many were owed then. */
  #touched = { owed: 0, atMs: performance.now() };

  constructor(run: MarkedRun, record: Pick<IterationRecord, 'iteration' | 'policyVersion'>) {
    this.#run = run;
    this.#record = record;
  }

  /**
   * Whether what is owed has lain for so long though somebody could have taken it, and nothing is on its way to the store.
   * @param statuses of all actors that are registered; null: it does not answer, and may be at work
   */
  async isStuck(statuses: readonly (ActorStatus | null)[], owed: number): Promise<boolean> {
    const { bus, timings } = this.#run.cluster;
    const isIdle = statuses.every((status) => status !== null && status.trajectoryIds.length === 0);
    const wanted = { ...this.#record, runId: this.#run.id };
    const isWanted = statuses.some((status) => status !== null && couldTake(status, wanted));
    const touch = () => {
      this.#touched = { owed, atMs: performance.now() };
    };
    if (owed === 0 || owed !== this.#touched.owed || !isIdle || !isWanted) {
      touch();
      return false;
    }
    const untakenMs = performance.now() - this.#touched.atMs;
    if (untakenMs < timings.untakenMs) return false;
    const { rollout, segments } = await bus.queueDepths();
    // What a dead actor had comes back when its lease is over.
    if (rollout.leased > 0 && untakenMs < 2 * rollout.leaseMs) return false;
    touch();
    return segments.pending + segments.leased === 0;
  }

  /** Leases are gone with it: what was lost by then is marked before. */
  async empty(): Promise<void> {
    const { log, bus } = this.#run.cluster;
    const { iteration } = this.#record;
    log.warn(
      { iteration, tasks: this.#touched.owed },
      'nobody is given what the queue has, or all give it back: it is emptied and filled anew; if that repeats, look for segue_actor_tasks_returned_total{reason="fetch-failed"}',
    );
    await markLostTasks(this.#run);
    await bus.emptyRolloutQueue();
  }
}
