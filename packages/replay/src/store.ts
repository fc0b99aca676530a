/**
 * The replay store as an object: every call of the contract over one file. Writes are committed to disk before they are answered; after a
 * commit the memory (progress.ts) follows and listeners hear of it, then the caller is answered. Built again from the file at start.
 * It knows nothing of gRPC and of the bus.
 */
import {
  type AppendResult,
  type BatchHeader,
  type BatchResult,
  type CompleteGroup,
  type DeadLetterKind,
  type DeadLetterRecord,
  type IterationProgress,
  type IterationRecord,
  type Problem,
  type ProblemPurpose,
  type ProblemRecord,
  type ReplayApi,
  type ReplayStatistics,
  type RequeueOutcome,
  type RetentionRules,
  type RunRecord,
  type Score,
  type ScoreResult,
  SeededRandom,
  type Segment,
  SegueError,
  type StoreDamage,
  type StoredEvent,
  type TimelineRow,
  type Trajectory,
  type TrajectoryRecord,
  type TrajectoryState,
  type TrajectorySummary,
} from '@segue/core';
import { countLetters } from './count-letters.js';
import { type DeadMessage, dropLetter, keepMessages, listLetters, requireLetter } from './dead-letters.js';
import { FollowedRuns } from './followed-runs.js';
import { ItemTables, type ItemTablesOptions } from './items/item-tables.js';
import {
  batchGroups,
  closeIteration,
  commitIteration,
  completeGroups,
  freezeBatch,
  newestIteration,
  type OpenRequest,
  openIteration,
  requireIteration,
  type WriteContext,
} from './iterations.js';
import { Keeper } from './keeper.js';
import type { Notice } from './progress.js';
import { relief, tellsOfRest } from './relief.js';
import { requeueLetter } from './requeue.js';
import { type Retirement, retireRuns } from './retention.js';
import { countRetired, isRetired } from './retired.js';
import type { IterationRow } from './rows.js';
import { runRules } from './run-rules.js';
import {
  appendEvent,
  getRun,
  isAtRest,
  listEvents,
  listProblems,
  listRuns,
  putProblems,
  putRun,
  requireRun,
  runIds,
  statisticsOf,
  trajectoriesOfRunning,
} from './runs.js';
import { type SampleRequest, type SampleResult, sampleTrajectories } from './sample.js';
import { openTables, type Tables, trajectoryKey } from './tables.js';
import { timelineOf } from './timeline.js';
import {
  appendSegment,
  getTrajectory,
  listTrajectories,
  listUnfinished,
  readGroups,
  recordScore,
  tracesOf,
} from './trajectories.js';
import { type WriteOptions, Writer, type WriterOptions } from './writer.js';

export interface StoreOptions extends WriterOptions {
  readonly folder: string;
  /** Tables of items; none when left out. */
  readonly itemTables?: ItemTablesOptions;
  /** Unix time in ms. */
  readonly now?: () => number;
  /** Runs after a commit and before anything follows from it: the place where a test kills the process. */
  readonly afterCommit?: (notices: readonly Notice[]) => void;
  /** Told of each damaged record once, whether it was mended or not. */
  readonly onDamage?: (damage: StoreDamage, isMended: boolean) => void;
}

export type CommitListener = (notice: Notice) => void;

type RequestOf<K extends keyof ReplayApi> = ReplayApi[K] extends { readonly request: infer Request } ? Request : never;

export class ReplayStore {
  /** Tables of items, beside the groups that iterations consume. */
  readonly items: ItemTables;
  /** Mends what a disk has damaged, and takes snapshots. */
  readonly keeper: Keeper;
  readonly #tables: Tables;
  readonly #writer: Writer;
  readonly #options: StoreOptions;
  readonly #runs: FollowedRuns;
  readonly #now: () => number;
  readonly #listeners = new Set<CommitListener>();

  constructor(options: StoreOptions) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
    this.#tables = openTables(options.folder);
    this.#writer = new Writer(this.#tables, options);
    this.#runs = new FollowedRuns(this.#tables, (damage) => this.keeper.note(damage));
    this.keeper = new Keeper({
      tables: this.#tables,
      // A mend writes in the place of what was lost, or removes it: a store that is full takes it.
      write: (work) => this.#write(work, relief),
      onMended: (runId) => {
        this.items.readAgain(runId);
        this.#runs.readAgain(runId);
        this.#runs.letGoIfOver(runId);
      },
      onDamage: options.onDamage,
    });
    this.items = new ItemTables({
      tables: this.#tables,
      writer: this.#writer,
      now: this.#now,
      onDamage: (damage) => this.keeper.note(damage),
      ...(options.itemTables ?? { rules: {}, maxWaitingCalls: 0 }),
    });
    this.keeper.mendAtStart();
    for (const runId of runIds(this.#tables)) {
      if (isRetired(this.#tables, runId)) continue;
      this.#runs.readAgain(runId);
      this.#runs.letGoIfOver(runId);
    }
    this.items.recover();
  }

  /** Commits what waits and gives the file back. */
  async close(): Promise<void> {
    this.items.close();
    this.#writer.close();
    await this.#tables.close();
  }

  /** Hears of every commit, after it, in order. Answers how to stop. */
  onCommit(listener: CommitListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  // ---- runs and problems ----

  async putRun(run: RunRecord, expectedRevision: number | null): Promise<RunRecord> {
    const relieves = expectedRevision !== null && isAtRest(run);
    const put = await this.#write(({ tables, nowMs }) => putRun(tables, run, expectedRevision, nowMs), { relieves });
    this.#runs.letGoIfOver(run.id);
    return put;
  }

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

  /** Lets go of the records of runs that are over, as far as the rules say, and of what an earlier pass or a killed process left. */
  retire(rules: RetentionRules): Promise<Retirement> {
    return retireRuns(rules, {
      tables: this.#tables,
      nowMs: this.#now(),
      write: (work) => this.#write(work, relief),
      forget: (runId) => this.#runs.forget(runId),
      readAgain: (runId) => this.items.readAgain(runId),
    });
  }

  putProblems(header: BatchHeader, problems: readonly Problem[]): Promise<BatchResult> {
    return this.#write(({ tables }) => putProblems(tables, header, problems));
  }

  listProblems(runId: string, purpose: ProblemPurpose | null): Iterable<ProblemRecord> {
    return listProblems(this.#tables, runId, purpose);
  }

  // ---- an iteration ----

  async openIteration(request: OpenRequest): Promise<IterationRecord> {
    return this.#recordOf(await this.#write((context) => openIteration(context, request)));
  }

  appendSegment(runId: string, segment: Segment): Promise<AppendResult> {
    return this.#write((context) => appendSegment(context, runId, segment));
  }

  recordScore(runId: string, score: Score): Promise<ScoreResult> {
    return this.#write((context) => recordScore(context, runId, score));
  }

  async closeIteration({ runId, iteration }: RequestOf<'closeIteration'>): Promise<IterationRecord> {
    return this.#recordOf(await this.#write((context) => closeIteration(context, runId, iteration)));
  }

  async freezeBatch(request: RequestOf<'freezeBatch'>): Promise<IterationRecord> {
    const { runId, iteration, maxGroups, minUsable, keepEqual } = request;
    const rules = { minUsable, keepEqual };
    return this.#recordOf(await this.#write((context) => freezeBatch(context, runId, iteration, maxGroups, rules)));
  }

  async commitIteration(request: RequestOf<'commitIteration'>): Promise<IterationRecord> {
    const commit = (context: WriteContext) => commitIteration(context, request, this.#runs.progressOf(request.runId));
    return this.#recordOf(await this.#write(commit));
  }

  /** @param iteration null is the newest; NOT_FOUND when there is none */
  getIteration(runId: string, iteration: number | null): IterationRecord {
    if (iteration !== null) return this.#recordOf(requireIteration(this.#tables, runId, iteration));
    requireRun(this.#tables, runId);
    const newest = newestIteration(this.#tables, runId);
    if (newest === null) throw new SegueError('NOT_FOUND', `run ${runId} has no iteration yet`);
    return this.#recordOf(newest);
  }

  getIterationProgress(runId: string, iteration: number): IterationProgress {
    return requireIteration(this.#tables, runId, iteration).progress ?? this.#runs.progressOf(runId);
  }

  *listIterations(runId: string, fromIteration: number): Iterable<IterationRecord> {
    requireRun(this.#tables, runId);
    for (const row of this.#tables.iterations.rows([runId])) {
      if (row.iteration >= fromIteration) yield this.#recordOf(row);
    }
  }

  // ---- reading ----

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

  sample(request: SampleRequest): SampleResult {
    return sampleTrajectories(this.#tables, request);
  }

  // ---- events and counters ----

  appendEvent({ runId, ...event }: RequestOf<'appendEvent'>): Promise<StoredEvent> {
    return this.#write(({ tables }) => appendEvent(tables, runId, event), { relieves: tellsOfRest(event) });
  }

  listEvents(runId: string, afterSequence: number): Iterable<StoredEvent> {
    return listEvents(this.#tables, runId, afterSequence);
  }

  statistics(runId: string): ReplayStatistics {
    return statisticsOf(this.#tables, runId);
  }

  // ---- dead letters ----

  keepMessages(messages: readonly DeadMessage[]): Promise<void> {
    return this.#write((context) => keepMessages(context, messages));
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

  requeueDeadLetter(id: string): Promise<RequeueOutcome> {
    return this.#write((context) => requeueLetter(context, id));
  }

  dropDeadLetter(id: string): Promise<DeadLetterRecord> {
    return this.#write((context) => dropLetter(context, id), relief);
  }

  // ---- what waits ----

  /** Finished trajectories without a verdict, by run, each with the number of its failed verdicts. */
  awaitingScore(): ReadonlyMap<string, ReadonlyMap<string, number>> {
    return this.#runs.awaitingScore();
  }

  /** What is in memory of runs: how many are followed, how many of their rows are kept, and how many of their tables. */
  inMemory(): { readonly runs: number; readonly rows: number; readonly tables: number } {
    return { ...this.#runs.inMemory(), tables: this.items.inMemory };
  }

  /** Lets go of the tables of runs that are over which nobody has used for minutes. */
  letGoOfTables(): void {
    this.items.letGoUnused((runId) => this.#runs.isFollowed(runId));
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

  #recordOf({ maxAttempts: _, progress, ...row }: IterationRow): IterationRecord {
    const tasks = this.#tables.plans.get([row.runId, row.iteration]) ?? [];
    return { ...row, tasks, progress: progress ?? this.#runs.progressOf(row.runId) };
  }

  async #write<T>(work: (context: WriteContext) => T, { relieves = false }: WriteOptions = {}): Promise<T> {
    const write = () => {
      const notices: Notice[] = [];
      const result = work({ tables: this.#tables, nowMs: this.#now(), note: (notice) => notices.push(notice) });
      this.items.note(notices);
      // Where the memory could not follow, nothing is written.
      this.#runs.requireReadable(notices);
      return { result, notices };
    };
    const committed = ({ notices }: { readonly notices: readonly Notice[] }) => this.#committed(notices);
    const { result } = await this.#writer.run(write, committed, { isRepeatable: true, relieves });
    return result;
  }

  #committed(notices: readonly Notice[]): void {
    if (notices.length === 0) return;
    this.#options.afterCommit?.(notices);
    this.#runs.follow(notices);
    this.items.follow(notices);
    for (const notice of notices) for (const listener of this.#listeners) listener(notice);
    for (const { runId } of notices) this.#runs.letGoIfSettled(runId);
  }
}
