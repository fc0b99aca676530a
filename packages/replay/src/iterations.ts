/**
 * Writes of an iteration's life, each run inside a transaction: open with its plan, close, freeze the batch, commit. The rules are in iteration.ts.
 */
import { hashTokens, type IterationPlan, type PlannedTask, parseTrajectoryId, SegueError } from '@segue/core';
import {
  afterCommit,
  canCommit,
  newTrajectories,
  requireClosed,
  requireNewGroups,
  requireOpenable,
  requireTasks,
  selectBatch,
} from './iteration.js';
import type { Notice } from './progress.js';
import { requireRecords } from './retired.js';
import {
  type Counters,
  type GroupRow,
  type GroupState,
  type IterationRow,
  moveCount,
  type TrajectoryRow,
  untriedProblem,
} from './rows.js';
import { countersOf, requireProblem, requireRun, runIds } from './runs.js';
import type { UsefulRules } from './score.js';
import { type Tables, trajectoryKey } from './tables.js';

/** What a write needs beside its request. */
export interface WriteContext {
  readonly tables: Tables;
  readonly nowMs: number;
  /** Tells what changed; heard after the commit. */
  readonly note: (notice: Notice) => void;
}

export type OpenRequest = IterationPlan & {
  readonly runId: string;
  readonly iteration: number;
  readonly policyVersion: number;
  readonly maxAttempts: number;
};

/** @throws SegueError NOT_FOUND */
export function requireIteration(tables: Tables, runId: string, iteration: number): IterationRow {
  const row = tables.iterations.get([runId, iteration]);
  if (row === undefined) throw new SegueError('NOT_FOUND', `run ${runId} has no iteration ${iteration}`);
  return row;
}

export function newestIteration(tables: Tables, runId: string): IterationRow | null {
  const key = tables.iterations.lastKey([runId]);
  return key === undefined ? null : (tables.iterations.get(key) ?? null);
}

/** Numbers of all runs' newest iterations; a run that has none is not there. Damaged rows have theirs too. */
export function newestIterations(tables: Tables): ReadonlyMap<string, number> {
  const newest = new Map<string, number>();
  for (const runId of runIds(tables)) {
    const key = tables.iterations.lastKey([runId]);
    if (key !== undefined) newest.set(runId, Number(key[1]));
  }
  return newest;
}

/** Records a plan and opens its iteration. The first plan wins. */
export function openIteration({ tables, nowMs, note }: WriteContext, request: OpenRequest): IterationRow {
  const { runId, iteration, policyVersion, newGroups, tasks } = request;
  requireRun(tables, runId);
  requireRecords(tables, runId);
  const kept = tables.iterations.get([runId, iteration]);
  if (kept !== undefined) return kept;
  requireOpenable(request, newestIteration(tables, runId));
  requireNewGroups(runId, iteration, newGroups, (index) => tables.groups.has([runId, index]));

  const created = new Map<string, TrajectoryRow>();
  for (const group of newGroups) {
    const promptHash = hashTokens(requireProblem(tables, runId, group.problemId).promptTokens);
    for (const trajectory of newTrajectories(group, promptHash)) created.set(trajectory.id, trajectory);
  }
  requireTasks(tasks, (id) => created.get(id) ?? findTrajectory(tables, runId, id));

  for (const group of newGroups) {
    const row: GroupRow = { ...group, state: 'open', usable: 0, unequal: false, consumedBy: null };
    tables.groups.put([runId, group.index], row);
    const tally = tables.problemTallies.get([runId, group.problemId]) ?? untriedProblem;
    tables.problemTallies.put([runId, group.problemId], {
      ...tally,
      openGroups: tally.openGroups + 1,
      lastIteration: iteration,
      requeued: false,
    });
  }
  for (const trajectory of created.values()) {
    tables.trajectories.put(trajectoryKey(trajectory.id), trajectory);
    tables.unfinished.put(unfinishedKey(trajectory), 1);
  }
  markPlanned(tables, tasks, iteration);
  const counters = countersOf(tables, runId);
  tables.counters.put([runId], {
    ...counters,
    trajectoriesByState: moveCount(counters.trajectoriesByState, null, 'pending', created.size),
    groupsByState: moveCount(counters.groupsByState, null, 'open', newGroups.length),
  });
  const row: IterationRow = {
    runId,
    iteration,
    state: 'open',
    policyVersion,
    policyVersionOut: policyVersion,
    maxAttempts: request.maxAttempts,
    batchGroupIds: [],
    filteredEqual: 0,
    filteredUnusable: 0,
    metricsJson: '',
    openedAtMs: nowMs,
    closedAtMs: 0,
    committedAtMs: 0,
    progress: null,
  };
  tables.plans.put([runId, iteration], tasks);
  tables.iterations.put([runId, iteration], row);
  note({ kind: 'opened', runId, iteration, tasks });
  return row;
}

function findTrajectory(tables: Tables, runId: string, id: string): TrajectoryRow | undefined {
  return parseTrajectoryId(id).runId === runId ? tables.trajectories.get(trajectoryKey(id)) : undefined;
}

function markPlanned(tables: Tables, tasks: readonly PlannedTask[], iteration: number): void {
  for (const { trajectoryId } of tasks) {
    const key = trajectoryKey(trajectoryId);
    const trajectory = tables.trajectories.get(key);
    if (trajectory !== undefined) tables.trajectories.put(key, { ...trajectory, plannedIteration: iteration });
  }
}

/** Oldest first: by first iteration, then group and member. */
export function unfinishedKey(trajectory: TrajectoryRow): readonly (string | number)[] {
  const { runId, groupIndex, member } = parseTrajectoryId(trajectory.id);
  return [runId, trajectory.firstIteration, groupIndex, member];
}

export function closeIteration({ tables, nowMs, note }: WriteContext, runId: string, iteration: number): IterationRow {
  const row = requireIteration(tables, runId, iteration);
  if (row.state !== 'open') return row;
  return putIteration(tables, note, { ...row, state: 'closed', closedAtMs: nowMs });
}

/** Freezes the batch. The first one stays. @param maxGroups 0 is no limit */
export function freezeBatch(
  { tables, note }: WriteContext,
  runId: string,
  iteration: number,
  maxGroups: number,
  rules: UsefulRules,
): IterationRow {
  const row = requireIteration(tables, runId, iteration);
  requireClosed(row);
  if (row.state !== 'closed') return row;
  const { batch, filteredEqual, filteredUnusable } = selectBatch(completeGroups(tables, runId), maxGroups, rules);
  const move = (groups: readonly GroupRow[], state: GroupState) =>
    moveGroups(
      tables,
      note,
      groups.map((group) => ({ ...group, state })),
    );
  move(batch, 'frozen');
  move([...filteredEqual, ...filteredUnusable], 'filtered');
  return putIteration(tables, note, {
    ...row,
    state: 'frozen',
    batchGroupIds: batch.map(({ id }) => id),
    // More than none when a damaged batch was frozen before.
    filteredEqual: row.filteredEqual + filteredEqual.length,
    filteredUnusable: row.filteredUnusable + filteredUnusable.length,
  });
}

/** Complete groups that no batch holds, oldest first. What the index holds too much, until it is made anew, does not count. */
export function completeGroups(tables: Tables, runId: string): GroupRow[] {
  const indexed = tables.complete.keys([runId]).flatMap((key) => tables.groups.get(key) ?? []);
  return indexed.filter(({ state }) => state === 'complete');
}

export function groupIndexOf(groupId: string): number {
  return Number(groupId.slice(groupId.lastIndexOf('-g') + 2));
}

/** The groups of a frozen batch. @throws SegueError DATA_LOSS when one is not there: a batch is never silently smaller */
export function batchGroups(tables: Tables, iteration: IterationRow): GroupRow[] {
  return iteration.batchGroupIds.map((id) => {
    const index = groupIndexOf(id);
    const group = tables.groups.get([iteration.runId, index]);
    if (group !== undefined) return group;
    throw new SegueError('DATA_LOSS', `group ${index} of run ${iteration.runId} is missing in the store`);
  });
}

/** Ends the iteration: its batch is consumed by the version that came out. */
export function commitIteration(
  { tables, nowMs, note }: WriteContext,
  request: {
    readonly runId: string;
    readonly iteration: number;
    readonly policyVersionOut: number;
    readonly metricsJson: string;
  },
  progress: IterationRow['progress'],
): IterationRow {
  const { runId, iteration, policyVersionOut, metricsJson } = request;
  const row = requireIteration(tables, runId, iteration);
  if (!canCommit(row, policyVersionOut)) return row;
  const groups = batchGroups(tables, row).map((group) => afterCommit(group, row, policyVersionOut));
  moveGroups(tables, note, groups);
  return putIteration(tables, note, {
    ...row,
    state: 'committed',
    policyVersionOut,
    metricsJson,
    committedAtMs: nowMs,
    progress,
  });
}

/** Writes groups in their new states and counts the moves. */
export function moveGroups(tables: Tables, note: WriteContext['note'], groups: readonly GroupRow[]): void {
  const runId = groups[0]?.runId;
  if (runId === undefined) return;
  let counters: Counters = countersOf(tables, runId);
  for (const group of groups) {
    const key = [runId, group.index];
    const before = tables.groups.get(key)?.state ?? null;
    counters = { ...counters, groupsByState: moveCount(counters.groupsByState, before, group.state) };
    tables.groups.put(key, group);
    if (group.state === 'complete') tables.complete.put(key, 1);
    else tables.complete.remove(key);
    note({ kind: 'group', runId, group });
  }
  tables.counters.put([runId], counters);
}

function putIteration(tables: Tables, note: WriteContext['note'], row: IterationRow): IterationRow {
  tables.iterations.put([row.runId, row.iteration], row);
  note({ kind: 'iteration', runId: row.runId, iteration: row.iteration });
  return row;
}
