/**
 * The plan of an iteration: which trajectories go on, which problems begin, in which order. Pure and deterministic. It knows nothing of
 * queues or actors; how fresh problems are drawn is the sampler's (samplers.ts).
 */
import type { Group, TrajectorySummary } from '../domain.js';
import { groupId, parseTrajectoryId, trajectoryId } from '../ids.js';
import type { IterationPlan, PlannedTask } from '../records.js';
import type { RunConfig } from '../run-config.js';

type PlanningRules = Pick<
  RunConfig['rollout'],
  'groupsPerIteration' | 'groupSize' | 'overSampling' | 'partial' | 'maxSpan' | 'freshShare' | 'maxInFlightTrajectories'
>;

export interface PlanState {
  readonly runId: string;
  readonly iteration: number;
  /** Trajectories that go on or were never begun, in any order. */
  readonly unfinished: readonly TrajectorySummary[];
  /** Complete groups with unequal rewards that no version has consumed: they will train first, so the plan needs fewer. */
  readonly readyGroups: number;
  /** Index of the next group of the run. */
  readonly nextGroupIndex: number;
  readonly rules: PlanningRules;
  /** Ids of at most `count` fresh problems. */
  readonly draw: (count: number) => readonly string[];
}

/**
 * Resume before new work, oldest first; a share of the plan is reserved for fresh problems however many trajectories wait. The plan holds
 * overSampling times the groups that the iteration needs beside those that are ready; a resumed group counts by the members that it still
 * owes. Fresh groups never push the run past maxInFlightTrajectories. Siblings stand side by side.
 */
export function planIteration(state: PlanState): IterationPlan {
  const { rules } = state;
  const needed = Math.max(1, Math.ceil(rules.overSampling * (rules.groupsPerIteration - state.readyGroups)));
  const room = Math.max(0, Math.floor((rules.maxInFlightTrajectories - state.unfinished.length) / rules.groupSize));
  const reserved = Math.min(Math.ceil(rules.freshShare * needed), needed, room);
  // The share is rounded up to whole groups: where that takes all of a small plan, one more group leaves room for what waits.
  const crowdedOut = reserved === needed && rules.freshShare < 1 && state.unfinished.length > 0;
  const size = (crowdedOut ? needed + 1 : needed) * rules.groupSize;

  const waiting = oldestFirst(state.unfinished);
  const resumable = Math.min(waiting.length, size - reserved * rules.groupSize);
  const fresh = Math.min(Math.max(reserved, Math.floor((size - resumable) / rules.groupSize)), room);
  const problems = state.draw(fresh);
  // Problems that the sampler could not give leave their place to what waits.
  const resumed = waiting.slice(0, Math.max(resumable, size - problems.length * rules.groupSize));

  const newGroups = problems.map(
    (problemId, n): Group => ({
      id: groupId(state.runId, state.nextGroupIndex + n),
      runId: state.runId,
      index: state.nextGroupIndex + n,
      problemId,
      size: rules.groupSize,
      iteration: state.iteration,
    }),
  );
  return {
    newGroups,
    tasks: [...resumed.map((t) => resumedTask(t, state)), ...newGroups.flatMap((g) => freshTasks(g, rules))],
  };
}

/** By iteration of the first plan, then group, then member: numbers, not texts, so that group 10 follows group 9. */
function oldestFirst(unfinished: readonly TrajectorySummary[]): TrajectorySummary[] {
  return unfinished
    .map((summary) => ({ summary, ...parseTrajectoryId(summary.id) }))
    .sort(
      (a, b) =>
        a.summary.firstIteration - b.summary.firstIteration || a.groupIndex - b.groupIndex || a.member - b.member,
    )
    .map((entry) => entry.summary);
}

function resumedTask(summary: TrajectorySummary, state: PlanState): PlannedTask {
  return {
    trajectoryId: summary.id,
    groupId: summary.groupId,
    problemId: summary.problemId,
    segmentIndex: summary.segmentCount,
    lastSpan: isLastSpan(summary, state.iteration, state.rules),
  };
}

function freshTasks(group: Group, rules: PlanningRules): PlannedTask[] {
  return Array.from({ length: group.size }, (_, member) => ({
    trajectoryId: trajectoryId(group.id, member),
    groupId: group.id,
    problemId: group.problemId,
    segmentIndex: 0,
    lastSpan: rules.partial && rules.maxSpan <= 1,
  }));
}

/**
 * Whether this is the last iteration that the trajectory may span: its maxSpan-th segment, or maxSpan iterations after it began (one that
 * had to wait ages too). Without partial rollouts nothing is cut, so nothing is last.
 */
export function isLastSpan(
  summary: Pick<TrajectorySummary, 'segmentCount' | 'firstIteration'>,
  iteration: number,
  rules: Pick<PlanningRules, 'partial' | 'maxSpan'>,
): boolean {
  if (!rules.partial) return false;
  const iterationsSpanned = summary.segmentCount === 0 ? 1 : iteration - summary.firstIteration + 1;
  return Math.max(summary.segmentCount + 1, iterationsSpanned) >= rules.maxSpan;
}
