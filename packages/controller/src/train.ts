/**
 * The training phase of a closed iteration: freeze the batch, train on it, make the new version the active one, commit. Each step is
 * idempotent, so the phase may begin anew anywhere. An iteration without a complete group trains nothing and keeps its version.
 */
import type { IterationRecord, TrainMetrics } from '@segue/core';
import { activate } from './activate.js';
import type { ActiveRun } from './active-run.js';
import { iterationEvent } from './iteration-event.js';
import { showIteration } from './metrics.js';
import { followTrainer, parseMetrics } from './trainer-calls.js';

const longestMs = 24 * 3600 * 1000;

export async function freezeBatch(run: ActiveRun, closed: IterationRecord): Promise<IterationRecord> {
  const { runId, iteration } = closed;
  const { rollout, train } = run.config;
  const replay = await run.cluster.replay();
  return replay.freezeBatch({
    runId,
    iteration,
    maxGroups: rollout.groupsPerIteration,
    minUsable: train.minUsableMembers,
    keepEqual: train.keepEqualGroups,
  });
}

export async function trainIteration(run: ActiveRun, frozen: IterationRecord): Promise<IterationRecord> {
  const { runId, iteration, policyVersion } = frozen;
  let policyVersionOut = policyVersion;
  let train: TrainMetrics | null = null;
  let trainMs = 0;
  let activateMs = 0;
  if (frozen.batchGroupIds.length > 0) {
    await run.enter('train', iteration);
    const startedAtMs = Date.now();
    const trainer = await run.cluster.trainer();
    const { policy, metricsJson } = await followTrainer(
      run,
      (signal) => trainer.trainIteration({ runId, iteration }, { signal, deadlineMs: longestMs }),
      ({ stage, step, steps }) => run.tell('train', { iteration, stage, step, steps }),
    );
    trainMs = Date.now() - startedAtMs;
    run.metrics.phase_seconds.observe({ phase: 'train' }, trainMs / 1000);
    train = trainMetrics(metricsJson);
    policyVersionOut = policy.ref.version;
    await run.save({ policy });
    await run.enter('activate', iteration);
    activateMs = await activate(run, policy);
  }
  const replay = await run.cluster.replay();
  const { trajectoriesByState } = await replay.getStatistics({ runId });
  const event = iterationEvent(frozen, run.progress.rollout, {
    policyVersionOut,
    train,
    trainMs,
    activateMs,
    wallMs: Date.now() - frozen.openedAtMs,
    carriedTrajectories: (trajectoriesByState.pending ?? 0) + (trajectoriesByState.unfinished ?? 0),
  });
  const committed = await replay.commitIteration({
    runId,
    iteration,
    policyVersionOut,
    metricsJson: JSON.stringify(event),
  });
  showIteration(run.metrics, event);
  return committed;
}

/** What a trainer measured; null when it says nothing. */
function trainMetrics(metricsJson: string): TrainMetrics | null {
  const metrics = parseMetrics(metricsJson);
  return Object.keys(metrics).length === 0 ? null : (metrics as Partial<TrainMetrics> as TrainMetrics);
}
