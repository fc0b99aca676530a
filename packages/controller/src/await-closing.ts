/**
 * Watches an open iteration until the closing rule is met, the run is to come to rest or another controller has gone on with it. It looks at the store a few times a second, earlier
 * when the store nudges, and on the way tells progress and has what was lost announced and issued again.
 */
import { type ClosingReason, closingReason, type IterationProgress, type IterationRecord } from '@segue/core';
import type { ActiveRun } from './active-run.js';
import { liveActors } from './actors.js';
import { announceLost } from './announce.js';
import { pause } from './cluster.js';
import type { TaskIssuer } from './issue.js';

export async function awaitClosing(
  run: ActiveRun,
  first: IterationRecord,
  issuer: TaskIssuer,
): Promise<ClosingReason | 'halted' | 'superseded'> {
  const { timings } = run.cluster;
  const segments = run.waits.begin('segments', '', 0);
  const scores = run.waits.begin('scores', 'reward', 0);
  const actors = run.waits.begin('actor', '', 0);
  const startedAtMs = performance.now();
  let endedAtMs: number | null = null;
  let reconciledAtMs = startedAtMs;
  let toldAtMs = startedAtMs;
  let errorSegments = first.progress.segmentsByEndReason.error ?? 0;
  try {
    while (!run.halt.aborted) {
      const lookedAtMs = performance.now();
      const progress = await run.iterationProgress(first.iteration);
      const nowMs = performance.now();
      // By then it has also searched for what was lost, again and again.
      if (nowMs - startedAtMs >= timings.steadyMs) run.noteSuccess();
      const errorsNow = progress.segmentsByEndReason.error ?? 0;
      const hasFailures = errorsNow > errorSegments;
      if (hasFailures || nowMs - reconciledAtMs >= timings.reconcileMs) {
        errorSegments = errorsNow;
        reconciledAtMs = nowMs;
        // Another controller may have been told to bring the run to rest; then this is the last look.
        await run.readProgress();
        if (run.halt.aborted) break;
        // First, so that whoever takes what is issued knows what it goes by.
        if (!(await announceLost(run, first))) return 'superseded';
        await issuer.reissue(progress, hasFailures);
        const isEmpty = (await liveActors(run.cluster)).length === 0;
        actors.from = isEmpty || issuer.whyNobody === '' ? '' : `nobody: ${issuer.whyNobody}`;
        actors.count = isEmpty || actors.from !== '' ? 1 : 0;
      }

      const owedTasks = issuer.owed(progress).length;
      endedAtMs = owedTasks > 0 ? null : (endedAtMs ?? nowMs);
      segments.count = owedTasks;
      segments.from = owedTasks > 0 ? issuer.owners(issuer.owed(progress)) : '';
      scores.count = owedTasks > 0 ? 0 : progress.awaitingScore;
      if (nowMs - toldAtMs >= timings.progressEventMs) {
        toldAtMs = nowMs;
        await tellProgress(run, first, progress, nowMs - startedAtMs);
      }

      const reason = closingReason({
        progress,
        owedTasks,
        endedForMs: endedAtMs === null ? 0 : nowMs - endedAtMs,
        scoreWaitMs: timings.scoreWaitMs,
        rules: run.config.rollout,
      });
      if (reason !== null) return reason;
      await run.bell.wait(timings.pollMs, run.halt);
      // Nudges come by the hundred; one look serves those that follow shortly after the look before. One after a quiet while is followed at once.
      const restMs = Math.min(timings.actorPollMs, timings.pollMs) - (performance.now() - lookedAtMs);
      await pause(Math.max(0, restMs), run.signal);
    }
    return 'halted';
  } finally {
    segments.end();
    scores.end();
    actors.end();
  }
}

async function tellProgress(
  run: ActiveRun,
  { iteration, tasks }: IterationRecord,
  progress: IterationProgress,
  elapsedMs: number,
): Promise<void> {
  await run.tell('progress', {
    iteration,
    plannedTasks: tasks.length,
    committedTasks: progress.committedTasks,
    usefulGroups: progress.usefulGroups,
    completeGroups: progress.completeGroups,
    generatedTokens: progress.generatedTokens,
    tokensPerSecond: (1000 * progress.generatedTokens) / Math.max(1, elapsedMs),
  });
}
