/** The controller's metrics: one table. */
import type { MetricsOf, MetricTable } from '@segue/service';

export const controllerMetricTable = {
  iteration: { type: 'gauge', help: 'Iteration that the executed run is in' },
  policy_version: { type: 'gauge', help: 'Policy version that is active' },
  phase_seconds: {
    type: 'histogram',
    help: 'Duration of a phase of an iteration',
    labels: ['phase'],
    buckets: [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800],
  },
  turn_seconds: {
    type: 'histogram',
    help: 'Change of hands of a device that is shared: from the last update to the first token, from the closed rollout phase to an engine that trains',
    labels: ['to'],
    buckets: [0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60, 300],
  },
  iterations_total: { type: 'counter', help: 'Iterations committed' },
  groups_total: { type: 'counter', help: 'Complete groups by what became of them', labels: ['outcome'] },
  tasks_issued_total: { type: 'counter', help: 'Rollout tasks published' },
  tasks_reissued_total: { type: 'counter', help: 'Rollout tasks published again', labels: ['reason'] },
  phase_failures_total: { type: 'counter', help: 'Failed tries of a phase', labels: ['code'] },
  problems_accepted_total: { type: 'counter', help: 'Problems accepted' },
  submissions_refused_total: {
    type: 'counter',
    help: 'Submissions sent away for a time because too many went on',
  },
  evaluation_accuracy: { type: 'gauge', help: 'Accuracy of the newest evaluation', labels: ['temperature'] },
  actor_idle_share: {
    type: 'gauge',
    help: 'Share of slot time of the newest rollout phase in which nothing was generated',
  },
  actors: { type: 'gauge', help: 'Registered actors' },
  queue_messages: {
    type: 'gauge',
    help: 'Messages of the bus, by queue and whether somebody has a lease on them',
    labels: ['queue', 'state'],
  },
  waits_overdue_total: {
    type: 'counter',
    help: 'Waits that passed the notice, each time they are told',
    labels: ['what'],
  },
  waiting_seconds: { type: 'gauge', help: 'Age of the oldest wait, by what is waited for', labels: ['what'] },
} as const satisfies MetricTable;

export type ControllerMetrics = MetricsOf<typeof controllerMetricTable>;
