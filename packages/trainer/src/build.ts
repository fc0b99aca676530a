/** Puts the trainer into its shell: policy store, handlers, and the order of the stop. */
import { trainerContract } from '@segue/bus';
import type { TrainerConfig } from '@segue/core';
import { requireDevice } from '@segue/engine';
import { pinnedVersions, type Shell } from '@segue/service';
import { defineTrainerMetrics } from './metrics.js';
import { trainerHandlers } from './service.js';
import { Trainer, type TrainerSeams } from './trainer.js';

/** Between two looks for weights that no run needs any more, in ms. */
const retentionMs = 60_000;

export async function buildTrainer(shell: Shell<TrainerConfig>, seams: TrainerSeams = {}): Promise<void> {
  const { config, log, bus, peers } = shell;
  await requireDevice(config.device, config.precision);
  const metrics = defineTrainerMetrics(shell.metrics);
  const trainer = new Trainer({
    config,
    log,
    metrics,
    replay: () => peers.replay(),
    pinned: async (runId) => pinnedVersions(await bus.registrations(), runId),
    onHang: shell.fail,
    seams,
  });
  shell.serve(trainerContract, trainerHandlers(trainer));
  shell.register(() => {
    const { policyVersion, runId, engineCallMs } = trainer.status;
    metrics.engine_call_seconds.set(engineCallMs / 1_000);
    return { policyVersion, runId };
  });
  shell.loop('retention', retentionMs, () => trainer.retire());
  shell.onStop('training', () => trainer.stop());
}
