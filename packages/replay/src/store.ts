/**
 * The replay store as an object: every call of the contract over one file; those that only read are reader.ts. Writes are committed to disk before they are
 * answered; after a commit the memory (followed-runs.ts) follows and listeners hear of it, then the caller is answered. Built again from the file at start.
 * It knows nothing of gRPC and of the bus.
 */
import {
  type AppendResult,
  type BatchHeader,
  type BatchResult,
  type DeadLetterRecord,
  type IterationRecord,
  isAtRest,
  type Problem,
  type ReplayApi,
  type RequeueOutcome,
  type RetentionRules,
  type RunRecord,
  type Score,
  type ScoreResult,
  type Segment,
  type StoreDamage,
  type StoredEvent,
} from '@segue/core';
import { type DeadMessage, dropLetter, keepMessages } from './dead-letters.js';
import { FollowedRuns } from './followed-runs.js';
import { ItemTables, type ItemTablesOptions } from './items/item-tables.js';
import {
  closeIteration,
  commitIteration,
  freezeBatch,
  type OpenRequest,
  openIteration,
  type WriteContext,
} from './iterations.js';
import { Keeper } from './keeper.js';
import type { Notice } from './progress.js';
import { StoreReader } from './reader.js';
import { relief, tellsOfRest } from './relief.js';
import { requeueLetter } from './requeue.js';
import { type Retirement, retireRuns } from './retention.js';
import { isRetired } from './retired.js';
import { appendEvent, putProblems, putRun, runIds } from './runs.js';
import { openTables, type Tables } from './tables.js';
import { appendSegment, recordScore } from './trajectories.js';
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

export class ReplayStore extends StoreReader {
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
    const tables = openTables(options.folder);
    const runs = new FollowedRuns(tables, (damage) => this.keeper.note(damage));
    super(tables, runs);
    this.#options = options;
    this.#now = options.now ?? Date.now;
    this.#tables = tables;
    this.#runs = runs;
    this.#writer = new Writer(tables, options);
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

  // ---- an iteration ----

  async openIteration(request: OpenRequest): Promise<IterationRecord> {
    return this.recordOf(await this.#write((context) => openIteration(context, request)));
  }

  appendSegment(runId: string, segment: Segment): Promise<AppendResult> {
    return this.#write((context) => appendSegment(context, runId, segment));
  }

  recordScore(runId: string, score: Score): Promise<ScoreResult> {
    return this.#write((context) => recordScore(context, runId, score));
  }

  async closeIteration({ runId, iteration }: RequestOf<'closeIteration'>): Promise<IterationRecord> {
    return this.recordOf(await this.#write((context) => closeIteration(context, runId, iteration)));
  }

  async freezeBatch(request: RequestOf<'freezeBatch'>): Promise<IterationRecord> {
    const { runId, iteration, maxGroups, minUsable, keepEqual } = request;
    const rules = { minUsable, keepEqual };
    return this.recordOf(await this.#write((context) => freezeBatch(context, runId, iteration, maxGroups, rules)));
  }

  async commitIteration(request: RequestOf<'commitIteration'>): Promise<IterationRecord> {
    const commit = (context: WriteContext) => commitIteration(context, request, this.#runs.progressOf(request.runId));
    return this.recordOf(await this.#write(commit));
  }

  // ---- events ----

  appendEvent({ runId, ...event }: RequestOf<'appendEvent'>): Promise<StoredEvent> {
    return this.#write(({ tables }) => appendEvent(tables, runId, event), { relieves: tellsOfRest(event) });
  }

  // ---- dead letters ----

  keepMessages(messages: readonly DeadMessage[]): Promise<void> {
    return this.#write((context) => keepMessages(context, messages));
  }

  requeueDeadLetter(id: string): Promise<RequeueOutcome> {
    return this.#write((context) => requeueLetter(context, id));
  }

  dropDeadLetter(id: string): Promise<DeadLetterRecord> {
    return this.#write((context) => dropLetter(context, id), relief);
  }

  // ---- memory ----

  /** What is in memory of runs: how many are followed, how many of their rows are kept, and how many of their tables. */
  inMemory(): { readonly runs: number; readonly rows: number; readonly tables: number } {
    return { ...this.#runs.inMemory(), tables: this.items.inMemory };
  }

  /** Lets go of the tables of runs that are over which nobody has used for minutes. */
  letGoOfTables(): void {
    this.items.letGoUnused((runId) => this.#runs.isFollowed(runId));
  }

  #write<T>(work: (context: WriteContext) => T, { relieves = false }: WriteOptions = {}): Promise<T> {
    let notices: Notice[] = [];
    const write = () => {
      // Those of a try that was undone are forgotten.
      notices = [];
      const result = work({ tables: this.#tables, nowMs: this.#now(), note: (notice) => notices.push(notice) });
      this.items.note(notices);
      // Where the memory could not follow, nothing is written.
      this.#runs.requireReadable(notices);
      return result;
    };
    return this.#writer.run(write, () => this.#committed(notices), { isRepeatable: true, relieves });
  }

  #committed(notices: readonly Notice[]): void {
    if (notices.length === 0) return;
    this.#options.afterCommit?.(notices);
    this.#runs.follow(notices, this.#writer.transactions);
    this.items.follow(notices);
    for (const notice of notices) for (const listener of this.#listeners) listener(notice);
    for (const { runId } of notices) this.#runs.letGoIfSettled(runId);
  }
}
