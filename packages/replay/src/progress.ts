/**
 * What an iteration has come to so far, counted as it happens, so that it can be read many times a second; and what of a run waits
 * outside of it. Kept in memory, after the commit, and built again from the tables at start (store.ts). Pure.
 */
import { type EndReason, type IterationProgress, isTerminal, type PlannedTask, parseTrajectoryId } from '@segue/core';
import { isSpanning } from './append.js';
import { type GroupRow, moveCount, type SegmentRow, type TrajectoryRow } from './rows.js';
import { filterReason, isJudged, scoreAttempt, type UsefulRules } from './score.js';

type Waiting = Pick<
  IterationProgress,
  'completeGroups' | 'usefulGroups' | 'usefulGroupsInOrder' | 'awaitingScore' | 'groupsAwaitingScore'
>;

/** Counts one iteration. */
export class IterationTally {
  readonly iteration: number;
  /** Trajectories that owe a segment, with the index of their group. */
  readonly #open: Map<string, number>;
  #committedTasks = 0;
  #generatedTokens = 0;
  #reprefilledTokens = 0;
  #promptTokens = 0;
  #byEndReason: Partial<Record<EndReason, number>> = {};
  #byActor: Partial<Record<string, number>> = {};
  #spanning = 0;
  #rewardSum = 0;
  #judged = 0;
  readonly #responseTokens: number[] = [];

  constructor(iteration: number, tasks: readonly PlannedTask[]) {
    this.iteration = iteration;
    this.#open = new Map(tasks.map(({ trajectoryId: id }) => [id, parseTrajectoryId(id).groupIndex]));
  }

  /** A segment of this iteration was committed. @param trajectory as it is with the segment */
  addSegment(trajectory: TrajectoryRow, segment: SegmentRow): void {
    this.#open.delete(trajectory.id);
    this.#committedTasks++;
    this.#generatedTokens += segment.tokenCount;
    this.#reprefilledTokens += segment.meter.reprefillTokens;
    this.#promptTokens += segment.meter.promptTokens;
    this.#byEndReason = moveCount(this.#byEndReason, null, segment.endReason);
    this.#byActor = moveCount(this.#byActor, null, segment.actorId);
    if (!isTerminal(segment.endReason)) return;
    this.#responseTokens.push(trajectory.responseTokens);
    if (isSpanning(trajectory)) this.#spanning++;
  }

  /** A try of this iteration failed. A trajectory that is given up owes no segment. */
  addFailedTry(trajectory: TrajectoryRow): void {
    this.#byEndReason = moveCount(this.#byEndReason, null, 'error');
    if (trajectory.state === 'failed') this.#open.delete(trajectory.id);
  }

  /** A trajectory was judged; counts when it finished in this iteration. */
  addVerdict(trajectory: TrajectoryRow): void {
    const { score } = trajectory;
    if (trajectory.lastIteration !== this.iteration || score === null || !isJudged(score)) return;
    this.#judged++;
    this.#rewardSum += score.reward ?? 0;
  }

  /** Adds what a trajectory of the plan has come to, read from the tables. @param newest its newest segment */
  restore(trajectory: TrajectoryRow, newest: SegmentRow | undefined): void {
    for (const { iteration } of trajectory.failedTries) if (iteration === this.iteration) this.addFailedTry(trajectory);
    if (newest === undefined || newest.iteration !== this.iteration) return;
    this.addSegment(trajectory, newest);
    if (trajectory.state === 'scored') this.addVerdict(trajectory);
  }

  /** Index of the first group that owes a segment; Infinity when none does. */
  firstOpenGroup(): number {
    let first = Number.POSITIVE_INFINITY;
    for (const index of this.#open.values()) first = Math.min(first, index);
    return first;
  }

  snapshot(waiting: Waiting): IterationProgress {
    return {
      ...waiting,
      committedTasks: this.#committedTasks,
      openTrajectoryIds: [...this.#open.keys()],
      generatedTokens: this.#generatedTokens,
      reprefilledTokens: this.#reprefilledTokens,
      promptTokens: this.#promptTokens,
      segmentsByEndReason: this.#byEndReason,
      segmentsByActor: Object.fromEntries(Object.entries(this.#byActor).map(([actor, count]) => [actor, count ?? 0])),
      finishedTrajectories: this.#responseTokens.length,
      spanningTrajectories: this.#spanning,
      rewardSum: this.#rewardSum,
      judged: this.#judged,
      responseTokens: Uint32Array.from(this.#responseTokens),
    };
  }
}

/** What was committed, told once to the memory and to whoever listens. Rows are as they are afterwards. */
export type Notice =
  | {
      readonly kind: 'opened';
      readonly runId: string;
      readonly iteration: number;
      readonly tasks: readonly PlannedTask[];
    }
  | {
      readonly kind: 'segment';
      readonly runId: string;
      readonly trajectory: TrajectoryRow;
      readonly segment: SegmentRow;
    }
  | {
      readonly kind: 'failed-try';
      readonly runId: string;
      readonly trajectory: TrajectoryRow;
      readonly iteration: number;
    }
  | { readonly kind: 'score'; readonly runId: string; readonly trajectory: TrajectoryRow }
  /** One that was given up is to be generated again. */
  | { readonly kind: 'requeued'; readonly runId: string; readonly trajectory: TrajectoryRow }
  | { readonly kind: 'group'; readonly runId: string; readonly group: GroupRow }
  | { readonly kind: 'iteration'; readonly runId: string; readonly iteration: number };

/** What a run waits for: verdicts, groups to be trained on, the newest iteration's tasks. */
export class RunProgress {
  readonly rules: UsefulRules;
  /** Finished trajectories without a verdict, with the number of their failed verdicts. */
  readonly awaiting = new Map<string, number>();
  /** Trajectories that are still to be generated, by the index of their group. */
  readonly #unfinished = new Map<number, Set<string>>();
  readonly #complete = new Map<string, GroupRow>();
  #useful = 0;
  tally: IterationTally | null = null;
  /** The run has ended for good: it is followed only for the verdicts that it still waits for. */
  isOver = false;

  constructor(rules: UsefulRules) {
    this.rules = rules;
  }

  apply(notice: Notice): void {
    switch (notice.kind) {
      case 'opened':
        this.tally = new IterationTally(notice.iteration, notice.tasks);
        for (const { trajectoryId } of notice.tasks) this.addUnfinished(trajectoryId);
        break;
      case 'segment':
        if (this.tally?.iteration === notice.segment.iteration) {
          this.tally.addSegment(notice.trajectory, notice.segment);
        }
        this.setAwaiting(notice.trajectory);
        this.#setUnfinished(notice.trajectory);
        break;
      case 'failed-try':
        if (this.tally?.iteration === notice.iteration) this.tally.addFailedTry(notice.trajectory);
        this.#setUnfinished(notice.trajectory);
        break;
      case 'score':
        this.tally?.addVerdict(notice.trajectory);
        this.setAwaiting(notice.trajectory);
        break;
      case 'requeued':
        this.#setUnfinished(notice.trajectory);
        break;
      case 'group':
        this.setGroup(notice.group);
        break;
      case 'iteration':
        break;
    }
  }

  setAwaiting(trajectory: TrajectoryRow): void {
    if (trajectory.state === 'finished') this.awaiting.set(trajectory.id, scoreAttempt(trajectory));
    else this.awaiting.delete(trajectory.id);
  }

  addUnfinished(id: string): void {
    const { groupIndex } = parseTrajectoryId(id);
    const ofGroup = this.#unfinished.get(groupIndex);
    if (ofGroup === undefined) this.#unfinished.set(groupIndex, new Set([id]));
    else ofGroup.add(id);
  }

  #setUnfinished({ id, state }: TrajectoryRow): void {
    if (state === 'pending' || state === 'unfinished') {
      this.addUnfinished(id);
      return;
    }
    const { groupIndex } = parseTrajectoryId(id);
    const ofGroup = this.#unfinished.get(groupIndex);
    ofGroup?.delete(id);
    if (ofGroup?.size === 0) this.#unfinished.delete(groupIndex);
  }

  setGroup(group: GroupRow): void {
    const before = this.#complete.get(group.id);
    if (before !== undefined && this.#isUseful(before)) this.#useful--;
    this.#complete.delete(group.id);
    if (group.state !== 'complete') return;
    this.#complete.set(group.id, group);
    if (this.#isUseful(group)) this.#useful++;
  }

  snapshot(): IterationProgress {
    const tally = this.tally ?? new IterationTally(-1, []);
    return tally.snapshot({
      completeGroups: this.#complete.size,
      usefulGroups: this.#useful,
      usefulGroupsInOrder: this.#usefulBefore(tally.firstOpenGroup()),
      awaitingScore: this.awaiting.size,
      groupsAwaitingScore: this.#groupsAwaitingScore(),
    });
  }

  /** Useful groups before `index` and before every group that waits for a verdict. */
  #usefulBefore(index: number): number {
    let end = index;
    for (const id of this.awaiting.keys()) end = Math.min(end, parseTrajectoryId(id).groupIndex);
    let count = 0;
    for (const group of this.#complete.values()) if (group.index < end && this.#isUseful(group)) count++;
    return count;
  }

  #groupsAwaitingScore(): number {
    const groups = new Set<number>();
    for (const id of this.awaiting.keys()) groups.add(parseTrajectoryId(id).groupIndex);
    let count = 0;
    for (const index of groups) if (!this.#unfinished.has(index)) count++;
    return count;
  }

  #isUseful(group: GroupRow): boolean {
    return filterReason(group, this.rules) === null;
  }
}
