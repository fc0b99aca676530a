/** The gRPC face of the actor: what protos/segue/v1/actor.proto promises, one handler per call. */
import type { Handlers } from '@segue/bus';
import type { ActorApi } from '@segue/core';
import type { Actor } from './actor.js';
import { boundsOf, generate, sequencesOf } from './generate.js';
import { servePolicy } from './serve-policy.js';

export function actorHandlers(actor: Actor, limits: { readonly maxGeneratePrompts: number }): Handlers<ActorApi> {
  return {
    async *generate(request, { signal }) {
      const { runId, policyVersion } = request;
      // The version that is served needs no pin: it is the newest.
      const unpin = policyVersion === null ? null : await actor.pinned.pin(runId, policyVersion);
      try {
        const policy = await actor.policies.pin(runId, policyVersion, signal);
        const setting = {
          policy,
          settings: await actor.settings.settings(runId),
          tokenizer: await actor.settings.tokenizer(policy),
          maxPrompts: limits.maxGeneratePrompts,
          bounds: await boundsOf(policy, actor.lanes.rollout),
        };
        const sequences = sequencesOf(request, setting);
        yield* generate(sequences, setting, (...work) => actor.lanes.evaluate(...work), signal);
      } finally {
        unpin?.();
      }
    },

    async getActorStatus() {
      return actor.status;
    },

    async loadPolicy({ policy }) {
      await actor.policies.serve(policy);
      return actor.status;
    },

    async preparePolicy({ policy, folder }, { signal }) {
      await actor.policies.prepare(policy, folder, signal);
      return actor.status;
    },

    releaseDevice() {
      return actor.releaseDevice();
    },

    downloadPolicy(request) {
      return servePolicy(actor.lanes.rollout.policy, request);
    },

    async drain() {
      await actor.loop.drain();
      return actor.status;
    },
  };
}
