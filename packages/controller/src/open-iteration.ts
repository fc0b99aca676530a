/** Plans an iteration and records the plan: from then on its groups and trajectories exist. The first plan that the store has is the plan. */
import {
  drawProblems,
  type IterationPlan,
  type IterationRecord,
  planIteration,
  SegueError,
  type TrajectorySummary,
} from '@segue/core';
import type { ActiveRun } from './active-run.js';
import { anotherChance, hopeOf } from './await-verdicts.js';
import { collect } from './cluster.js';

/**
 * Waits where all there is to begin with waits for a verdict; answers null when the run is to come to rest meanwhile.
 * @param before the iteration before; null for the first
 */
export async function openIteration(run: ActiveRun, before: IterationRecord | null): Promise<IterationRecord | null> {
  const iteration = before === null ? 0 : before.iteration + 1;
  await run.enter('plan', iteration);
  if ((before?.progress.segmentsByEndReason.error ?? 0) > 0) run.forgetCandidates();
  const made = await somePlan(run, iteration, before);
  if (made === null) return null;
  const replay = await run.cluster.replay();
  const record = await replay.openIteration({
    runId: run.id,
    iteration,
    policyVersion: before?.policyVersionOut ?? 0,
    maxAttempts: run.config.rollout.maxAttempts,
    ...made.plan,
  });
  run.notePlan(record, made.unfinished);
  return record;
}

interface MadePlan {
  readonly plan: IterationPlan;
  /** What it was made from. */
  readonly unfinished: readonly TrajectorySummary[];
  readonly candidates: number;
}

/** A plan that has something to begin with, tried again for as long as verdicts are to come. null: the run is to come to rest. */
async function somePlan(run: ActiveRun, iteration: number, before: IterationRecord | null): Promise<MadePlan | null> {
  let made = await makePlan(run, iteration, before);
  if (made.plan.tasks.length > 0) return made;
  // One wait over all tries, so that its age is that of the silence.
  const wait = run.waits.begin('scores', 'reward', 0);
  try {
    while (made.plan.tasks.length === 0) {
      if (run.halt.aborted) return null;
      const hope = await hopeOf(run);
      if (hope.awaitingScore === 0) throw nothingToGenerate(run, iteration, made.candidates);
      wait.count = hope.awaitingScore;
      await anotherChance(run, hope);
      made = await makePlan(run, iteration, before);
    }
    return made;
  } finally {
    wait.end();
  }
}

async function makePlan(run: ActiveRun, iteration: number, before: IterationRecord | null): Promise<MadePlan> {
  const replay = await run.cluster.replay();
  const [unfinished, candidates, nextGroupIndex] = await Promise.all([
    collect(replay.listUnfinished({ runId: run.id })),
    run.candidates(),
    run.nextGroupIndex(iteration),
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
  return { plan, unfinished, candidates: candidates.length };
}

function nothingToGenerate(run: ActiveRun, iteration: number, candidates: number): SegueError {
  return new SegueError(
    'RESOURCE_EXHAUSTED',
    `iteration ${iteration} of ${run.id} has nothing to generate: no trajectory waits and the sampler gives no problem ` +
      `(${candidates} training problems, sampler ${run.config.problems.sampler}); submit more problems`,
  );
}
