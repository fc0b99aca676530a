/**
 * Watches an open iteration until the closing rule is met or the run is to come to rest. It looks at the store a few times a second, earlier
 * when the store nudges, and on the way tells progress, measures idle slots, and has lost tasks issued again.
 */
import { type ClosingReason, closingReason, type IterationRecord } from '@segue/core';
import type { ActiveRun } from './active-run.js';
import { askActors } from './actors.js';
import { pause } from './cluster.js';
import type { IdleMeter } from './idle-meter.js';
import type { TaskIssuer } from './issue.js';

export async function awaitClosing(
  run: ActiveRun,
  first: IterationRecord,
  issuer: TaskIssuer,
  meter: IdleMeter,
): Promise<ClosingReason | 'halted'> {
  const { timings } = run.cluster;
  const segments = run.waits.begin('segments', '', 0);
  const scores = run.waits.begin('scores', 'reward', 0);
  const actors = run.waits.begin('actor', '', 0);
  const startedAtMs = Date.now();
  let endedAtMs: number | null = null;
  let reconciledAtMs = startedAtMs;
  let toldAtMs = startedAtMs;
  let errorSegments = first.progress.segmentsByEndReason.error ?? 0;
  try {
    while (!run.halt.aborted) {
      const [record, answers] = await Promise.all([run.iteration(first.iteration), askActors(run.cluster, run.signal)]);
      const nowMs = Date.now();
      meter.sample(answers.flatMap(({ status }) => (status === null ? [] : [status])));

      const errorsNow = record.progress.segmentsByEndReason.error ?? 0;
      if (errorsNow > errorSegments || nowMs - reconciledAtMs >= timings.reconcileMs) {
        errorSegments = errorsNow;
        reconciledAtMs = nowMs;
        await issuer.reissue(record);
      }

      const owedTasks = issuer.owed(record).length;
      endedAtMs = owedTasks > 0 ? null : (endedAtMs ?? nowMs);
      segments.count = owedTasks;
      scores.count = owedTasks > 0 ? 0 : record.progress.awaitingScore;
      actors.count = owedTasks > 0 && answers.length === 0 ? 1 : 0;
      if (nowMs - toldAtMs >= timings.progressEventMs) {
        toldAtMs = nowMs;
        await tellProgress(run, record, nowMs - startedAtMs);
      }

      const reason = closingReason({
        progress: {
          usefulGroups: run.config.train.keepEqualGroups
            ? record.progress.completeGroups
            : record.progress.usefulGroups,
          awaitingScore: record.progress.awaitingScore,
        },
        owedTasks,
        endedForMs: endedAtMs === null ? 0 : nowMs - endedAtMs,
        scoreWaitMs: timings.scoreWaitMs,
        rules: run.config.rollout,
      });
      if (reason !== null) return reason;
      await run.bell.wait(timings.pollMs, run.halt);
      // Nudges come by the hundred; one look serves them all.
      await pause(Math.min(timings.actorPollMs, timings.pollMs), run.signal);
    }
    return 'halted';
  } finally {
    segments.end();
    scores.end();
    actors.end();
  }
}

async function tellProgress(run: ActiveRun, record: IterationRecord, elapsedMs: number): Promise<void> {
  const { progress } = record;
  await run.tell('progress', {
    iteration: record.iteration,
    plannedTasks: record.tasks.length,
    committedTasks: progress.committedTasks,
    usefulGroups: progress.usefulGroups,
    completeGroups: progress.completeGroups,
    generatedTokens: progress.generatedTokens,
    tokensPerSecond: (1000 * progress.generatedTokens) / Math.max(1, elapsedMs),
  });
}
