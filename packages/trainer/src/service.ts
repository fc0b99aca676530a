/** The gRPC face of the trainer: what protos/segue/v1/trainer.proto promises, one handler per call. */
import type { Handlers } from '@segue/bus';
import type { TrainerApi } from '@segue/core';
import { downloadPolicy } from './download.js';
import type { Trainer } from './trainer.js';

export function trainerHandlers(trainer: Trainer): Handlers<TrainerApi> {
  return {
    async initializePolicy({ runId }) {
      return trainer.initialize(runId);
    },

    fineTune({ runId, fromVersion, replace }, { signal }) {
      return trainer.fineTune(runId, fromVersion, replace, signal);
    },

    trainIteration({ runId, iteration }, { signal }) {
      return trainer.train(runId, iteration, signal);
    },

    async getTrainerStatus() {
      return trainer.status;
    },

    downloadPolicy(request) {
      return downloadPolicy(trainer.store, request);
    },
  };
}
