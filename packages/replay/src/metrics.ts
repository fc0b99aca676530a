/** The replay store's metrics: one table. */
import type { MetricsOf, MetricTable } from '@segue/service';

export const replayMetricTable = {
  appends_total: { type: 'counter', help: 'Segments appended, by what became of them', labels: ['outcome'] },
  segments_total: { type: 'counter', help: 'Committed segments, by end reason', labels: ['end_reason'] },
  generated_tokens_total: { type: 'counter', help: 'Committed response tokens' },
  reprefilled_tokens_total: { type: 'counter', help: 'Response tokens prefilled again to go on' },
  prompt_tokens_total: { type: 'counter', help: 'Prompt tokens prefilled' },
  scores_total: { type: 'counter', help: 'Verdicts received, by status', labels: ['status'] },
  groups_total: { type: 'counter', help: 'Groups, by the state that they came to', labels: ['state'] },
  reward_tasks_total: { type: 'counter', help: 'Reward tasks published' },
  awaiting_score: { type: 'gauge', help: 'Finished trajectories without a verdict' },
  dead_letters_total: { type: 'counter', help: 'Dead letters written, by kind', labels: ['kind'] },
  dead_letters: { type: 'gauge', help: 'Dead letters that wait for somebody, by kind', labels: ['kind'] },
  refused_messages_total: { type: 'counter', help: 'Messages sent to the dead letters', labels: ['queue'] },
  postponed_messages_total: { type: 'counter', help: 'Messages given back to be tried again', labels: ['queue'] },
  commit_seconds: {
    type: 'histogram',
    help: 'Duration of a transaction with its flush',
    buckets: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 2],
  },
  commit_writes: { type: 'histogram', help: 'Writes in one transaction', buckets: [1, 2, 4, 8, 16, 32, 64, 128, 256] },
  damaged_total: {
    type: 'counter',
    help: 'Damaged records found, by what became of them: run again, judged again, made anew, or none',
    labels: ['mending'],
  },
  standing_damage: { type: 'gauge', help: 'Damaged records that nothing mends' },
  runs: { type: 'gauge', help: 'Runs, by whether their records are kept or were removed', labels: ['records'] },
  bytes_on_disk: { type: 'gauge', help: 'Size of the file' },
} as const satisfies MetricTable;

export type ReplayMetrics = MetricsOf<typeof replayMetricTable>;
