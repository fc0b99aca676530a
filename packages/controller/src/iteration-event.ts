/** The event that an iteration ends with, put together from the store's record and what was measured on the way. Pure. */
import {
  type DeviceTurns,
  type IterationEvent,
  type IterationRecord,
  mean,
  noEngineTimes,
  percentile,
  type TrainMetrics,
} from '@segue/core';
import type { RolloutOutcome } from './run-progress.js';

export interface TrainingOutcome {
  readonly policyVersionOut: number;
  readonly train: TrainMetrics | null;
  readonly trainMs: number;
  readonly activateMs: number;
  /** null where no device is shared. */
  readonly turns: DeviceTurns | null;
  readonly wallMs: number;
  readonly carriedTrajectories: number;
}

/** @param rollout of the newest rollout phase; one of another iteration, or none, leaves times to the store's */
export function iterationEvent(
  record: IterationRecord,
  rollout: RolloutOutcome | null,
  training: TrainingOutcome,
): IterationEvent {
  const { progress, tasks } = record;
  const measured = rollout?.iteration === record.iteration ? rollout : null;
  return {
    iteration: record.iteration,
    policyVersionIn: record.policyVersion,
    rewardMean: progress.judged === 0 ? null : progress.rewardSum / progress.judged,
    finishedTrajectories: progress.finishedTrajectories,
    spanningTrajectories: progress.spanningTrajectories,
    responseTokensMean: mean(progress.responseTokens) ?? 0,
    responseTokensP95: percentile(progress.responseTokens, 95) ?? 0,
    plannedTasks: tasks.length,
    resumedTasks: tasks.filter((task) => task.segmentIndex > 0).length,
    committedTasks: progress.committedTasks,
    segmentsByEndReason: progress.segmentsByEndReason,
    generatedTokens: progress.generatedTokens,
    reprefilledTokens: progress.reprefilledTokens,
    promptTokens: progress.promptTokens,
    groupsTrained: record.batchGroupIds.length,
    groupsFilteredEqual: record.filteredEqual,
    groupsFilteredUnusable: record.filteredUnusable,
    closedBy: measured?.closedBy ?? '',
    awaitingScore: progress.awaitingScore,
    rolloutMs: measured?.rolloutMs ?? Math.max(0, record.closedAtMs - record.openedAtMs),
    closeMs: measured?.closeMs ?? 0,
    actorIdleShare: measured?.actorIdleShare ?? 0,
    engineTimes: measured?.engineTimes ?? noEngineTimes,
    ...training,
  };
}
