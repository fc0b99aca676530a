/** A run while it is executed: what the verbs of the run loop share. It decides nothing. */

import { isTracing, type TraceParent } from '@segue/bus';
import {
  type Candidate,
  type IterationProgress,
  type IterationRecord,
  isAtRest,
  type Phase,
  type PolicyVersionInfo,
  type ProblemRecord,
  parseTrajectoryId,
  type RunConfig,
  type RunEventKind,
  type RunEvents,
  type RunRecord,
  type TrajectorySummary,
} from '@segue/core';
import { Bell } from './bell.js';
import { type Cluster, collect, orNull } from './cluster.js';
import type { Journal } from './journal.js';
import type { ControllerMetrics } from './metrics.js';
import { parseProgress, type RunProgress, saveProgress } from './run-progress.js';
import { TurnLog } from './turn-log.js';
import type { Waits } from './waits.js';

export interface ActiveRunParts {
  readonly runId: string;
  readonly config: RunConfig;
  readonly progress: RunProgress;
  readonly cluster: Cluster;
  readonly journal: Journal;
  readonly waits: Waits;
  readonly metrics: ControllerMetrics;
  readonly signal: AbortSignal;
}

export class ActiveRun {
  readonly id: string;
  readonly config: RunConfig;
  readonly cluster: Cluster;
  readonly waits: Waits;
  readonly metrics: ControllerMetrics;
  /** Fires when the process stops: everything is dropped, the next process goes on from the store. */
  readonly signal: AbortSignal;
  /** Rung when the store commits something of this run. */
  readonly bell = new Bell();
  /** How devices that are shared change hands. */
  readonly turns = new TurnLog();
  readonly #journal: Journal;
  readonly #halt = new AbortController();
  #progress: RunProgress;
  #phase: Phase = 'idle';
  #iteration = 0;
  #phaseSinceMs = Date.now();
  #pool: { readonly trainProblems: number; readonly candidates: readonly Candidate[] } | null = null;
  #poolIsStale = false;
  #traces: ReadonlyMap<string, TraceParent> = new Map();
  /** Index of the next group after the plans up to this iteration's. */
  #groupsPlanned: { readonly iteration: number; readonly next: number } | null = null;
  #failures = 0;
  #isLeft = false;
  #planned: { readonly iteration: number; readonly errors: ReadonlyMap<string, number> } | null = null;

  constructor(parts: ActiveRunParts) {
    this.id = parts.runId;
    this.config = parts.config;
    this.cluster = parts.cluster;
    this.waits = parts.waits;
    this.metrics = parts.metrics;
    this.signal = parts.signal;
    this.#journal = parts.journal;
    this.#progress = parts.progress;
  }

  /** Fires when the run is to come to rest: the rollout phase is closed, a training phase is finished. */
  get halt(): AbortSignal {
    return this.#halt.signal;
  }

  comeToRest(): void {
    this.#halt.abort();
  }

  get progress(): RunProgress {
    return this.#progress;
  }

  async save(changes: Partial<RunProgress>): Promise<void> {
    this.#progress = await saveProgress(this.cluster, this.id, changes);
  }

  /** Failures in a row. */
  get failures(): number {
    return this.#failures;
  }

  noteFailure(): void {
    this.#failures++;
  }

  /** What failed before is over: a step was done, or a wait that may last for hours goes on as it should. */
  noteSuccess(): void {
    this.#failures = 0;
  }

  /** Another controller was told to bring the run to rest, or has seen it end: what the run's state is to be is its to say. */
  get isLeft(): boolean {
    return this.#isLeft;
  }

  /** Reads what the store has by now; what was counted stays. A run that is at rest in the store comes to rest here. */
  async readProgress(): Promise<RunRecord> {
    const replay = await this.cluster.replay();
    const record = await replay.getRun({ runId: this.id });
    this.#progress = parseProgress(record);
    if (!isAtRest(record) || this.#isLeft) return record;
    this.#isLeft = true;
    const fields = { run: this.id, state: record.state, iteration: this.#iteration };
    this.cluster.log.warn(fields, 'another controller has brought the run to rest: it is left as it is');
    this.comeToRest();
    return record;
  }

  /** Another controller has gone on with the run: what was read and counted of it is forgotten. */
  async readAnew(): Promise<void> {
    this.cluster.log.warn(
      { run: this.id, iteration: this.#iteration },
      'another controller has gone on with the run: its state is read anew',
    );
    await this.readProgress();
    this.#groupsPlanned = null;
    this.#planned = null;
    this.#poolIsStale = true;
  }

  get phase(): { readonly phase: Phase; readonly iteration: number; readonly sinceMs: number } {
    return { phase: this.#phase, iteration: this.#iteration, sinceMs: this.#phaseSinceMs };
  }

  async enter(phase: Phase, iteration: number): Promise<void> {
    if (this.#phase === phase && this.#iteration === iteration) return;
    this.#phase = phase;
    this.#iteration = iteration;
    this.#phaseSinceMs = Date.now();
    this.metrics.iteration.set(iteration);
    await this.tell('phase', { phase, iteration });
  }

  /** Writes an event; one with a key is written once. */
  tell<K extends RunEventKind>(kind: K, body: RunEvents[K], key?: string): Promise<void> {
    return this.#journal.append(this.id, kind, body, key);
  }

  /** The newest iteration in the store; null before the first. */
  async latestIteration(): Promise<IterationRecord | null> {
    const replay = await this.cluster.replay();
    return orNull(replay.getIteration({ runId: this.id, iteration: null }));
  }

  /** Whether the store names this version as the newest. */
  async isNewest({ ref: { version, manifestSha256 } }: PolicyVersionInfo): Promise<boolean> {
    await this.readProgress();
    const newest = this.#progress.policy?.ref;
    return newest?.version === version && newest.manifestSha256 === manifestSha256;
  }

  /** Whether an iteration is the newest one still, and in this state. If not, another controller has gone on with the run: what was read of it is read anew. */
  async isStill(state: IterationRecord['state'], iteration: number): Promise<boolean> {
    const latest = await this.latestIteration();
    if (latest?.iteration === iteration && latest.state === state) return true;
    await this.readAnew();
    return false;
  }

  /** How far an iteration has come. */
  async iterationProgress(iteration: number): Promise<IterationProgress> {
    const replay = await this.cluster.replay();
    return replay.getIterationProgress({ runId: this.id, iteration });
  }

  /** A problem was given up or asked for: the sampler has to know. */
  forgetCandidates(): void {
    this.#poolIsStale = true;
  }

  /** What the sampler draws from. Success counts are read again only when the sampler looks at them. */
  async candidates(): Promise<readonly Candidate[]> {
    const replay = await this.cluster.replay();
    const { trainProblems } = await replay.getRun({ runId: this.id });
    const fresh = this.#pool?.trainProblems === trainProblems && this.config.problems.sampler !== 'prioritized';
    if (this.#pool === null || !fresh || this.#poolIsStale) {
      this.#poolIsStale = false;
      const records = await collect(replay.listProblems({ runId: this.id, purpose: 'train' }));
      this.#pool = { trainProblems, candidates: records.map(candidateOf) };
      this.#traces = new Map(
        records.flatMap(({ problem: { id, traceParent } }) => (traceParent === undefined ? [] : [[id, traceParent]])),
      );
    }
    return this.#pool.candidates;
  }

  /** Where training problems belong, by id: those that are traced alone. */
  async traces(): Promise<ReadonlyMap<string, TraceParent>> {
    if (!isTracing()) return this.#traces;
    // After a restart in the middle of an iteration nothing has been read yet.
    if (this.#pool === null) await this.candidates();
    return this.#traces;
  }

  /** Index of the first new group of an iteration: read from the plans once, then counted on for as long as no other controller plans. */
  async nextGroupIndex(iteration: number): Promise<number> {
    if (this.#groupsPlanned?.iteration !== iteration - 1) {
      const replay = await this.cluster.replay();
      let next = 0;
      for await (const record of replay.listIterations({ runId: this.id, fromIteration: 0 })) {
        next = Math.max(next, groupIndexAfter(record));
      }
      this.#groupsPlanned = { iteration: iteration - 1, next };
    }
    return this.#groupsPlanned.next;
  }

  /** Failed tries of an iteration's trajectories as they were planned, by id; null when another process planned it. */
  errorsAtPlan(iteration: number): ReadonlyMap<string, number> | null {
    return this.#planned?.iteration === iteration ? this.#planned.errors : null;
  }

  /** Takes note of a plan as the store holds it. @param unfinished what it was made from */
  notePlan(record: IterationRecord, unfinished: readonly TrajectorySummary[]): void {
    const failed = unfinished.filter(({ errors }) => errors > 0);
    this.#planned = { iteration: record.iteration, errors: new Map(failed.map(({ id, errors }) => [id, errors])) };
    const { iteration } = record;
    const before = this.#groupsPlanned;
    // Unknown again where what was counted is not of the plans just before this one.
    this.#groupsPlanned =
      before?.iteration === iteration - 1 ? { iteration, next: Math.max(before.next, groupIndexAfter(record)) } : null;
  }
}

function groupIndexAfter(record: IterationRecord): number {
  return record.tasks.reduce((next, task) => Math.max(next, 1 + parseTrajectoryId(task.trajectoryId).groupIndex), 0);
}

function candidateOf(record: ProblemRecord): Candidate {
  const { problem, attempts, successes, openGroups, givenUp, requeued } = record;
  return { id: problem.id, difficulty: problem.difficulty, attempts, successes, openGroups, givenUp, requeued };
}
