/** The actor's metrics: one table, and what is counted of a segment and of a chunk. */
import { type ChunkReport, endReasons, errorCodes, type Segment } from '@segue/core';
import type { MetricsOf, MetricTable } from '@segue/service';
import { policySources } from './policy-files.js';
import { busySlotMsOf, type Totals } from './status.js';
import { returnReasons } from './task-rules.js';

export const idleReasons = ['no-task', 'loading', 'closed'] as const;
export type IdleReason = (typeof idleReasons)[number];

export const actorMetricTable = {
  generated_tokens_total: { type: 'counter', unit: 'tokens', help: 'Tokens generated in published segments' },
  reprefilled_tokens_total: {
    type: 'counter',
    unit: 'tokens',
    help: 'Earlier response tokens prefilled again to go on',
  },
  prompt_tokens_total: { type: 'counter', unit: 'tokens', help: 'Prompt tokens prefilled' },
  segments_total: {
    type: 'counter',
    unit: 'count',
    help: 'Segments published, by end reason',
    labels: { end_reason: endReasons },
  },
  publish_failures_total: {
    type: 'counter',
    unit: 'count',
    help: 'Publications of a segment that failed and were tried again',
  },
  tasks_returned_total: {
    type: 'counter',
    unit: 'count',
    help: 'Tasks let go without a segment',
    labels: { reason: returnReasons },
  },
  tasks_held: { type: 'gauge', unit: 'count', help: 'Tasks whose lease is held: they run, wait, or are published' },
  chunk_seconds: {
    type: 'histogram',
    unit: 'seconds',
    help: 'Duration of a chunk, prefill included',
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
  },
  engine_seconds_total: {
    type: 'counter',
    unit: 'seconds',
    help: 'Time of the engine in chunks, by what it did',
    labels: { part: ['prefill', 'decode'] },
  },
  slots: { type: 'gauge', unit: 'count', help: 'Sequences that can run at once' },
  slots_busy: { type: 'gauge', unit: 'count', help: 'Sequences that run' },
  busy_slot_seconds_total: {
    type: 'counter',
    unit: 'seconds',
    help: 'Time of slots in which their sequence got tokens or was prefilled; its rate over `slots` is the utilisation',
  },
  idle_seconds_total: {
    type: 'counter',
    unit: 'seconds',
    help: 'Time in which nothing was generated',
    labels: { reason: idleReasons },
  },
  engine_failures_total: {
    type: 'counter',
    unit: 'count',
    help: 'Failures of an engine, each of which costs it its place',
  },
  engine_call_seconds: {
    type: 'gauge',
    unit: 'seconds',
    help: 'Age of the engine call that is waited for; 0 when none is',
  },
  policy_failures_total: {
    type: 'counter',
    unit: 'count',
    help: 'Versions that could not be served, by what was wrong',
    labels: { code: Object.keys(errorCodes) },
  },
  policy_refetches_total: {
    type: 'counter',
    unit: 'count',
    help: 'Chunks and copies of a version that came damaged or not at all and were fetched again, by what was wrong',
    labels: { code: Object.keys(errorCodes) },
  },
  policy_version: { type: 'gauge', unit: 'version', help: 'Policy version that is served', startsEmpty: true },
  policy_load_seconds: {
    type: 'histogram',
    unit: 'seconds',
    help: 'Time to bring and load a policy version, by where it came from',
    labels: { source: policySources },
    buckets: [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60],
  },
} as const satisfies MetricTable;

export type ActorMetrics = MetricsOf<typeof actorMetricTable>;

/** Counts a published segment. */
export function countSegment(metrics: ActorMetrics, totals: Totals, { tokens, endReason, meter }: Segment): void {
  totals.generatedTokens += tokens.length;
  totals.reprefilledTokens += meter.reprefillTokens;
  metrics.generated_tokens_total.inc(tokens.length);
  metrics.reprefilled_tokens_total.inc(meter.reprefillTokens);
  metrics.prompt_tokens_total.inc(meter.promptTokens);
  metrics.segments_total.inc({ end_reason: endReason });
}

/** Counts a chunk. @param sequences that ran in it */
export function countChunk(metrics: ActorMetrics, report: ChunkReport, sequences: number): void {
  const { durationMs, prefillMs } = report;
  metrics.chunk_seconds.observe(durationMs / 1_000);
  metrics.busy_slot_seconds_total.inc(busySlotMsOf(report, sequences) / 1_000);
  metrics.engine_seconds_total.inc({ part: 'prefill' }, prefillMs / 1_000);
  metrics.engine_seconds_total.inc({ part: 'decode' }, Math.max(0, durationMs - prefillMs) / 1_000);
}
