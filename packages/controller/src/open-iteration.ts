/** Plans an iteration and records the plan: from then on its groups and trajectories exist. The first plan that the store has is the plan. */
import { drawProblems, type IterationRecord, planIteration, SegueError } from '@segue/core';
import type { ActiveRun } from './active-run.js';
import { anotherVerdict } from './await-verdicts.js';
import { collect } from './cluster.js';

/**
 * Answers null when all there is to begin with waits for a verdict: one has come, or the run is to come to rest.
 * @param before the iteration before; null for the first
 */
export async function openIteration(run: ActiveRun, before: IterationRecord | null): Promise<IterationRecord | null> {
  const iteration = before === null ? 0 : before.iteration + 1;
  await run.enter('plan', iteration);
  if ((before?.progress.segmentsByEndReason.error ?? 0) > 0) run.forgetCandidates();
  const replay = await run.cluster.replay();
  const [unfinished, candidates, nextGroupIndex] = await Promise.all([
    collect(replay.listUnfinished({ runId: run.id })),
    run.candidates(),
    run.nextGroupIndex(),
  ]);
  // What was asked for is drawn once.
  if (candidates.some(({ requeued }) => requeued)) run.forgetCandidates();
  const plan = planIteration({
    runId: run.id,
    iteration,
    unfinished,
    readyGroups: before?.progress.usefulGroups ?? 0,
    nextGroupIndex,
    rules: run.config.rollout,
    draw: (count) => drawProblems({ candidates, count, iteration, seed: run.config.seed, rules: run.config.problems }),
  });
  if (plan.tasks.length === 0) {
    if (await anotherVerdict(run)) return null;
    throw new SegueError(
      'RESOURCE_EXHAUSTED',
      `iteration ${iteration} of ${run.id} has nothing to generate: no trajectory waits and the sampler gives no problem ` +
        `(${candidates.length} training problems, sampler ${run.config.problems.sampler}); submit more problems`,
    );
  }
  const record = await replay.openIteration({
    runId: run.id,
    iteration,
    policyVersion: before?.policyVersionOut ?? 0,
    maxAttempts: run.config.rollout.maxAttempts,
    ...plan,
  });
  run.notePlan(record, unfinished);
  return record;
}
