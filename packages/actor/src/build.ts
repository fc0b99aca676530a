/** Puts the actor into its shell: engine by configuration, handlers, watches, heartbeat, and the order of the stop. */
import { actorContract } from '@segue/bus';
import type { ActorConfig } from '@segue/core';
import { requireDevice, WorkerEngine } from '@segue/engine';
import type { Shell } from '@segue/service';
import { Actor } from './actor.js';
import { actorHandlers } from './service.js';

const catchUpIntervalMs = 1_000;

/** @param engineEntry what an engine's thread runs, in place of the engine itself; for tests */
export async function buildActor(shell: Shell<ActorConfig>, engineEntry?: URL): Promise<void> {
  const { slots, waitingRoom, chunkTokens, threads, device, precision, packWeights } = shell.config;
  await requireDevice(device, precision);
  const options = {
    slots,
    ...(waitingRoom !== null && { waitingRoom }),
    chunkTokens,
    threads,
    device,
    precision,
    packWeights,
  };
  const actor = new Actor(shell, () => new WorkerEngine(options, engineEntry));
  shell.serve(actorContract, actorHandlers(actor, shell.config));
  shell.register(() => actor.registration);
  shell.onStart('engine', () => actor.start());
  shell.keep('policies', (signal) => actor.followPolicies(shell.bus.watchActivePolicies({ signal })));
  shell.keep('iterations', (signal) => actor.followIterations(shell.bus.watchIterationSignals({ signal })));
  shell.loop('catch-up', catchUpIntervalMs, () => actor.catchUp());
  shell.onStop('rollouts', () => actor.stop());
}
