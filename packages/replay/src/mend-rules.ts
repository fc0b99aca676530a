/**
 * What becomes of rows that were damaged on the disk: the work is run again from the last record that is whole, never a hole that nobody sees. Pure.
 * Which rows are damaged is found in examine.ts; what is written follows from it in mend.ts.
 */
import {
  isLastSpan,
  isTerminal,
  groupId as makeGroupId,
  trajectoryId as makeTrajectoryId,
  type PlannedTask,
} from '@segue/core';
import type { GroupRow, IterationRow, SegmentRow, TrajectoryRow } from './rows.js';
import { filterReason, isGroupComplete, type UsefulRules, unjudged, withMembersOver } from './score.js';

/** The segments of a trajectory that are whole, from the first on, and the hash of prompt and tokens up to there. */
export interface GoodSegments {
  readonly rows: readonly SegmentRow[];
  readonly prefixHash: string;
}

/** The trajectory cut back to its good segments: it goes on from there. One that was given up stays so. */
export function cutBack(trajectory: TrajectoryRow, { rows, prefixHash }: GoodSegments): TrajectoryRow {
  const last = rows.at(-1);
  const shorter = {
    ...trajectory,
    segmentCount: rows.length,
    responseTokens: rows.reduce((sum, { tokenCount }) => sum + tokenCount, 0),
    prefixHash,
  };
  if (trajectory.state === 'failed') return shorter;
  return {
    ...unjudged(shorter),
    state: rows.length === 0 ? 'pending' : 'unfinished',
    lastIteration: last?.iteration ?? trajectory.firstIteration,
    endReason: last?.endReason ?? null,
    failedTries: trajectory.failedTries.filter(({ index }) => index < rows.length),
  };
}

/**
 * A trajectory whose own row is lost, from its segments: when they end it, it is judged again. In history it was over: without an end it had failed.
 * @param plannedIteration the newest plan that holds it
 */
export function rebuiltTrajectory(
  group: GroupRow,
  member: number,
  { rows, prefixHash }: GoodSegments,
  plannedIteration: number | null,
): TrajectoryRow {
  const last = rows.at(-1);
  const lastIteration = last?.iteration ?? group.iteration;
  const isEnded = last !== undefined && isTerminal(last.endReason);
  const hasFailed = isHistory(group) && !isEnded;
  return {
    id: makeTrajectoryId(group.id, member),
    groupId: group.id,
    problemId: group.problemId,
    state: hasFailed ? 'failed' : isEnded ? 'finished' : last === undefined ? 'pending' : 'unfinished',
    segmentCount: rows.length,
    responseTokens: rows.reduce((sum, { tokenCount }) => sum + tokenCount, 0),
    firstIteration: group.iteration,
    lastIteration,
    endReason: hasFailed ? 'error' : (last?.endReason ?? null),
    plannedIteration: plannedIteration ?? lastIteration,
    prefixHash,
    failedTries: [],
    score: null,
    scoreTries: 0,
  };
}

/** What is known of a group whose own row is lost. */
export interface GroupRemains {
  readonly runId: string;
  readonly index: number;
  readonly size: number;
  /** Those that can be read. */
  readonly members: readonly TrajectoryRow[];
  /** All of the run by their numbers; null where one cannot be read. */
  readonly iterations: readonly (IterationRow | null)[];
}

/**
 * A group whose own row is lost, from its members and from the iterations whose batch holds it. null: nobody can say what became of it, as where
 * the iteration that may have trained on it cannot be read; it must not be trained on twice.
 */
export function rebuiltGroup(
  { runId, index, size, members, iterations }: GroupRemains,
  rules: UsefulRules,
): GroupRow | null {
  const [first] = members;
  if (first === undefined) return null;
  const id = makeGroupId(runId, index);
  const begun: GroupRow = {
    id,
    runId,
    index,
    problemId: first.problemId,
    size,
    iteration: first.firstIteration,
    state: 'open',
    usable: 0,
    unequal: false,
    consumedBy: null,
  };
  const isOver = isGroupComplete(members);
  if (!isOver && members.length === size) return begun;
  const complete = withMembersOver(begun, members);
  const batch = iterations.find((row) => row?.batchGroupIds.includes(id));
  if (batch !== undefined && batch !== null) {
    if (batch.state !== 'committed') return { ...complete, state: 'frozen' };
    const { policyVersion, policyVersionOut } = batch;
    if (policyVersionOut === policyVersion) return { ...complete, state: 'filtered' };
    return { ...complete, state: 'consumed', consumedBy: policyVersionOut };
  }
  // Batches are chosen from what is over: those of earlier iterations cannot hold it.
  const later = iterations.slice(Math.max(...members.map(({ lastIteration }) => lastIteration)));
  if (later.includes(null)) return null;
  if (!isOver || members.length < size) return begun;
  const isChosen = later.some((row) => row?.state === 'frozen' || row?.state === 'committed');
  return isChosen && filterReason(complete, rules) !== null ? { ...complete, state: 'filtered' } : complete;
}

/** Whether the group was trained on or left out: what it holds is history, which cannot be run again. */
export function isHistory({ state }: Pick<GroupRow, 'state'>): boolean {
  return state === 'consumed' || state === 'filtered';
}

/** The group after its members were mended: it waits again when one of them does. */
export function afterMending(group: GroupRow, members: readonly TrajectoryRow[]): GroupRow {
  if (isHistory(group) || isGroupComplete(members)) return group;
  return { ...group, state: 'open', usable: 0, unequal: false };
}

/** An iteration whose frozen batch lost a group: it is frozen again with what is whole. */
export function unfrozen(iteration: IterationRow): IterationRow {
  return { ...iteration, state: 'closed', batchGroupIds: [] };
}

/** The run's rules of how many iterations a trajectory may span. */
export type SpanRules = Parameters<typeof isLastSpan>[2];

/** The tasks of an iteration whose plan is lost, oldest first: who has a segment of it, or was planned in it and waits. */
export function rebuiltPlan(
  iteration: number,
  trajectories: readonly TrajectoryRow[],
  rules: SpanRules,
): PlannedTask[] {
  return trajectories
    .filter(({ plannedIteration }) => plannedIteration === iteration)
    .map((trajectory) => {
      const { id, groupId, problemId, segmentCount, firstIteration, lastIteration } = trajectory;
      const isDone = segmentCount > 0 && lastIteration === iteration;
      const segmentIndex = isDone ? segmentCount - 1 : segmentCount;
      const lastSpan = isLastSpan({ segmentCount: segmentIndex, firstIteration }, iteration, rules);
      return { trajectoryId: id, groupId, problemId, segmentIndex, lastSpan };
    });
}
