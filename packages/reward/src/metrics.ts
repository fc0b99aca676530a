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
} as const satisfies MetricTable;

export type RewardMetrics = MetricsOf<typeof rewardMetricTable>;
