/**
 * The rules for an iteration's life: open -> closed -> frozen -> committed, what may follow what, and which groups a batch holds. Pure.
 */
import {
  type Group,
  groupId as makeGroupId,
  trajectoryId as makeTrajectoryId,
  type PlannedTask,
  SegueError,
} from '@segue/core';
import type { GroupRow, IterationRow, TrajectoryRow } from './rows.js';
import { filterReason, type UsefulRules } from './score.js';

/** Refuses to open an iteration out of order. @param newest the newest iteration of the run, not this one */
export function requireOpenable(
  { runId, iteration, policyVersion }: Pick<IterationRow, 'runId' | 'iteration' | 'policyVersion'>,
  newest: IterationRow | null,
): void {
  const refuse = (why: string) => new SegueError('FAILED_PRECONDITION', `iteration ${iteration} of ${runId}: ${why}`);
  const expected = newest === null ? 0 : newest.iteration + 1;
  if (iteration !== expected) throw refuse(`the next one is ${expected}`);
  if (newest === null) return;
  if (newest.state !== 'committed') throw refuse(`iteration ${newest.iteration} is ${newest.state}, not committed`);
  if (policyVersion !== newest.policyVersionOut) {
    throw refuse(`it follows version ${newest.policyVersionOut}, not ${policyVersion}`);
  }
}

/** Refuses groups that do not belong to the plan. @param exists whether a group index is taken */
export function requireNewGroups(
  runId: string,
  iteration: number,
  groups: readonly Group[],
  exists: (index: number) => boolean,
): void {
  const seen = new Set<number>();
  for (const group of groups) {
    const wrong = (what: string) => new SegueError('INVALID_INPUT', `new group ${group.id}: ${what}`);
    if (group.runId !== runId) throw wrong(`belongs to run ${group.runId}, not ${runId}`);
    if (group.id !== makeGroupId(runId, group.index)) throw wrong(`its id must be ${makeGroupId(runId, group.index)}`);
    if (group.iteration !== iteration) throw wrong(`names iteration ${group.iteration}, not ${iteration}`);
    if (group.size < 1 || group.size > 65_536) throw wrong(`size ${group.size} is not within 1 and 65536`);
    if (seen.has(group.index) || exists(group.index)) throw wrong('its index is taken');
    seen.add(group.index);
  }
}

/** Refuses tasks that do not go on where their trajectories stand. @param find a trajectory, those of new groups included */
export function requireTasks(tasks: readonly PlannedTask[], find: (id: string) => TrajectoryRow | undefined): void {
  const seen = new Set<string>();
  for (const task of tasks) {
    const { trajectoryId } = task;
    const trajectory = find(trajectoryId);
    if (trajectory === undefined) throw new SegueError('NOT_FOUND', `task for ${trajectoryId}: no such trajectory`);
    const refuse = (why: string) => new SegueError('FAILED_PRECONDITION', `task for ${trajectoryId}: ${why}`);
    if (seen.has(trajectoryId)) throw refuse('it is planned twice');
    if (trajectory.state !== 'pending' && trajectory.state !== 'unfinished') throw refuse(`it is ${trajectory.state}`);
    if (task.segmentIndex !== trajectory.segmentCount) {
      throw refuse(`its next segment is ${trajectory.segmentCount}, not ${task.segmentIndex}`);
    }
    if (task.groupId !== trajectory.groupId || task.problemId !== trajectory.problemId) {
      throw refuse(`it belongs to group ${trajectory.groupId} and problem ${trajectory.problemId}`);
    }
    seen.add(trajectoryId);
  }
}

/** The members of a new group, before anything is generated. @param promptHash hash of the problem's prompt tokens */
export function newTrajectories(group: Group, promptHash: string): TrajectoryRow[] {
  return Array.from({ length: group.size }, (_, member) => ({
    id: makeTrajectoryId(group.id, member),
    groupId: group.id,
    problemId: group.problemId,
    state: 'pending',
    segmentCount: 0,
    responseTokens: 0,
    firstIteration: group.iteration,
    lastIteration: group.iteration,
    endReason: null,
    plannedIteration: group.iteration,
    prefixHash: promptHash,
    failedTries: [],
    score: null,
    scoreTries: 0,
  }));
}

export interface FrozenBatch {
  readonly batch: readonly GroupRow[];
  readonly filteredEqual: readonly GroupRow[];
  readonly filteredUnusable: readonly GroupRow[];
}

/** Chooses what an iteration trains on. @param complete oldest first @param maxGroups 0 is no limit; what is left over waits */
export function selectBatch(complete: readonly GroupRow[], maxGroups: number, rules: UsefulRules): FrozenBatch {
  const useful = complete.filter((group) => filterReason(group, rules) === null);
  return {
    batch: maxGroups === 0 ? useful : useful.slice(0, maxGroups),
    filteredEqual: complete.filter((group) => filterReason(group, rules) === 'equal'),
    filteredUnusable: complete.filter((group) => filterReason(group, rules) === 'unusable'),
  };
}

/** Refuses to freeze an iteration that still takes segments. */
export function requireClosed(iteration: IterationRow): void {
  if (iteration.state !== 'open') return;
  throw new SegueError(
    'FAILED_PRECONDITION',
    `iteration ${iteration.iteration} of ${iteration.runId} is open: close it before its batch is frozen`,
  );
}

/** Refuses a commit that does not fit; answers whether there is anything to do. */
export function canCommit(iteration: IterationRow, policyVersionOut: number): boolean {
  const refuse = (why: string) =>
    new SegueError('FAILED_PRECONDITION', `iteration ${iteration.iteration} of ${iteration.runId} ${why}`);
  if (iteration.state === 'committed') {
    if (iteration.policyVersionOut === policyVersionOut) return false;
    throw refuse(`was committed with version ${iteration.policyVersionOut}, not ${policyVersionOut}`);
  }
  if (iteration.state !== 'frozen') throw refuse(`is ${iteration.state}: freeze its batch first`);
  const { policyVersion } = iteration;
  if (policyVersionOut < policyVersion)
    throw refuse(`samples with version ${policyVersion}, ${policyVersionOut} is older`);
  if (iteration.batchGroupIds.length === 0 && policyVersionOut !== policyVersion) {
    throw refuse(`has an empty batch and keeps version ${policyVersion}, not ${policyVersionOut}`);
  }
  return true;
}

/** What becomes of a batch's group at the commit. A version that nothing came of consumes nothing: the group is left out instead. */
export function afterCommit(group: GroupRow, iteration: IterationRow, policyVersionOut: number): GroupRow {
  if (policyVersionOut === iteration.policyVersion) return { ...group, state: 'filtered' };
  return { ...group, state: 'consumed', consumedBy: policyVersionOut };
}
