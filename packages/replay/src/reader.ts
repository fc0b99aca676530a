/**
 * What is read of the store, straight from its tables: every call of the contract that changes nothing, and what its process measures. Counts of a run
 * that goes on are those of the runs that are followed. It never writes; how the tables are opened and filled is store.ts.
 */
import {
  type CompleteGroup,
  type DeadLetterKind,
  type DeadLetterRecord,
  type IterationProgress,
  type IterationRecord,
  type ProblemPurpose,
  type ProblemRecord,
  type RunRecord,
  SeededRandom,
  SegueError,
  type StoredEvent,
  type TimelineRow,
  type Trajectory,
  type TrajectoryRecord,
  type TrajectoryState,
  type TrajectorySummary,
} from '@segue/core';
import { countLetters } from './count-letters.js';
import { listLetters, requireLetter } from './dead-letters.js';
import type { FollowedRuns } from './followed-runs.js';
import { batchGroups, completeGroups, newestIteration, requireIteration } from './iterations.js';
import { countRetired, isRetired } from './retired.js';
import type { IterationRow } from './rows.js';
import { runRules } from './run-rules.js';
import {
  getRun,
  listEvents,
  listProblems,
  listRuns,
  requireRun,
  runIds,
  type StoredStatistics,
  statisticsOf,
  trajectoriesOfRunning,
} from './runs.js';
import { type SampleRequest, type SampleResult, sampleTrajectories } from './sample.js';
import { type Tables, trajectoryKey } from './tables.js';
import { timelineOf } from './timeline.js';
import { getTrajectory, listTrajectories, listUnfinished, readGroups, tracesOf } from './trajectories.js';

/** Each reads all trajectories of a run. */
const maxSamplesAtOnce = 2;

export class StoreReader {
  readonly #tables: Tables;
  readonly #runs: FollowedRuns;
  #samplesUnderWay = 0;

  constructor(tables: Tables, runs: FollowedRuns) {
    this.#tables = tables;
    this.#runs = runs;
  }

  // ---- runs and problems ----

  getRun(runId: string): RunRecord {
    return getRun(this.#tables, runId);
  }

  listRuns(): RunRecord[] {
    return listRuns(this.#tables);
  }

  /** How many runs have their records, and of how many they were let go. */
  countRuns(): { readonly kept: number; readonly retired: number } {
    const retired = countRetired(this.#tables);
    return { kept: runIds(this.#tables).length - retired, retired };
  }

  /** Whether the run's records were let go of. */
  isRetired(runId: string): boolean {
    return isRetired(this.#tables, runId);
  }

  listProblems(runId: string, purpose: ProblemPurpose | null): Iterable<ProblemRecord> {
    return listProblems(this.#tables, runId, purpose);
  }

  // ---- iterations ----

  /** @param iteration null is the newest; NOT_FOUND when there is none */
  getIteration(runId: string, iteration: number | null): IterationRecord {
    if (iteration !== null) return this.recordOf(requireIteration(this.#tables, runId, iteration));
    requireRun(this.#tables, runId);
    const newest = newestIteration(this.#tables, runId);
    if (newest === null) throw new SegueError('NOT_FOUND', `run ${runId} has no iteration yet`);
    return this.recordOf(newest);
  }

  getIterationProgress(runId: string, iteration: number): IterationProgress {
    return requireIteration(this.#tables, runId, iteration).progress ?? this.#runs.progressOf(runId);
  }

  *listIterations(runId: string, fromIteration: number): Iterable<IterationRecord> {
    requireRun(this.#tables, runId);
    for (const row of this.#tables.iterations.rows([runId])) {
      if (row.iteration >= fromIteration) yield this.recordOf(row);
    }
  }

  /** An iteration as callers see it: with its plan and what it has come to. */
  protected recordOf({ maxAttempts: _, progress, ...row }: IterationRow): IterationRecord {
    const tasks = this.#tables.plans.get([row.runId, row.iteration]) ?? [];
    return { ...row, tasks, progress: progress ?? this.#runs.progressOf(row.runId) };
  }

  // ---- trajectories and groups ----

  getTrajectory(id: string): Trajectory {
    return getTrajectory(this.#tables, id);
  }

  /** Those that were planned, in the order of the ids. */
  *getTrajectories(ids: readonly string[]): Iterable<Trajectory> {
    for (const id of ids) if (this.#tables.trajectories.has(trajectoryKey(id))) yield getTrajectory(this.#tables, id);
  }

  listUnfinished(runId: string): Iterable<TrajectorySummary> {
    return listUnfinished(this.#tables, runId);
  }

  listTrajectories(runId: string): Iterable<TrajectoryRecord> {
    return listTrajectories(this.#tables, runId);
  }

  /** Rows of a picture, hundreds at once. */
  timeline(runId: string, fromGroup: number, also: readonly string[]): Iterable<{ rows: readonly TimelineRow[] }> {
    return timelineOf(this.#tables, runId, fromGroup, also);
  }

  /** With an iteration its frozen batch, shuffled by the run's seed; without, the groups that wait to be trained on, oldest first. */
  completeGroups(runId: string, iteration: number | null): Iterable<CompleteGroup> {
    const run = requireRun(this.#tables, runId);
    if (iteration === null) return readGroups(this.#tables, completeGroups(this.#tables, runId));
    const row = requireIteration(this.#tables, runId, iteration);
    const random = new SeededRandom(runRules(run.configJson).seed, `batch-${iteration}`);
    return readGroups(this.#tables, random.shuffle(batchGroups(this.#tables, row)));
  }

  /** @throws SegueError RESOURCE_EXHAUSTED while others read as much as may be read at once */
  async sample(request: SampleRequest): Promise<SampleResult> {
    if (this.#samplesUnderWay >= maxSamplesAtOnce) {
      throw new SegueError('RESOURCE_EXHAUSTED', `${maxSamplesAtOnce} Sample calls are under way: try again later`);
    }
    this.#samplesUnderWay++;
    try {
      return await sampleTrajectories(this.#tables, request);
    } finally {
      this.#samplesUnderWay--;
    }
  }

  // ---- events, counters, dead letters ----

  listEvents(runId: string, afterSequence: number): Iterable<StoredEvent> {
    return listEvents(this.#tables, runId, afterSequence);
  }

  statistics(runId: string): StoredStatistics {
    return statisticsOf(this.#tables, runId);
  }

  deadLetters(runId: string): DeadLetterRecord[] {
    return listLetters(this.#tables, runId);
  }

  deadLetterCounts(): Readonly<Record<DeadLetterKind, number>> {
    return countLetters(this.#tables);
  }

  deadLetter(id: string): DeadLetterRecord {
    return requireLetter(this.#tables, id);
  }

  // ---- what waits, and what it takes ----

  /** Finished trajectories without a verdict, by run, each with the attempt of its task. */
  awaitingScore(): ReadonlyMap<string, ReadonlyMap<string, number>> {
    return this.#runs.awaitingScore();
  }

  /** Where trajectories belong, by id: those that are traced alone. */
  tracesOf(ids: readonly string[]): ReadonlyMap<string, string> {
    return tracesOf(this.#tables, ids);
  }

  /** Trajectories of the runs that are running, by state. */
  trajectoriesOfRunning(): Readonly<Record<TrajectoryState, number>> {
    return trajectoriesOfRunning(this.#tables);
  }

  bytesOnDisk(): number {
    return this.#tables.bytesOnDisk();
  }

  bytesInUse(): number {
    return this.#tables.bytesInUse();
  }
}
