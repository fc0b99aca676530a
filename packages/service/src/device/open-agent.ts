/** Puts a checkpoint agent into the shell of a service whose engine takes turns on a device. */
import { createHash } from 'node:crypto';
import { resolve } from 'node:path';
import { type ActorConfig, type CommonConfig, SegueError, type TrainerConfig } from '@segue/core';
import type { Shell } from '../shell.js';
import { type AgentOptions, CheckpointAgent } from './agent.js';
import { type AgentFace, type AgentOwner, serveAgent } from './agent-http.js';

type EngineConfig = ActorConfig | TrainerConfig;

export interface ColocatedEngine {
  readonly agent: CheckpointAgent;
  /** What the heartbeat says of it. */
  registration(): { readonly device: string; readonly agentAddress: string };
}

/**
 * Call it before the engine's own `onStop`, so that the process outlives what uses it.
 * @param owner asked for when the agent is first told something, since the owner needs the agent to be made
 */
export function openAgent<C extends EngineConfig>(
  shell: Shell<C>,
  engine: Pick<AgentOptions, 'entry' | 'warmUp'>,
  owner: () => AgentOwner,
): ColocatedEngine {
  const { config, bus, log, metrics } = shell;
  if (process.platform !== 'linux') {
    throw new SegueError('INVALID_CONFIG', `deployment=colocated needs Linux, this is ${process.platform}`);
  }
  const agent = new CheckpointAgent({
    bus,
    device: deviceName(config),
    holder: config.id,
    leaseMs: config.deviceLeaseMs,
    waitMs: config.deviceWaitMs,
    ...engine,
    metrics,
    log,
  });
  let face: AgentFace | null = null;
  shell.onStart('agent', async () => {
    const asked: AgentOwner = { load: (order) => owner().load(order), release: () => owner().release() };
    face = await serveAgent(agent, asked, config.agentPort);
    log.info({ device: agent.device, agentAddress: face.address }, 'the agent listens');
    await agent.standBy();
  });
  shell.keep('device', (signal) => agent.follow(bus.watchDeviceLeases({ signal })));
  shell.onStop('agent', async () => {
    await face?.close();
    await agent.stop();
  });
  return { agent, registration: () => ({ device: agent.device, agentAddress: face?.address ?? '' }) };
}

/** A GPU is the host's; the processor is shared by clusters that know nothing of each other, each by its data. */
function deviceName({ deviceName, device, dataFolder }: EngineConfig & CommonConfig): string {
  if (deviceName !== null) return deviceName;
  if (device === 'cuda') return 'cuda-0';
  return `cpu-${createHash('sha256').update(resolve(dataFolder)).digest('hex').slice(0, 8)}`;
}
