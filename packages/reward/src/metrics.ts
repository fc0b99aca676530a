/** The reward scorer's metrics: one table, and how a verdict is counted. */
import { type Score, scoreStatuses } from '@segue/core';
import type { MetricsOf, MetricTable } from '@segue/service';
import { nonsenseKinds } from './own/verdict.js';
import type { Scorers } from './scorers/index.js';

export const rewardMetricTable = {
  tasks_total: {
    type: 'counter',
    unit: 'count',
    help: 'Tasks of the reward queue, by what became of them',
    labels: { outcome: [...scoreStatuses, 'not-needed', 'returned', 'discarded'] },
  },
  in_hand: {
    type: 'gauge',
    unit: 'count',
    help: 'Tasks in hand: `concurrency` of them are judged at once; while the queue holds plenty up to three times as many more are fetched, wait, or are told',
  },
  task_seconds: {
    type: 'histogram',
    unit: 'seconds',
    help: 'Time from taking a task to its published verdict',
    buckets: [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1, 5, 30],
  },
  verdicts_total: {
    type: 'counter',
    unit: 'count',
    help: 'Verdicts, of the queue and of evaluations, by scorer and status',
    labels: { scorer: null, status: scoreStatuses },
  },
  verdict_seconds: {
    type: 'histogram',
    unit: 'seconds',
    help: 'Time that a scorer took for a verdict, all its tries together',
    labels: { scorer: null },
    buckets: [0.0001, 0.001, 0.01, 0.1, 0.5, 1, 5, 30],
  },
  rewards_total: {
    type: 'counter',
    unit: 'count',
    help: 'Sum of the rewards of verdicts of the status ok; over their number, the mean reward of a right response',
    labels: { scorer: null },
  },
  own_scorer_servers: {
    type: 'gauge',
    unit: 'count',
    help: "Servers of scorers of one's own that are registered now, counted per scorer",
  },
  own_scorer_refusals_total: {
    type: 'counter',
    unit: 'count',
    help: "Answers of scorers of one's own that made no sense and were refused, by what was wrong",
    labels: { what: nonsenseKinds },
  },
} as const satisfies MetricTable;

export type RewardMetrics = MetricsOf<typeof rewardMetricTable>;

/** A scorer that was asked for and is not here: whatever name a problem gives must not become a label. */
const unknownScorer = 'unknown';

/** Begins the series of every scorer that there is. */
export function showScorers(metrics: RewardMetrics, scorers: Scorers): void {
  for (const scorer of [...scorers.names(), unknownScorer]) {
    for (const status of scoreStatuses) metrics.verdicts_total.inc({ scorer, status }, 0);
    metrics.verdict_seconds.zero({ scorer });
    metrics.rewards_total.inc({ scorer }, 0);
  }
}

export function countVerdict(metrics: RewardMetrics, scorers: Scorers, score: Score): void {
  const scorer = scorers.get(score.scorer) !== undefined ? score.scorer : unknownScorer;
  metrics.verdicts_total.inc({ scorer, status: score.status });
  metrics.verdict_seconds.observe({ scorer }, score.durationMs / 1_000);
  if (score.reward !== null && score.reward > 0) metrics.rewards_total.inc({ scorer }, score.reward);
}
