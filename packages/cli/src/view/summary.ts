/**
 * The summary of a run: the last line of `--json`, and the closing words in the terminal.
 */
import type { EndReason, IterationEvent, ReplayStatistics } from '@segue/core';
import { evaluationAt, type RunViewState } from './run-view.js';

export interface RunSummary {
  readonly type: 'summary';
  readonly run: string;
  readonly seed: number;
  readonly state: string;
  readonly iterations: number;
  /** Held-out accuracy at temperature 1 after the warm-up, before the first update. */
  readonly accuracyBefore: number | null;
  readonly accuracyAfter: number | null;
  readonly greedyBefore: number | null;
  readonly greedyAfter: number | null;
  /** Finished trajectories, and those with segments of two or more iterations. */
  readonly trajectories: number;
  readonly spanning: number;
  readonly segmentsByEndReason: Readonly<Partial<Record<EndReason, number>>>;
  /** Largest difference between an actor's and the trainer's log-prob over trained tokens that policy i wrote. */
  readonly logprobDiffMax: number | null;
  readonly tokensGenerated: number;
  readonly tokensReprefilled: number;
  readonly responseTokensBefore: number | null;
  readonly responseTokensAfter: number | null;
  readonly gradientNormMax: number | null;
  readonly groupsTrained: number;
  readonly groupsFilteredEqual: number;
  /** Share of slot time in rollout phases in which actors generated nothing, mean over iterations. */
  readonly actorIdleShare: number | null;
  readonly rolloutSeconds: number;
  readonly trainSeconds: number;
  readonly wallSeconds: number;
  readonly appendsByOutcome: ReplayStatistics['appendsByOutcome'];
}

export interface SummaryInput {
  readonly run: string;
  readonly seed: number;
  readonly view: RunViewState;
  readonly statistics: ReplayStatistics;
  readonly wallSeconds: number;
}

export function summarize({ run, seed, view, statistics, wallSeconds }: SummaryInput): RunSummary {
  const before = evaluationAt(view, 'before', 'sampled');
  const after = evaluationAt(view, 'after', 'sampled');
  const { iterations } = view;
  return {
    type: 'summary',
    run,
    seed,
    state: view.state,
    iterations: iterations.length,
    accuracyBefore: before?.accuracy ?? null,
    accuracyAfter: after?.accuracy ?? null,
    greedyBefore: evaluationAt(view, 'before', 'greedy')?.accuracy ?? null,
    greedyAfter: evaluationAt(view, 'after', 'greedy')?.accuracy ?? null,
    trajectories: statistics.finished,
    spanning: statistics.spanning,
    segmentsByEndReason: statistics.segmentsByEndReason,
    logprobDiffMax: largest(iterations.map((i) => i.train?.logProbDiffMax ?? null)),
    tokensGenerated: statistics.generatedTokens,
    tokensReprefilled: statistics.reprefilledTokens,
    responseTokensBefore: before?.responseTokensMean ?? null,
    responseTokensAfter: after?.responseTokensMean ?? null,
    gradientNormMax: largest(iterations.map((i) => i.train?.gradientNormMax ?? null)),
    groupsTrained: sum(iterations.map((i) => i.groupsTrained)),
    groupsFilteredEqual: sum(iterations.map((i) => i.groupsFilteredEqual)),
    actorIdleShare: iterations.length > 0 ? sum(iterations.map((i) => i.actorIdleShare)) / iterations.length : null,
    rolloutSeconds: seconds(iterations, (i) => i.rolloutMs + i.closeMs),
    trainSeconds: seconds(iterations, (i) => i.trainMs),
    wallSeconds: round(wallSeconds, 1),
    appendsByOutcome: statistics.appendsByOutcome,
  };
}

function largest(values: readonly (number | null)[]): number | null {
  const known = values.filter((value) => value !== null);
  return known.length > 0 ? Math.max(...known) : null;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function seconds(iterations: readonly IterationEvent[], ms: (i: IterationEvent) => number): number {
  return round(sum(iterations.map(ms)) / 1000, 1);
}

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}
