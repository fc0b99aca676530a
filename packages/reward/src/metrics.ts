/** The reward scorer's metrics: one table. */
import type { MetricsOf, MetricTable } from '@segue/service';

export const rewardMetricTable = {
  tasks_total: { type: 'counter', help: 'Tasks of the reward queue, by what became of them', labels: ['outcome'] },
  in_hand: { type: 'gauge', help: 'Tasks that are being judged; at most `concurrency`' },
  task_seconds: {
    type: 'histogram',
    help: 'Time from taking a task to its published verdict',
    buckets: [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1, 5, 30],
  },
  own_scorer_servers: {
    type: 'gauge',
    help: "Servers of scorers of one's own that are registered now, counted per scorer",
  },
  own_scorer_refusals_total: {
    type: 'counter',
    help: "Answers of scorers of one's own that made no sense and were refused, by what was wrong",
    labels: ['what'],
  },
} as const satisfies MetricTable;

export type RewardMetrics = MetricsOf<typeof rewardMetricTable>;
