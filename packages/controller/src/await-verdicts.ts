/**
 * Waits for the verdicts that a run cannot do without: before a batch that would be empty is frozen, and before a plan that has nothing to begin with
 * because all problems are still to be judged. It looks at the store, so a controller that was restarted waits on.
 */
import { awaitsVerdicts, type IterationRecord } from '@segue/core';
import type { ActiveRun } from './active-run.js';
import { pause } from './cluster.js';

/** Until the batch of a closed iteration may be frozen, or the run is to come to rest. */
export async function awaitVerdicts(run: ActiveRun, closed: IterationRecord): Promise<'enough' | 'halted'> {
  const { iteration } = closed;
  const { scoreWaitMs } = run.cluster.timings;
  const { groupsPerIteration } = run.config.rollout;
  const isLastIteration = iteration + 1 >= run.config.iterations;
  const wasEmpty = closed.progress.usefulGroups === 0;
  let { progress } = closed;
  let cameAtMs = performance.now();
  const wait = run.waits.begin('scores', 'reward', 0);
  try {
    for (;;) {
      const silentForMs = performance.now() - cameAtMs;
      const isDue = { progress, wasEmpty, isLastIteration, silentForMs, scoreWaitMs, groupsPerIteration };
      if (!awaitsVerdicts(isDue)) return 'enough';
      if (run.halt.aborted) return 'halted';
      // After a restart nobody has said so yet.
      await run.enter('close', iteration);
      wait.count = progress.awaitingScore;
      await nextLook(run);
      const before = progress.awaitingScore;
      progress = await run.iterationProgress(iteration);
      if (progress.awaitingScore < before) cameAtMs = performance.now();
    }
  } finally {
    wait.end();
  }
}

/** Until one more of the run's finished trajectories is judged, or the run is to come to rest; false when none waits for a verdict. */
export async function anotherVerdict(run: ActiveRun): Promise<boolean> {
  const first = await awaitingScore(run);
  if (first === 0) return false;
  const wait = run.waits.begin('scores', 'reward', first);
  try {
    while (!run.halt.aborted && (await awaitingScore(run)) === first) await nextLook(run);
    return true;
  } finally {
    wait.end();
  }
}

async function awaitingScore(run: ActiveRun): Promise<number> {
  const replay = await run.cluster.replay();
  const { trajectoriesByState } = await replay.getStatistics({ runId: run.id });
  return trajectoriesByState.finished ?? 0;
}

/** One look serves the nudges that follow shortly after it. */
async function nextLook(run: ActiveRun): Promise<void> {
  const { pollMs, actorPollMs } = run.cluster.timings;
  await run.bell.wait(pollMs, run.halt);
  await pause(Math.min(actorPollMs, pollMs), run.signal);
}
