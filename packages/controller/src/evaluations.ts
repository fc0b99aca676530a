/** The evaluations that belong to a run: before the first iteration, in between, after the last. Which one is due is a pure rule. */
import { type EvaluationResult, type Problem, type RunConfig, type Sampling, SegueError } from '@segue/core';
import type { ActiveRun } from './active-run.js';
import { collect } from './cluster.js';
import { evaluatePolicy } from './evaluate.js';
import type { EvaluationRefusal } from './evaluation-bound.js';
import { together } from './together.js';

export interface DueEvaluation {
  readonly when: 'before' | 'between' | 'after';
  /** Iterations completed. */
  readonly completed: number;
}

export function evaluationKey(due: DueEvaluation): string {
  return `${due.when}-${due.completed}`;
}

/** @param done keys of those that have ended */
export function dueEvaluation(config: RunConfig, done: readonly string[], completed: number): DueEvaluation | null {
  const due = { when: whenOf(config, completed), completed };
  return due.when === null || done.includes(evaluationKey({ ...due, when: due.when }))
    ? null
    : { ...due, when: due.when };
}

function whenOf(config: RunConfig, completed: number): DueEvaluation['when'] | null {
  const { everyIterations } = config.evaluation;
  if (completed === 0) return 'before';
  if (completed >= config.iterations) return 'after';
  return everyIterations > 0 && completed % everyIterations === 0 ? 'between' : null;
}

/** Runs a due evaluation and tells its results. Without evaluation problems there is nothing to do. */
export async function evaluateDue(run: ActiveRun, due: DueEvaluation, policyVersion: number): Promise<void> {
  await run.enter('evaluate', due.completed);
  const { evaluation } = run.config;
  const replay = await run.cluster.replay();
  const records = await collect(replay.listProblems({ runId: run.id, purpose: 'evaluation' }));
  const limit = due.when === 'between' ? evaluation.problemsBetween : evaluation.problems;
  const problems = records.map((record) => record.problem).slice(0, limit === 0 ? undefined : limit);
  if (problems.length > 0) {
    const samples = due.when === 'between' ? evaluation.samplesBetween : evaluation.samples;
    const rounds = [{ temperature: evaluation.temperature, samples }];
    const greedyToo = evaluation.greedy && due.when !== 'between' && evaluation.temperature !== 0;
    if (greedyToo) rounds.push({ temperature: 0, samples: 1 });
    const samplesInAll = rounds.reduce((sum, round) => sum + round.samples, 0);
    run.cluster.evaluations.require(problems.length, samplesInAll, tooManyConfigured(due.when));
    const startedAtMs = Date.now();
    const results = await together(
      AbortSignal.any([run.signal, run.halt]),
      rounds.map((round) => (signal) => evaluateOnce(run, policyVersion, problems, round, signal)),
    );
    run.metrics.phase_seconds.observe({ phase: 'evaluate' }, (Date.now() - startedAtMs) / 1000);
    for (const [n, { temperature }] of rounds.entries()) await tellEvaluation(run, due, temperature, results[n]!);
  }
  await run.save({ evaluations: [...run.progress.evaluations, evaluationKey(due)] });
}

/** The configuration of a run stays as it is. */
function tooManyConfigured(when: DueEvaluation['when']): EvaluationRefusal {
  const keys =
    when === 'between'
      ? 'evaluation.problemsBetween or evaluation.samplesBetween'
      : 'evaluation.problems (0 means all), evaluation.samples or evaluation.greedy';
  return {
    code: 'INVALID_CONFIG',
    advice: `raise maxEvaluationResponses of the controller and resume the run, or create one with less of ${keys}`,
  };
}

async function evaluateOnce(
  run: ActiveRun,
  policyVersion: number,
  problems: readonly Problem[],
  round: { readonly temperature: number; readonly samples: number },
  signal: AbortSignal,
): Promise<EvaluationResult> {
  const { rollout, seed } = run.config;
  const sampling: Sampling = { temperature: round.temperature, topK: 0, topP: 1 };
  return evaluatePolicy(
    run.cluster,
    run.waits,
    {
      runId: run.id,
      policyVersion,
      problems,
      samples: round.samples,
      sampling,
      maxTokens: rollout.maxResponseTokens,
      seed,
      stopOnRepeat: rollout.repeat.enabled,
    },
    signal,
  );
}

async function tellEvaluation(
  run: ActiveRun,
  due: DueEvaluation,
  temperature: number,
  result: EvaluationResult,
): Promise<void> {
  const { accuracy, failed } = result;
  if (accuracy === null) {
    throw new SegueError('UNAVAILABLE', `none of the ${failed} responses of the evaluation could be judged`);
  }
  run.metrics.evaluation_accuracy.set({ temperature: String(temperature) }, accuracy);
  const { when, completed } = due;
  const key = `evaluation-${evaluationKey(due)}-${temperature}`;
  await run.tell('evaluation', { ...result, when, iteration: completed, temperature, accuracy }, key);
}
