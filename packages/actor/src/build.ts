/** Puts the actor into its shell: engine by configuration, handlers, watches, heartbeat, and the order of the stop. */
import { actorContract } from '@segue/bus';
import type { ActorConfig } from '@segue/core';
import { type AgentOwner, openAgent, type Shell } from '@segue/service';
import { Actor } from './actor.js';
import { DeviceTurn } from './device-turn.js';
import { engineMaker, engineProgram } from './engine.js';
import { actorHandlers } from './service.js';

const catchUpIntervalMs = 1_000;

/** @param engineEntry what an engine's thread runs, in place of the engine itself; for tests */
export async function buildActor(shell: Shell<ActorConfig>, engineEntry?: URL): Promise<void> {
  const colocated =
    shell.config.deployment === 'colocated' ? openAgent(shell, engineProgram(shell.config), () => owner) : null;
  const turn = colocated && new DeviceTurn(colocated.agent);
  const createEngine = await engineMaker(shell.config, {
    ...(engineEntry && { entry: engineEntry }),
    ...(turn && { turn }),
  });
  const actor = new Actor(shell, createEngine, turn);
  const owner: AgentOwner = {
    load: ({ runId, version }) => actor.policies.serve({ runId, version, manifestSha256: '' }),
    release: async () => void (await actor.releaseDevice()),
  };
  shell.serve(actorContract, actorHandlers(actor, shell.config));
  shell.register(() => ({ ...actor.registration, ...colocated?.registration() }));
  shell.onStart('engine', () => actor.start());
  shell.keep('policies', (signal) => actor.followPolicies(shell.bus.watchActivePolicies({ signal })));
  shell.keep('iterations', (signal) => actor.followIterations(shell.bus.watchIterationSignals({ signal })));
  shell.loop('catch-up', catchUpIntervalMs, (signal) => actor.catchUp(signal));
  shell.onStop('rollouts', () => actor.stop());
}
