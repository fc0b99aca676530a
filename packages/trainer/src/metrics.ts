/** The trainer's metrics: where the time goes, and how the updates behave. */
import type { TrainProgress } from '@segue/core';
import type { Metrics, MetricsOf, MetricTable } from '@segue/service';

const works = ['warmup', 'train'] as const;

export const trainerMetricTable = {
  versions_total: { type: 'counter', unit: 'count', help: 'Versions written or answered', labels: { work: works } },
  versions_retired_total: {
    type: 'counter',
    unit: 'count',
    help: 'Versions removed of runs whose records the store has let go of',
  },
  steps_total: { type: 'counter', unit: 'count', help: 'Optimiser steps', labels: { work: works } },
  policy_version: { type: 'gauge', unit: 'version', help: 'Newest version', startsEmpty: true },
  loss: { type: 'gauge', unit: 'nats', help: 'Loss of the last step', labels: { work: null } },
  gradient_norm: {
    type: 'gauge',
    unit: 'count',
    help: 'Global gradient norm of the last step before clipping',
    labels: { work: null },
  },
  reward_mean: {
    type: 'gauge',
    unit: 'count',
    help: 'Mean reward of the last batch, before shaping',
    startsEmpty: true,
  },
  trained_tokens_total: { type: 'counter', unit: 'tokens', help: 'Tokens that entered the loss' },
  trained_token_share: {
    type: 'gauge',
    unit: 'share',
    help: 'Trained tokens over response tokens of the last batch',
    startsEmpty: true,
  },
  off_policy_token_share: {
    type: 'gauge',
    unit: 'share',
    help: 'Trained tokens of older versions over trained tokens, last batch',
    startsEmpty: true,
  },
  token_age_mean: {
    type: 'gauge',
    unit: 'version',
    help: 'Staleness: versions between the one that wrote a trained token and the one that sampled last, mean of the last batch',
    startsEmpty: true,
  },
  token_age_max: {
    type: 'gauge',
    unit: 'version',
    help: 'Staleness of the oldest trained token of the last batch',
    startsEmpty: true,
  },
  importance_clipped_share: {
    type: 'gauge',
    unit: 'share',
    help: 'Trained tokens whose importance weight was truncated, last batch',
    startsEmpty: true,
  },
  log_prob_difference_max: {
    type: 'gauge',
    unit: 'nats',
    help: 'Largest |actor - trainer| log-prob of tokens that the newest version wrote, last batch',
    startsEmpty: true,
  },
  log_prob_difference_mean: {
    type: 'gauge',
    unit: 'nats',
    help: 'Mean of the same',
    startsEmpty: true,
  },
  log_ratio_mean: {
    type: 'gauge',
    unit: 'nats',
    help: 'How far the update moved a response: mean of log pi after it - log pi before it, last batch',
    startsEmpty: true,
  },
  reference_seconds: {
    type: 'gauge',
    unit: 'seconds',
    help: 'Time for reference log-probs, last batch',
    startsEmpty: true,
  },
  train_seconds: { type: 'gauge', unit: 'seconds', help: 'Time for the updates, last batch', startsEmpty: true },
  engine_call_seconds: {
    type: 'gauge',
    unit: 'seconds',
    help: 'Age of the engine call that is waited for; 0 when none is',
  },
  save_seconds: { type: 'gauge', unit: 'seconds', help: 'Time to write the version, last batch', startsEmpty: true },
} as const satisfies MetricTable;

export type TrainerMetrics = MetricsOf<typeof trainerMetricTable>;

export function defineTrainerMetrics(metrics: Metrics): TrainerMetrics {
  return metrics.define(trainerMetricTable);
}

/** Gauges by the name of the measurement that they show, with the factor to their unit. */
const measured = [
  ['trained_token_share', 'trainedTokenShare', 1],
  ['off_policy_token_share', 'offPolicyTokenShare', 1],
  ['importance_clipped_share', 'importanceClippedShare', 1],
  ['token_age_mean', 'trainedTokenAgeMean', 1],
  ['token_age_max', 'trainedTokenAgeMax', 1],
  ['reward_mean', 'rewardMean', 1],
  ['log_prob_difference_max', 'logProbDiffMax', 1],
  ['log_prob_difference_mean', 'logProbDiffMean', 1],
  ['log_ratio_mean', 'logRatioMean', 1],
  ['reference_seconds', 'referenceMs', 1e-3],
  ['train_seconds', 'trainMs', 1e-3],
  ['save_seconds', 'saveMs', 1e-3],
] as const;

/** @param work "warmup" or "train" */
export function observeProgress(metrics: TrainerMetrics, work: string, message: TrainProgress): void {
  const values: Record<string, unknown> = JSON.parse(message.metricsJson);
  const numberOf = (name: string) => {
    const value = values[name];
    return typeof value === 'number' ? value : null;
  };
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
  metrics.trained_tokens_total.inc(numberOf('trainedTokens') ?? 0);
  for (const [gauge, name, factor] of measured) {
    const value = numberOf(name);
    if (value !== null) metrics[gauge].set(value * factor);
  }
}
