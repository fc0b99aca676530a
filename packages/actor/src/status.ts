/**
 * What an actor says about itself: metrics, the answer to GetActorStatus, and what its heartbeat carries. Slot time is
 * counted exactly: a slot is busy while its sequence gets tokens or is prefilled.
 */
import { type ChunkReport, type EngineTimes, noEngineTimes, type Segment, withChunk } from '@segue/core';
import type { Metrics, MetricsOf, MetricTable } from '@segue/service';

const table = {
  generated_tokens_total: { type: 'counter', help: 'Tokens generated in published segments' },
  reprefilled_tokens_total: { type: 'counter', help: 'Earlier response tokens prefilled again to go on' },
  prompt_tokens_total: { type: 'counter', help: 'Prompt tokens prefilled' },
  segments_total: { type: 'counter', help: 'Segments published', labels: ['end_reason'] },
  publish_failures_total: { type: 'counter', help: 'Publications of a segment that failed and were tried again' },
  tasks_returned_total: { type: 'counter', help: 'Tasks let go without a segment', labels: ['reason'] },
  chunk_seconds: {
    type: 'histogram',
    help: 'Duration of a chunk, prefill included',
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
  },
  slots: { type: 'gauge', help: 'Sequences that can run at once' },
  slots_busy: { type: 'gauge', help: 'Sequences that run' },
  idle_seconds_total: { type: 'counter', help: 'Time in which nothing was generated', labels: ['reason'] },
  engine_failures_total: { type: 'counter', help: 'Failures of an engine, each of which costs it its place' },
  engine_call_seconds: { type: 'gauge', help: 'Age of the engine call that is waited for; 0 when none is' },
  policy_failures_total: {
    type: 'counter',
    help: 'Versions that could not be served, by what was wrong',
    labels: ['code'],
  },
  policy_refetches_total: {
    type: 'counter',
    help: 'Chunks and copies of a version that came damaged or not at all and were fetched again, by what was wrong',
    labels: ['code'],
  },
  policy_version: { type: 'gauge', help: 'Policy version that is served' },
  policy_load_seconds: {
    type: 'histogram',
    help: 'Time to bring and load a policy version',
    labels: ['source'],
    buckets: [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60],
  },
} as const satisfies MetricTable;

export type ActorMetrics = MetricsOf<typeof table>;

export function defineActorMetrics(metrics: Metrics): ActorMetrics {
  return metrics.define(table);
}

export type IdleReason = 'no-task' | 'loading' | 'closed';

/** Iterations whose sums are kept. */
const keptIterations = 2;

/** Busy slot time in ms and where the engine spent its time, per `<run>/<iteration>`. */
export class ChunkSums {
  readonly #busySlotMs = new Map<string, number>();
  readonly #engineTimes = new Map<string, EngineTimes>();
  readonly #firstTokenAtMs = new Map<string, number>();

  /**
   * @param sequences that ran in the chunk, prefill included
   * @param share part of them that belongs to the iteration
   */
  add(name: string, report: ChunkReport, sequences: number, share: number): void {
    // The mean number of sequences per step is tokens / steps: those that ended inside the chunk count up to their end.
    const decodeMs = report.durationMs - report.prefillMs;
    const decoded = report.steps > 0 ? (decodeMs * report.tokens) / report.steps : 0;
    const ms = share * (decoded + report.prefillMs * sequences);
    this.#busySlotMs.set(name, (this.#busySlotMs.get(name) ?? 0) + ms);
    this.#engineTimes.set(name, withChunk(this.#engineTimes.get(name) ?? noEngineTimes, report, share));
    if (report.tokens > 0 && !this.#firstTokenAtMs.has(name)) this.#firstTokenAtMs.set(name, Date.now());
    const oldest = this.#busySlotMs.keys().next().value;
    if (this.#busySlotMs.size <= keptIterations || oldest === undefined) return;
    this.#busySlotMs.delete(oldest);
    this.#engineTimes.delete(oldest);
    this.#firstTokenAtMs.delete(oldest);
  }

  get busySlotMs(): Readonly<Record<string, number>> {
    return Object.fromEntries([...this.#busySlotMs].map(([name, ms]) => [name, Math.round(ms)]));
  }

  /** Unix time of the end of the first chunk that had tokens. */
  get firstTokenAtMs(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#firstTokenAtMs);
  }

  get engineTimes(): Readonly<Record<string, EngineTimes>> {
    return Object.fromEntries(this.#engineTimes);
  }
}

/** Counts a published segment. */
export function countSegment(metrics: ActorMetrics, totals: Totals, { tokens, endReason, meter }: Segment): void {
  totals.generatedTokens += tokens.length;
  totals.reprefilledTokens += meter.reprefillTokens;
  metrics.generated_tokens_total.inc(tokens.length);
  metrics.reprefilled_tokens_total.inc(meter.reprefillTokens);
  metrics.prompt_tokens_total.inc(meter.promptTokens);
  metrics.segments_total.inc({ end_reason: endReason });
}

/** Since the start, for GetActorStatus. */
export interface Totals {
  generatedTokens: number;
  reprefilledTokens: number;
}
