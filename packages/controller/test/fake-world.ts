/**
 * The world of the controller's tests, in memory: what a store, a bus and one actor hold, with the meaning that the protos give to
 * their calls. It outlives controllers, so that one can be killed and another go on.
 */
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ActivePolicy, Delivered, Deliveries, IterationSignal, Registration } from '@segue/bus';
import {
  type EndReason,
  type Group,
  hashText,
  type IterationPlan,
  type IterationProgress,
  type IterationRecord,
  type PlannedTask,
  type PolicyVersionInfo,
  type Problem,
  parseTrajectoryId,
  type RefusedRun,
  type RolloutTask,
  type RunRecord,
  type Score,
  SegueError,
  type StoredEvent,
  type TrajectorySummary,
  trajectoryId,
} from '@segue/core';

export interface FakeSegment {
  readonly index: number;
  readonly iteration: number;
  readonly version: number;
  readonly endReason: EndReason;
  readonly attempt: number;
}
interface FakeTrajectory extends Omit<TrajectorySummary, 'segmentCount' | 'lastIteration' | 'endReason'> {
  segments: FakeSegment[];
  state: TrajectorySummary['state'];
  errors: number;
  reward: number | null;
}
interface FakeIteration {
  record: IterationRecord;
  maxAttempts: number;
}

/** Delivered once and not given back, but for what a test says. */
export function deliveredTask(value: RolloutTask, deliveries: Partial<Deliveries> = {}): Delivered<RolloutTask> {
  return { value, deliveryCount: 1, lostBefore: 0, isNewestLost: true, ...deliveries };
}

export const notFound = (what: string) => new SegueError('NOT_FOUND', `${what} is not there`);

export class World {
  readonly folder = mkdtempSync(join(tmpdir(), 'segue-controller-'));
  readonly runs = new Map<string, RunRecord>();
  readonly problems: { runId: string; problem: Problem }[] = [];
  readonly iterations = new Map<string, FakeIteration[]>();
  readonly groups = new Map<string, Group & { state: 'open' | 'frozen' | 'consumed' | 'filtered' }>();
  readonly trajectories = new Map<string, FakeTrajectory>();
  readonly events = new Map<string, (StoredEvent & { key: string })[]>();
  readonly policies: PolicyVersionInfo[] = [];
  readonly trained: string[] = [];
  queue: RolloutTask[] = [];
  readonly published: RolloutTask[] = [];
  signal: IterationSignal | null = null;
  active: ActivePolicy | null = null;
  flushed: number | null = null;
  readonly held = new Map<string, RolloutTask>();
  readonly nudges = new Set<() => void>();
  readonly generateCalls: { actor: string; ids: string[]; version: number | null; pinned: string[] }[] = [];
  /** Actor and version, as they were asked to make it ready. */
  readonly prepared: string[] = [];
  /** Versions that the controller has pinned now, as `<run>/<version>`. */
  readonly pinned: string[] = [];

  /** How many tries were marked as lost with their actors, by trajectory. */
  readonly lostTries = new Map<string, number>();

  /** Segments that were published and not yet taken in. */
  readonly stream: RolloutTask[] = [];

  /** How often the queues were looked at, and the unfinished trajectories listed. */
  readonly looks = { queues: 0, trajectories: 0 };

  // What a test may change.
  /** How long a flush takes, and then the store. */
  slowMs = 0;
  actors = ['actor-0'];
  /** How the actor ends a segment; null: it runs until the iteration is closed; `lose`: it is never heard of again; `leave`: not taken. */
  endOf = (task: RolloutTask): EndReason | 'lose' | 'leave' | null => {
    const { groupIndex } = parseTrajectoryId(task.trajectoryId);
    if (task.segmentIndex >= groupIndex % 3) return 'stop';
    return task.lastSpan ? 'length' : 'budget';
  };
  rewardOf = (id: string) => (id.endsWith('t0') ? 1 : 0);
  scoreOf = (id: string): Score['status'] => (hashText(id, 2) % 3 === 0 ? 'wrong' : 'ok');
  /** Nobody judges: what ends waits for its verdict until `judge`. */
  scorersAreAway = false;
  /** What is put into the queue is neither given to anybody nor counted, until it is emptied. */
  deafQueue = false;
  /** What happens at the moment that the queue is emptied. */
  onEmptied = (): void => undefined;
  /** What actors say that their engines cannot generate for. What becomes of tasks is for `endOf` to say. */
  refusedRuns: RefusedRun[] = [];
  /** For how long the queue leases a task. */
  leaseMs = 10;
  /** Leases that no actor has. */
  leasesOfTheDead = 0;
  /** What the queue says was delivered to somebody. */
  delivered = (_runId: string): Delivered<RolloutTask>[] => [...this.held.values()].map((task) => deliveredTask(task));
  /** Problems that are not drawn. */
  readonly givenUp = new Set<string>();
  beforeGenerate = (_actor: string, _ids: readonly string[]): void => undefined;
  trainFails: (() => SegueError | null) | null = null;

  // ---- the actor ----

  /** Takes what is in the queue, as far as the signal and the served version allow. */
  pump(): void {
    const gate = this.signal;
    if (gate === null || !gate.open || this.active?.version !== gate.policyVersion || this.actors.length === 0) return;
    if (this.deafQueue) return;
    for (const task of this.queue.splice(0)) {
      const end = this.endOf(task);
      if (end === 'lose') continue;
      if (end === 'leave') this.queue.push(task);
      else if (end === null) this.held.set(task.trajectoryId, task);
      else this.append(task, end);
    }
  }

  /** The store's compare-and-append. */
  append(task: RolloutTask, endReason: EndReason): void {
    const trajectory = this.trajectories.get(task.trajectoryId)!;
    const iteration = this.iterations.get(task.runId)![task.iteration]!;
    if (iteration.record.state !== 'open' || trajectory.segments.length !== task.segmentIndex) return;
    if (endReason === 'error') {
      trajectory.errors++;
      if (trajectory.errors >= iteration.maxAttempts) trajectory.state = 'failed';
    } else {
      const { segmentIndex, iteration: at, policyVersion, attempt } = task;
      trajectory.segments.push({ index: segmentIndex, iteration: at, version: policyVersion, endReason, attempt });
      trajectory.errors = 0;
      trajectory.state = ['stop', 'repeat', 'length'].includes(endReason) ? 'finished' : 'unfinished';
      if (!this.scorersAreAway) this.judge(trajectory.id);
    }
    this.failedTries += endReason === 'error' ? 1 : 0;
    for (const nudge of this.nudges) nudge();
  }
  failedTries = 0;

  /** Finished trajectories without a verdict. */
  awaiting(runId: string): string[] {
    const ofRun = (groupId: string) => this.groups.get(groupId)!.runId === runId;
    return [...this.trajectories.values()]
      .filter(({ state, groupId }) => state === 'finished' && ofRun(groupId))
      .map(({ id }) => id);
  }

  /** A verdict comes for one that has finished. */
  judge(id: string): void {
    const trajectory = this.trajectories.get(id)!;
    if (trajectory.state !== 'finished') return;
    trajectory.state = 'scored';
    trajectory.reward = this.rewardOf(id);
    for (const nudge of this.nudges) nudge();
  }

  putSignal(signal: IterationSignal): void {
    this.signal = signal;
    if (signal.open) this.flushed = signal.iteration > 0 ? signal.iteration - 1 : this.flushed;
    else if (this.slowMs === 0) {
      this.flush(signal.iteration);
      this.consume();
    } else {
      setTimeout(() => this.flush(signal.iteration), this.slowMs);
      setTimeout(() => this.consume(), 2 * this.slowMs);
    }
    this.pump();
  }

  /** The actor cuts what runs, and publishes it. */
  flush(iteration: number): void {
    this.stream.push(...this.held.values());
    this.held.clear();
    this.flushed = iteration;
  }

  /** The store takes in what was published. */
  consume(): void {
    for (const task of this.stream.splice(0)) this.append(task, task.lastSpan ? 'length' : 'yield');
  }

  registration(id: string): Registration {
    return {
      id,
      service: 'actor',
      address: id,
      metricsAddress: '',
      policyVersion: this.active?.version ?? null,
      slots: 4,
      running: this.held.size,
      flushedIteration: this.flushed,
      runId: this.active?.runId ?? '',
      seenAtMs: 0,
      published: {},
    };
  }

  // ---- the store ----

  isComplete(group: Group): boolean {
    return this.membersOf(group).every(({ state }) => state === 'scored' || state === 'failed');
  }
  /** For nothing else: no member is still to be generated. */
  waitsForVerdicts(group: Group): boolean {
    const states = this.membersOf(group).map(({ state }) => state);
    return states.includes('finished') && !states.includes('pending') && !states.includes('unfinished');
  }
  membersOf(group: Group): FakeTrajectory[] {
    return Array.from({ length: group.size }, (_, k) => this.trajectories.get(trajectoryId(group.id, k))!);
  }
  isUseful(group: Group): boolean {
    const rewards = this.membersOf(group).flatMap(({ reward }) => (reward === null ? [] : [reward]));
    return rewards.length >= 2 && new Set(rewards).size > 1;
  }
  ready(runId: string): Group[] {
    return [...this.groups.values()].filter((g) => g.runId === runId && g.state === 'open' && this.isComplete(g));
  }

  progress(runId: string, iteration: number, tasks: readonly PlannedTask[]): IterationProgress {
    const planned = tasks.map((task) => this.trajectories.get(task.trajectoryId)!);
    const segments = planned.flatMap((t) => t.segments.filter((segment) => segment.iteration === iteration));
    const finished = planned.filter((t) => t.state === 'scored' && t.segments.at(-1)?.iteration === iteration);
    const open = planned.filter(
      (t) => t.state !== 'failed' && !t.segments.some((segment) => segment.iteration === iteration),
    );
    const firstOpen = Math.min(...open.map(({ id }) => parseTrajectoryId(id).groupIndex));
    const useful = this.ready(runId).filter((group) => this.isUseful(group));
    const count = (reason: EndReason) => segments.filter(({ endReason }) => endReason === reason).length;
    return {
      committedTasks: segments.length,
      openTrajectoryIds: open.map(({ id }) => id),
      completeGroups: this.ready(runId).length,
      usefulGroups: useful.length,
      usefulGroupsInOrder: useful.filter(({ index }) => index < firstOpen).length,
      awaitingScore: this.awaiting(runId).length,
      groupsAwaitingScore: [...this.groups.values()].filter((g) => g.runId === runId && this.waitsForVerdicts(g))
        .length,
      generatedTokens: 10 * segments.length,
      reprefilledTokens: 0,
      promptTokens: 0,
      segmentsByEndReason: {
        stop: count('stop'),
        budget: count('budget'),
        yield: count('yield'),
        error: this.failedTries,
      },
      segmentsByActor: {},
      finishedTrajectories: finished.length,
      spanningTrajectories: finished.filter((t) => t.segments.length > 1).length,
      rewardSum: finished.reduce((sum, t) => sum + (t.reward ?? 0), 0),
      judged: finished.length,
      responseTokens: Uint32Array.from(finished, (t) => 10 * t.segments.length),
    };
  }

  view({ record }: FakeIteration): IterationRecord {
    if (record.state === 'committed') return record;
    return { ...record, progress: this.progress(record.runId, record.iteration, record.tasks) };
  }

  open(request: IterationPlan & { runId: string; iteration: number; policyVersion: number; maxAttempts: number }) {
    const { runId, iteration, policyVersion, tasks, newGroups, maxAttempts } = request;
    const all = this.iterations.get(runId) ?? [];
    this.iterations.set(runId, all);
    const kept = all[iteration];
    if (kept !== undefined) return this.view(kept);
    if (iteration !== all.length || (all.at(-1)?.record.state ?? 'committed') !== 'committed') {
      throw new SegueError('FAILED_PRECONDITION', `iteration ${iteration} is out of order`);
    }
    for (const group of newGroups) {
      if (this.groups.has(group.id)) throw new SegueError('INVALID_INPUT', `group ${group.id} is there`);
      this.groups.set(group.id, { ...group, state: 'open' });
      for (let k = 0; k < group.size; k++) {
        const id = trajectoryId(group.id, k);
        const { problemId } = group;
        this.trajectories.set(id, {
          id,
          groupId: group.id,
          problemId,
          state: 'pending',
          responseTokens: 0,
          firstIteration: iteration,
          errors: 0,
          reward: null,
          segments: [],
        });
      }
    }
    this.failedTries = 0;
    const record: IterationRecord = {
      runId,
      iteration,
      state: 'open',
      policyVersion,
      policyVersionOut: policyVersion,
      tasks,
      progress: this.progress(runId, iteration, tasks),
      batchGroupIds: [],
      filteredEqual: 0,
      filteredUnusable: 0,
      metricsJson: '',
      openedAtMs: Date.now(),
      closedAtMs: 0,
      committedAtMs: 0,
    };
    all.push({ record, maxAttempts });
    return this.view(all[iteration]!);
  }

  change(runId: string, iteration: number, from: IterationRecord['state'], next: () => Partial<IterationRecord>) {
    const entry = this.iterations.get(runId)?.[iteration];
    if (entry === undefined) throw notFound(`iteration ${iteration}`);
    if (entry.record.state === from) entry.record = { ...this.view(entry), ...next() };
    return this.view(entry);
  }

  freeze(runId: string, maxGroups: number): Partial<IterationRecord> {
    const ready = this.ready(runId);
    const useful = ready.filter((group) => this.isUseful(group));
    const batch = useful.slice(0, maxGroups);
    for (const group of batch) this.groups.get(group.id)!.state = 'frozen';
    for (const group of ready.filter((g) => !this.isUseful(g))) this.groups.get(group.id)!.state = 'filtered';
    return {
      state: 'frozen',
      batchGroupIds: batch.map(({ id }) => id),
      filteredEqual: ready.length - useful.length,
    };
  }

  summaries(runId: string): TrajectorySummary[] {
    return [...this.trajectories.values()]
      .filter((t) => this.groups.get(t.groupId)!.runId === runId && (t.state === 'pending' || t.state === 'unfinished'))
      .map(({ segments, ...t }) => ({
        ...t,
        segmentCount: segments.length,
        lastIteration: segments.at(-1)?.iteration ?? t.firstIteration,
        endReason: segments.at(-1)?.endReason ?? null,
      }));
  }

  addProblems(runId: string, problems: readonly Problem[]): void {
    for (const problem of problems) this.problems.push({ runId, problem });
  }

  policy(runId: string, version: number): PolicyVersionInfo {
    const ref = { runId, version, manifestSha256: `sha-${version}` };
    return { ref, parent: Math.max(0, version - 1), bytes: 1, folder: this.folder };
  }
}
