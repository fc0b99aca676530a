/** The engine that the configuration names: our own, or a server of somebody else's. */
import { join } from 'node:path';
import { type ActorConfig, type Engine, SegueError } from '@segue/core';
import { requireDevice, WorkerEngine } from '@segue/engine';
import { llamaServerCommand, RemoteEngine } from '@segue/remote-engine';

/** @param engineEntry what an engine's thread runs, in place of the engine itself; for tests */
export async function engineMaker(config: ActorConfig, engineEntry?: URL): Promise<() => Engine> {
  const { slots, waitingRoom, chunkTokens, threads, device, precision, packWeights } = config;
  const common = { slots, ...(waitingRoom !== null && { waitingRoom }), chunkTokens, threads };
  if (config.engine === 'server') return serverEngine(config, common);
  await requireDevice(device, precision);
  return () => new WorkerEngine({ ...common, device, precision, packWeights }, engineEntry);
}

interface CommonOptions {
  readonly slots: number;
  readonly waitingRoom?: number;
  readonly chunkTokens: number;
  readonly threads: number;
}

function serverEngine({ server, dataFolder, id, engineTimeoutMs }: ActorConfig, common: CommonOptions): () => Engine {
  const { dialect, command, url, reloadUrl, startTimeoutMs, silenceTimeoutMs, stopTimeoutMs } = server;
  for (const [name, value] of Object.entries({ startTimeoutMs, silenceTimeoutMs, stopTimeoutMs })) {
    if (value < engineTimeoutMs) continue;
    throw new SegueError(
      'INVALID_CONFIG',
      `server.${name} (${value}) must be below engineTimeoutMs (${engineTimeoutMs}): past that the engine counts as hung and the process ends`,
    );
  }
  if (url !== null && reloadUrl === null) {
    throw new SegueError(
      'INVALID_CONFIG',
      `the server at ${url} cannot be told to serve another policy version: name the address that reloads weights (server.reloadUrl), or let the actor start the server (server.command)`,
    );
  }
  const words = typeof command === 'string' ? command.split(/\s+/).filter((word) => word !== '') : command;
  const made = {
    ...common,
    dialect,
    server: url === null ? { command: words ?? llamaServerCommand } : { url: url.replace(/\/$/, ''), reloadUrl },
    folder: join(dataFolder, 'actors', id, 'servers'),
    startTimeoutMs,
    silenceTimeoutMs,
    stopTimeoutMs,
  };
  return () => new RemoteEngine(made);
}
