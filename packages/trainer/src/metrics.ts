/** The trainer's metrics: where the time goes, and how the updates behave. */
import type { TrainProgress } from '@segue/core';
import type { Metrics, MetricsOf, MetricTable } from '@segue/service';

const table = {
  versions_total: { type: 'counter', help: 'Versions written or answered', labels: ['work'] },
  versions_retired_total: { type: 'counter', help: 'Versions removed of runs whose records the store has let go of' },
  steps_total: { type: 'counter', help: 'Optimiser steps', labels: ['work'] },
  policy_version: { type: 'gauge', help: 'Newest version' },
  loss: { type: 'gauge', help: 'Loss of the last step', labels: ['work'] },
  gradient_norm: { type: 'gauge', help: 'Global gradient norm of the last step before clipping', labels: ['work'] },
  trained_token_share: { type: 'gauge', help: 'Trained tokens over response tokens of the last batch' },
  off_policy_token_share: { type: 'gauge', help: 'Trained tokens of older versions over trained tokens, last batch' },
  importance_clipped_share: { type: 'gauge', help: 'Trained tokens whose importance weight was truncated, last batch' },
  log_prob_difference_max: { type: 'gauge', help: 'Largest |actor - trainer| log-prob, last batch' },
  reference_seconds: { type: 'gauge', help: 'Time for reference log-probs, last batch' },
  train_seconds: { type: 'gauge', help: 'Time for the updates, last batch' },
  engine_call_seconds: { type: 'gauge', help: 'Age of the engine call that is waited for; 0 when none is' },
  save_seconds: { type: 'gauge', help: 'Time to write the version, last batch' },
} as const satisfies MetricTable;

export type TrainerMetrics = MetricsOf<typeof table>;

export function defineTrainerMetrics(metrics: Metrics): TrainerMetrics {
  return metrics.define(table);
}

/** Gauges by the name of the measurement that they show, with the factor to their unit. */
const measured = [
  ['trained_token_share', 'trainedTokenShare', 1],
  ['off_policy_token_share', 'offPolicyTokenShare', 1],
  ['importance_clipped_share', 'importanceClippedShare', 1],
  ['log_prob_difference_max', 'logProbDiffMax', 1],
  ['reference_seconds', 'referenceMs', 1e-3],
  ['train_seconds', 'trainMs', 1e-3],
  ['save_seconds', 'saveMs', 1e-3],
] as const;

/** @param work "warmup" or "train" */
export function observeProgress(metrics: TrainerMetrics, work: string, message: TrainProgress): void {
  const values: Record<string, unknown> = JSON.parse(message.metricsJson);
  const numberOf = (name: string) => (typeof values[name] === 'number' ? values[name] : null);
  if (message.stage === 'train') {
    metrics.steps_total.inc({ work });
    const loss = numberOf('loss');
    const norm = numberOf('gradientNorm');
    if (loss !== null) metrics.loss.set({ work }, loss);
    if (norm !== null) metrics.gradient_norm.set({ work }, norm);
  }
  if (!message.version) return;
  metrics.versions_total.inc({ work });
  metrics.policy_version.set(message.version.ref.version);
  for (const [gauge, name, factor] of measured) {
    const value = numberOf(name);
    if (value !== null) metrics[gauge].set(value * factor);
  }
}
