/** The evaluations that belong to a run: before the first iteration, in between, after the last. Which one is due is a pure rule. */
import { type Problem, type RunConfig, type Sampling, SegueError } from '@segue/core';
import type { ActiveRun } from './active-run.js';
import { collect } from './cluster.js';
import { evaluatePolicy } from './evaluate.js';

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
    const startedAtMs = Date.now();
    await Promise.all(rounds.map((round) => evaluateOnce(run, due, policyVersion, problems, round)));
    run.metrics.phase_seconds.observe({ phase: 'evaluate' }, (Date.now() - startedAtMs) / 1000);
  }
  await run.save({ evaluations: [...run.progress.evaluations, evaluationKey(due)] });
}

async function evaluateOnce(
  run: ActiveRun,
  due: DueEvaluation,
  policyVersion: number,
  problems: readonly Problem[],
  round: { readonly temperature: number; readonly samples: number },
): Promise<void> {
  const { rollout, seed } = run.config;
  const sampling: Sampling = { temperature: round.temperature, topK: 0, topP: 1 };
  const result = await evaluatePolicy(
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
    AbortSignal.any([run.signal, run.halt]),
  );
  if (result.accuracy === null) {
    throw new SegueError('UNAVAILABLE', `none of the ${result.failed} responses of the evaluation could be judged`);
  }
  run.metrics.evaluation_accuracy.set({ temperature: String(round.temperature) }, result.accuracy);
  await run.tell(
    'evaluation',
    { ...result, when: due.when, iteration: due.completed, temperature: round.temperature, accuracy: result.accuracy },
    `evaluation-${evaluationKey(due)}-${round.temperature}`,
  );
}
