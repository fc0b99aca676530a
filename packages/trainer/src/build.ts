/** Puts the trainer into its shell: policy store, handlers, and the order of the stop. */
import { trainerContract } from '@segue/bus';
import type { TrainerConfig } from '@segue/core';
import { engineProcessEntry, requireDevice, requireDeviceBriefly, warmTraining } from '@segue/engine';
import { type LoadOrder, openAgent, pinnedVersions, type Shell } from '@segue/service';
import { defineTrainerMetrics } from './metrics.js';
import { trainerHandlers } from './service.js';
import { Trainer, type TrainerSeams } from './trainer.js';

/** Between two looks for weights that no run needs any more, in ms. */
const retentionMs = 60_000;

export async function buildTrainer(shell: Shell<TrainerConfig>, seams: TrainerSeams = {}): Promise<void> {
  const { config, log, bus, peers } = shell;
  const check = config.deployment === 'colocated' ? requireDeviceBriefly : requireDevice;
  await check(config.device, config.precision);
  const metrics = defineTrainerMetrics(shell.metrics);
  const owner = { load: (order: LoadOrder) => trainer.load(order), release: () => trainer.releaseDevice() };
  const program = { entry: engineProcessEntry, warmUp: warmTraining(config.engineTimeoutMs) };
  const colocated = config.deployment === 'colocated' ? openAgent(shell, program, () => owner) : null;
  const trainer: Trainer = new Trainer({
    config,
    log,
    metrics,
    replay: () => peers.replay(),
    pinned: async (runId) => pinnedVersions(await bus.registrations(), runId),
    onHang: shell.fail,
    agent: colocated?.agent ?? null,
    seams,
  });
  shell.serve(trainerContract, trainerHandlers(trainer));
  shell.register(() => {
    const { policyVersion, runId, engineCallMs } = trainer.status;
    metrics.engine_call_seconds.set(engineCallMs / 1_000);
    return { policyVersion, runId, ...colocated?.registration() };
  });
  shell.loop('retention', retentionMs, () => trainer.retire());
  shell.onStop('training', () => trainer.stop());
}
