/** The replay store's metrics: one table, and what is counted of a commit. */
import {
  appendOutcomes,
  deadLetterKinds,
  endReasons,
  isTerminal,
  mendings,
  scoreStatuses,
  trajectoryStates,
} from '@segue/core';
import type { MetricsOf, MetricTable } from '@segue/service';
import type { Notice } from './progress.js';
import { groupStates } from './rows.js';

const queues = ['segments', 'scores'] as const;

export const replayMetricTable = {
  appends_total: {
    type: 'counter',
    unit: 'count',
    help: 'Segments appended, by what became of them',
    labels: { outcome: appendOutcomes },
  },
  segments_total: {
    type: 'counter',
    unit: 'count',
    help: 'Committed segments, by end reason',
    labels: { end_reason: endReasons },
  },
  generated_tokens_total: { type: 'counter', unit: 'tokens', help: 'Committed response tokens' },
  reprefilled_tokens_total: { type: 'counter', unit: 'tokens', help: 'Response tokens prefilled again to go on' },
  prompt_tokens_total: { type: 'counter', unit: 'tokens', help: 'Prompt tokens prefilled' },
  response_tokens: {
    type: 'histogram',
    unit: 'tokens',
    help: 'Length of a response that has ended',
    buckets: [16, 64, 256, 1024, 4096, 8192, 16_384, 32_768, 65_536, 131_072],
  },
  response_segments: {
    type: 'histogram',
    unit: 'count',
    help: 'Segments of a response that has ended: more than one where it spans iterations',
    buckets: [1, 2, 3, 4, 6, 8, 12, 16],
  },
  segment_seconds: {
    type: 'histogram',
    unit: 'seconds',
    help: 'Time from the first to the last chunk of a committed segment, by the clock of its actor',
    buckets: [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800],
  },
  trajectories: {
    type: 'gauge',
    unit: 'count',
    help: 'Trajectories of the runs that are running, by state',
    labels: { state: trajectoryStates },
  },
  scores_total: {
    type: 'counter',
    unit: 'count',
    help: 'Verdicts received, by status',
    labels: { status: scoreStatuses },
  },
  groups_total: {
    type: 'counter',
    unit: 'count',
    help: 'Groups, by the state that they came to',
    labels: { state: groupStates },
  },
  reward_tasks_total: { type: 'counter', unit: 'count', help: 'Reward tasks published' },
  awaiting_score: { type: 'gauge', unit: 'count', help: 'Finished trajectories without a verdict' },
  dead_letters_total: {
    type: 'counter',
    unit: 'count',
    help: 'Dead letters written, by kind',
    labels: { kind: deadLetterKinds },
  },
  dead_letters: {
    type: 'gauge',
    unit: 'count',
    help: 'Dead letters that wait for somebody, by kind',
    labels: { kind: deadLetterKinds },
  },
  refused_messages_total: {
    type: 'counter',
    unit: 'count',
    help: 'Messages sent to the dead letters',
    labels: { queue: queues },
  },
  postponed_messages_total: {
    type: 'counter',
    unit: 'count',
    help: 'Messages given back to be tried again',
    labels: { queue: queues },
  },
  commit_seconds: {
    type: 'histogram',
    unit: 'seconds',
    help: 'Duration of a transaction with its flush',
    buckets: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 2],
  },
  commit_writes: {
    type: 'histogram',
    unit: 'count',
    help: 'Writes in one transaction',
    buckets: [1, 2, 4, 8, 16, 32, 64, 128, 256],
  },
  damaged_total: {
    type: 'counter',
    unit: 'count',
    help: 'Damaged records found, by what became of them: run again, judged again, made anew, or none',
    labels: { mending: mendings },
  },
  standing_damage: { type: 'gauge', unit: 'count', help: 'Damaged records that nothing mends' },
  runs: {
    type: 'gauge',
    unit: 'count',
    help: 'Runs, by whether their records are kept or were removed',
    labels: { records: ['kept', 'removed'] },
  },
  bytes_on_disk: { type: 'gauge', unit: 'bytes', help: 'Size of the file, which never shrinks' },
  bytes_in_use: { type: 'gauge', unit: 'bytes', help: 'Of the file, what is in use: the rest is written again' },
  limit_bytes: {
    type: 'gauge',
    unit: 'bytes',
    help: 'Bytes in use at which writes are refused (`maxStoreBytes`), but for those that make room',
  },
  disk_free_bytes: { type: 'gauge', unit: 'bytes', help: 'Free space of the disk on which the file lies' },
} as const satisfies MetricTable;

export type ReplayMetrics = MetricsOf<typeof replayMetricTable>;

/** Counts what was committed. */
export function countNotice(metrics: ReplayMetrics, notice: Notice): void {
  if ((notice.kind === 'failed-try' || notice.kind === 'score') && notice.trajectory.state === 'failed') {
    metrics.dead_letters_total.inc({ kind: notice.kind === 'score' ? 'score' : 'trajectory' });
  }
  if (notice.kind === 'group') metrics.groups_total.inc({ state: notice.group.state });
  if (notice.kind === 'failed-try') metrics.segments_total.inc({ end_reason: 'error' });
  if (notice.kind !== 'segment') return;
  const { endReason, tokenCount, meter } = notice.segment;
  metrics.segments_total.inc({ end_reason: endReason });
  metrics.generated_tokens_total.inc(tokenCount);
  metrics.reprefilled_tokens_total.inc(meter.reprefillTokens);
  metrics.prompt_tokens_total.inc(meter.promptTokens);
  metrics.segment_seconds.observe(Math.max(0, meter.endedAtMs - meter.startedAtMs) / 1_000);
  if (!isTerminal(endReason)) return;
  metrics.response_tokens.observe(notice.trajectory.responseTokens);
  metrics.response_segments.observe(notice.trajectory.segmentCount);
}
