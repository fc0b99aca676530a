/** The controller's metrics: one table, and what of an iteration's event they show. */
import { errorCodes, type IterationEvent, phases } from '@segue/core';
import type { MetricsOf, MetricTable } from '@segue/service';
import { waitKinds } from './waits.js';

export const controllerMetricTable = {
  run_active: { type: 'gauge', unit: 'flag', help: '1 while a run is executed' },
  iteration: { type: 'gauge', unit: 'count', help: 'Iteration that the executed run is in' },
  policy_version: { type: 'gauge', unit: 'version', help: 'Policy version that is active', startsEmpty: true },
  phase: {
    type: 'gauge',
    unit: 'flag',
    help: '1 for the phase that the executed run is in, looked at every second',
    labels: { phase: phases },
  },
  phase_age_seconds: { type: 'gauge', unit: 'seconds', help: 'Age of that phase; 0 while no run is executed' },
  phase_seconds: {
    type: 'histogram',
    unit: 'seconds',
    help: 'Duration of a phase of an iteration',
    labels: { phase: ['rollout', 'close', 'train', 'activate', 'evaluate'] },
    buckets: [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800],
  },
  turn_seconds: {
    type: 'histogram',
    unit: 'seconds',
    help: 'Change of hands of a device that is shared: from the last update to the first token, from the closed rollout phase to an engine that trains',
    labels: { to: ['rollout', 'training'] },
    buckets: [0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60, 300],
  },
  iteration_seconds: {
    type: 'histogram',
    unit: 'seconds',
    help: 'Duration of an iteration, from its plan to its commit',
    buckets: [0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 7200],
  },
  iterations_total: { type: 'counter', unit: 'count', help: 'Iterations committed' },
  reward_mean: {
    type: 'gauge',
    unit: 'count',
    help: 'Mean reward of what finished in the newest iteration, as the scorers gave it',
    startsEmpty: true,
  },
  response_tokens_mean: {
    type: 'gauge',
    unit: 'tokens',
    help: 'Mean response length of what finished in the newest iteration',
    startsEmpty: true,
  },
  response_tokens_p95: {
    type: 'gauge',
    unit: 'tokens',
    help: '95th percentile of the response lengths of the newest iteration',
    startsEmpty: true,
  },
  spanning_share: {
    type: 'gauge',
    unit: 'share',
    help: 'Of what finished in the newest iteration, the part with segments of several iterations',
    startsEmpty: true,
  },
  resumed_task_share: {
    type: 'gauge',
    unit: 'share',
    help: 'Tasks of the newest iteration that went on with an unfinished trajectory, over its planned tasks',
    startsEmpty: true,
  },
  carried_trajectories: {
    type: 'gauge',
    unit: 'count',
    help: 'Unfinished trajectories after the close of the newest iteration',
    startsEmpty: true,
  },
  groups_total: {
    type: 'counter',
    unit: 'count',
    help: 'Complete groups by what became of them',
    labels: { outcome: ['trained', 'filtered-equal', 'filtered-unusable'] },
  },
  tasks_issued_total: { type: 'counter', unit: 'count', help: 'Rollout tasks published' },
  tasks_reissued_total: {
    type: 'counter',
    unit: 'count',
    help: 'Rollout tasks published again',
    labels: { reason: ['failed', 'lost'] },
  },
  phase_failures_total: {
    type: 'counter',
    unit: 'count',
    help: 'Failed tries of a phase',
    labels: { code: Object.keys(errorCodes) },
  },
  problems_accepted_total: { type: 'counter', unit: 'count', help: 'Problems accepted' },
  submissions_refused_total: {
    type: 'counter',
    unit: 'count',
    help: 'Submissions sent away for a time because too many went on',
  },
  evaluation_accuracy: {
    type: 'gauge',
    unit: 'share',
    help: 'Accuracy of the newest evaluation',
    labels: { temperature: null },
  },
  actor_idle_share: {
    type: 'gauge',
    unit: 'share',
    help: 'Share of slot time of the newest rollout phase in which nothing was generated',
    startsEmpty: true,
  },
  actors: { type: 'gauge', unit: 'count', help: 'Registered actors' },
  queue_messages: {
    type: 'gauge',
    unit: 'count',
    help: 'Messages of the bus, by queue and whether somebody has a lease on them, read every two seconds',
    labels: { queue: ['rollout', 'reward', 'segments', 'scores'], state: ['pending', 'leased'] },
  },
  waits_overdue_total: {
    type: 'counter',
    unit: 'count',
    help: 'Waits that passed the notice, each time they are told',
    labels: { what: waitKinds },
  },
  waiting_seconds: {
    type: 'gauge',
    unit: 'seconds',
    help: 'Age of the oldest wait, by what is waited for',
    labels: { what: waitKinds },
  },
  waiting_for: {
    type: 'gauge',
    unit: 'count',
    help: 'How many are waited for, by what: tasks that owe a segment, verdicts, actors',
    labels: { what: waitKinds },
  },
  wait_seconds_total: {
    type: 'counter',
    unit: 'seconds',
    help: 'Time in which something of the kind was waited for, looked at every second',
    labels: { what: waitKinds },
  },
} as const satisfies MetricTable;

export type ControllerMetrics = MetricsOf<typeof controllerMetricTable>;

/** Shows an iteration that was committed. */
export function showIteration(metrics: ControllerMetrics, event: IterationEvent): void {
  const { finishedTrajectories, spanningTrajectories, plannedTasks } = event;
  metrics.iterations_total.inc();
  metrics.iteration_seconds.observe(event.wallMs / 1_000);
  metrics.groups_total.inc({ outcome: 'trained' }, event.groupsTrained);
  metrics.groups_total.inc({ outcome: 'filtered-equal' }, event.groupsFilteredEqual);
  metrics.groups_total.inc({ outcome: 'filtered-unusable' }, event.groupsFilteredUnusable);
  metrics.carried_trajectories.set(event.carriedTrajectories);
  if (plannedTasks > 0) metrics.resumed_task_share.set(event.resumedTasks / plannedTasks);
  if (event.rewardMean !== null) metrics.reward_mean.set(event.rewardMean);
  // What nothing finished in says nothing of lengths.
  if (finishedTrajectories === 0) return;
  metrics.response_tokens_mean.set(event.responseTokensMean);
  metrics.response_tokens_p95.set(event.responseTokensP95);
  metrics.spanning_share.set(spanningTrajectories / finishedTrajectories);
}
