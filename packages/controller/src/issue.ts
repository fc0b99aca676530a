/**
 * Publishes the tasks of an open iteration, and again those that nobody has any more. What is owed is read from the store, never remembered;
 * each round of publishing is recorded before it happens and numbers its tasks' tries, so that a later round is never taken for a repetition
 * of an earlier one. A task too many is harmless: the store keeps one segment per index.
 */
import {
  type IterationProgress,
  type IterationRecord,
  type PlannedTask,
  type RolloutTask,
  type TrajectorySummary,
  tokenLimits,
  whyNobodyCan,
} from '@segue/core';
import type { ActiveRun } from './active-run.js';
import { askActors } from './actors.js';
import { drained } from './close.js';
import { collect } from './cluster.js';
import { issueTraced } from './issue-traced.js';
import { Owners } from './owners.js';
import { StuckQueue } from './stuck-queue.js';

export class TaskIssuer {
  readonly #run: ActiveRun;
  readonly #record: IterationRecord;
  /** Failed tries known when a trajectory's task was issued last. */
  readonly #errors = new Map<string, number>();
  /** The last search left failed ones to the actors that still held them. */
  #leftFailures = false;
  /** Tasks that nobody seemed to have at the last search. */
  #suspects: ReadonlySet<string> = new Set();
  #givenUp: ReadonlySet<string> = new Set();
  readonly #owners = new Owners();
  #whyNobody = '';
  readonly #queue: StuckQueue;

  constructor(run: ActiveRun, record: IterationRecord) {
    this.#run = run;
    this.#record = record;
    this.#queue = new StuckQueue(run, record);
  }

  /** Trajectories that owe a segment of this iteration: planned, without one, not given up. */
  owed(progress: IterationProgress): string[] {
    return progress.openTrajectoryIds.filter((id) => !this.#givenUp.has(id));
  }

  /**
   * Publishes what is owed. What this process has just planned, and nobody issued yet, nobody can hold: it goes out at once. When an earlier process
   * issued this iteration already, the store takes in first what was published, since a message holds any number of segments; then the queue and the
   * actors are asked, and only if they do not account for everything that is owed, the queue is emptied and what no actor holds is published anew.
   */
  async begin(): Promise<void> {
    const { iteration } = this.#record;
    const wasIssued = this.#run.progress.issue?.iteration === iteration;
    const errorsAtPlan = this.#run.errorsAtPlan(iteration);
    if (!wasIssued && errorsAtPlan !== null) return this.#publish(this.owed(this.#record.progress), errorsAtPlan);
    const { bus, timings } = this.#run.cluster;
    if (wasIssued) {
      const otherwise = 'the store has not taken in all segments yet; some tasks may be issued again for nothing';
      await drained(this.#run, { limitMs: timings.beginDrainTimeoutMs, otherwise });
    }
    // The queue before the store: what is done in between is counted in the queue and not owed, and nothing is emptied for it.
    const { rollout } = await bus.queueDepths();
    const owed = this.owed(await this.#run.iterationProgress(iteration));
    const waiting = await this.#waiting();
    if (wasIssued) {
      if (rollout.pending + rollout.leased >= owed.length) {
        const errors = errorsOf(waiting);
        for (const id of owed) this.#errors.set(id, errors.get(id) ?? 0);
        return;
      }
      await bus.purgeRolloutTasks(this.#run.id);
    }
    await this.#publishUnheld(waiting);
  }

  /**
   * Publishes again what failed, and what two searches in a row found with nobody. The trajectories themselves, a thousand in a large phase, are read
   * only when something may be amiss: reading them takes a busy store a second or more, and the phase cannot be closed meanwhile.
   * @param hasFailures segments without a result have come in since the last time
   */
  async reissue(progress: IterationProgress, hasFailures: boolean): Promise<void> {
    const answers = await this.#ask();
    const held = heldBy(answers);
    const owedNow = this.owed(progress).length;
    const statuses = answers.map(({ status }) => status);
    if (await this.#queue.isStuck(statuses, owedNow)) {
      await this.#queue.empty();
      const count = await this.#publishUnheld(await this.#waiting());
      this.#run.metrics.tasks_reissued_total.inc({ reason: 'lost' }, count);
      return;
    }
    if (!hasFailures && !this.#leftFailures && (await this.#isAccountedFor(owedNow))) {
      this.#suspects = new Set();
      return;
    }
    const waiting = await this.#waiting();
    this.#givenUp = new Set(progress.openTrajectoryIds.filter((id) => !waiting.has(id)));
    const owed = this.owed(progress);
    if (owed.length === 0) return;
    const failing = owed.filter((id) => waiting.get(id)!.errors > (this.#errors.get(id) ?? 0));
    const failed = failing.filter((id) => !held.has(id));
    this.#leftFailures = failed.length < failing.length;
    const lost = await this.#lost(
      owed.filter((id) => !held.has(id) && !failed.includes(id)),
      held.size,
    );
    const { metrics, cluster } = this.#run;
    metrics.tasks_reissued_total.inc({ reason: 'failed' }, failed.length);
    metrics.tasks_reissued_total.inc({ reason: 'lost' }, lost.length);
    if (lost.length > 0) {
      cluster.log.warn(
        { iteration: this.#record.iteration, tasks: lost.length },
        'tasks that nobody holds are issued again',
      );
    }
    await this.#publish([...failed, ...lost], errorsOf(waiting), waiting);
  }

  /** Whether what is owed may all be on its way: there is a lease for each, or something waits in the queue or for the store. */
  async #isAccountedFor(owed: number): Promise<boolean> {
    const { rollout, segments } = await this.#run.cluster.bus.queueDepths();
    return rollout.leased >= owed || rollout.pending + segments.pending + segments.leased > 0;
  }

  /**
   * Of these, what nobody has now nor had at the search before: the queue and the stream of segments are empty, and there are no more leases than
   * actors say that they hold (a dead actor's lease comes back by itself).
   */
  async #lost(candidates: readonly string[], heldByActors: number): Promise<string[]> {
    const before = this.#suspects;
    this.#suspects = new Set();
    if (candidates.length === 0) return [];
    const { rollout, segments } = await this.#run.cluster.bus.queueDepths();
    if (rollout.pending + segments.pending + segments.leased > 0 || rollout.leased > heldByActors) return [];
    this.#suspects = new Set(candidates.filter((id) => !before.has(id)));
    return candidates.filter((id) => before.has(id));
  }

  /** Trajectories that go on or were never begun, by id. */
  async #waiting(): Promise<Map<string, TrajectorySummary>> {
    const replay = await this.#run.cluster.replay();
    const unfinished = await collect(replay.listUnfinished({ runId: this.#run.id }));
    return new Map(unfinished.map((summary) => [summary.id, summary]));
  }

  /** Every actor, and what it says of itself: null where it does not answer. */
  async #ask(): Promise<Awaited<ReturnType<typeof askActors>>> {
    const answers = await askActors(this.#run.cluster, this.#run.signal);
    this.#owners.note(answers);
    const statuses = answers.map(({ status }) => status);
    this.#whyNobody = whyNobodyCan(statuses, this.#run.id);
    return answers;
  }

  /** Why no actor takes the tasks, nor will as things are, for people, as of the last search; empty when one may. */
  get whyNobody(): string {
    return this.#whyNobody;
  }

  /** Who owes these trajectories, for people, as of the last search. */
  owners(ids: readonly string[]): string {
    return this.#owners.of(ids);
  }

  /** What is owed and no actor holds, when nothing of it is in the queue. Answers how many. */
  async #publishUnheld(waiting: ReadonlyMap<string, TrajectorySummary>): Promise<number> {
    const held = heldBy(await this.#ask());
    // What an actor had published before it was asked may have been taken in since.
    const owed = this.owed(await this.#run.iterationProgress(this.#record.iteration));
    const unheld = owed.filter((id) => waiting.has(id) && !held.has(id));
    await this.#publish(unheld, errorsOf(waiting), waiting);
    return unheld.length;
  }

  /**
   * In the order of the plan. @param errors failed tries of each, none where it names none
   * @param waiting where each stands; left out: where the plan says. One that the store has cut back since, over damage, stands before its plan
   */
  async #publish(
    ids: readonly string[],
    errors: ReadonlyMap<string, number>,
    waiting: ReadonlyMap<string, TrajectorySummary> = new Map(),
  ): Promise<void> {
    if (ids.length === 0) return;
    const { iteration } = this.#record;
    const before = this.#run.progress.issue;
    const round = before?.iteration === iteration ? before.round + 1 : 0;
    await this.#run.save({ issue: { iteration, round } });
    const wanted = new Set(ids);
    const tasks = this.#record.tasks
      .filter((task) => wanted.has(task.trajectoryId))
      .map((task) => ({ ...task, segmentIndex: waiting.get(task.trajectoryId)?.segmentCount ?? task.segmentIndex }));
    const lostTries = await this.#run.cluster.bus.lostTries(this.#run.id);
    const lost = new Map(
      lostTries.map(({ trajectoryId, segmentIndex, tries }) => [`${trajectoryId}-s${segmentIndex}`, tries]),
    );
    const issued = tasks.map((task) => {
      const tries = lost.get(`${task.trajectoryId}-s${task.segmentIndex}`) ?? 0;
      const made = this.#task(task, round + (errors.get(task.trajectoryId) ?? 0));
      return tries === 0 ? made : { ...made, lostTries: tries };
    });
    const { bus } = this.#run.cluster;
    await issueTraced(issued, await this.#run.traces(), (traces) => bus.publishRolloutTasks(issued, traces));
    for (const id of ids) this.#errors.set(id, errors.get(id) ?? 0);
    this.#run.metrics.tasks_issued_total.inc(tasks.length);
  }

  #task(planned: PlannedTask, attempt: number): RolloutTask {
    const { rollout, seed } = this.#run.config;
    return {
      runId: this.#run.id,
      iteration: this.#record.iteration,
      policyVersion: this.#record.policyVersion,
      groupId: planned.groupId,
      trajectoryId: planned.trajectoryId,
      problemId: planned.problemId,
      segmentIndex: planned.segmentIndex,
      attempt,
      seed,
      sampling: { temperature: rollout.temperature, topK: rollout.topK, topP: rollout.topP },
      ...tokenLimits(rollout),
      lastSpan: planned.lastSpan,
    };
  }
}

function errorsOf(waiting: ReadonlyMap<string, TrajectorySummary>): Map<string, number> {
  return new Map([...waiting].map(([id, { errors }]) => [id, errors]));
}

/** Trajectories that actors hold. */
function heldBy(answers: Awaited<ReturnType<typeof askActors>>): Set<string> {
  return new Set(answers.flatMap(({ status }) => status?.trajectoryIds ?? []));
}
