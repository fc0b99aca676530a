/**
 * Waits for the verdicts that a run cannot do without: before a batch that would be empty is frozen, and before a plan that has nothing to begin with
 * because all problems are still to be judged. It looks at the store, so a controller that was restarted waits on.
 */
import { awaitsVerdicts, type IterationRecord } from '@segue/core';
import type { ActiveRun } from './active-run.js';
import { pause } from './cluster.js';

/** Until the batch of a closed iteration may be frozen, the run is to come to rest, or another controller has gone on with it. */
export async function awaitVerdicts(
  run: ActiveRun,
  closed: IterationRecord,
): Promise<'enough' | 'halted' | 'superseded'> {
  const { iteration } = closed;
  const { scoreWaitMs, reconcileMs } = run.cluster.timings;
  const { groupsPerIteration } = run.config.rollout;
  const isLastIteration = iteration + 1 >= run.config.iterations;
  const wasEmpty = closed.progress.usefulGroups === 0;
  let { progress } = closed;
  let cameAtMs = performance.now();
  let reconciledAtMs = cameAtMs;
  const wait = run.waits.begin('scores', 'reward', 0);
  try {
    for (;;) {
      const silentForMs = performance.now() - cameAtMs;
      const state = { progress, wasEmpty, isLastIteration, silentForMs, scoreWaitMs, groupsPerIteration };
      if (!awaitsVerdicts(state)) return 'enough';
      if (run.halt.aborted) return 'halted';
      // After a restart nobody has said so yet.
      await run.enter('close', iteration);
      wait.count = progress.awaitingScore;
      await nextLook(run);
      // What a committed iteration had come to stands for good: no verdict would end the wait.
      if (performance.now() - reconciledAtMs >= reconcileMs) {
        reconciledAtMs = performance.now();
        await run.readProgress();
        if (!(await run.isStill('closed', iteration))) return 'superseded';
      }
      const before = progress.awaitingScore;
      progress = await run.iterationProgress(iteration);
      const hasCome = progress.awaitingScore < before;
      // A wait that silence ends begins anew when the step after it has failed: were each look a success, that one would be tried for ever.
      if (hasCome || !isLastIteration || progress.usefulGroups === 0) run.noteSuccess();
      if (hasCome) cameAtMs = performance.now();
    }
  } finally {
    wait.end();
  }
}

/** What a plan that has nothing to begin with hopes for. */
export interface Hope {
  /** Finished trajectories of the run without a verdict. */
  readonly awaitingScore: number;
  readonly trainProblems: number;
}

/** Reads the run too, by which one that another controller has brought to rest is left. */
export async function hopeOf(run: ActiveRun): Promise<Hope> {
  const replay = await run.cluster.replay();
  const [{ trajectoriesByState }, { trainProblems }] = await Promise.all([
    replay.getStatistics({ runId: run.id }),
    run.readProgress(),
  ]);
  return { awaitingScore: trajectoriesByState.finished ?? 0, trainProblems };
}

/** Until a plan may find something to begin with: a verdict has come, problems were submitted, or a while has passed. Or the run is to come to rest. */
export async function anotherChance(run: ActiveRun, before: Hope): Promise<void> {
  const startedAtMs = performance.now();
  while (!run.halt.aborted && performance.now() - startedAtMs < run.cluster.timings.replanMs) {
    await nextLook(run);
    const { awaitingScore, trainProblems } = await hopeOf(run);
    run.noteSuccess();
    if (awaitingScore !== before.awaitingScore || trainProblems !== before.trainProblems) return;
  }
}

/** One look serves the nudges that follow shortly after it. */
async function nextLook(run: ActiveRun): Promise<void> {
  const { pollMs, actorPollMs } = run.cluster.timings;
  await run.bell.wait(pollMs, run.halt);
  await pause(Math.min(actorPollMs, pollMs), run.signal);
}
