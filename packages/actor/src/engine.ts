/** The engine that the configuration names: our own, or a server of somebody else's. */
import { join } from 'node:path';
import { type ActorConfig, type Engine, SegueError } from '@segue/core';
import {
  engineProcessEntry,
  ProcessEngine,
  requireDevice,
  requireDeviceBriefly,
  WorkerEngine,
  warmEngine,
} from '@segue/engine';
import { llamaServerCommand, RemoteEngine } from '@segue/remote-engine';
import type { DeviceTurn } from './device-turn.js';

export interface EngineMakerOptions {
  /** What an engine's thread runs, in place of the engine itself; for tests. */
  readonly entry?: URL;
  /** Where the device is shared with the trainer: each engine is a process that lives for a turn. */
  readonly turn?: DeviceTurn;
}

export async function engineMaker(config: ActorConfig, { entry, turn }: EngineMakerOptions): Promise<() => Engine> {
  if (config.engine === 'server') {
    if (turn === undefined) return serverEngine(config, commonOptions(config));
    throw new SegueError(
      'INVALID_CONFIG',
      'engine: server cannot take turns with the trainer (deployment: colocated): it has no way to give its memory back; choose engine: onnx, or deployment: disaggregated',
    );
  }
  await (turn === undefined ? requireDevice : requireDeviceBriefly)(config.device, config.precision);
  const options = ownOptions(config);
  if (turn !== undefined) return () => new ProcessEngine(options, () => turn.acquire());
  return () => new WorkerEngine(options, entry);
}

/** The program of an engine that takes turns, and how it warms up before its first. */
export function engineProgram(config: ActorConfig): { readonly entry: URL; readonly warmUp: object } {
  return { entry: engineProcessEntry, warmUp: warmEngine(ownOptions(config)) };
}

function ownOptions(config: ActorConfig) {
  const { device, precision, packWeights } = config;
  return { ...commonOptions(config), device, precision, packWeights };
}

function commonOptions({ slots, waitingRoom, chunkTokens, threads }: ActorConfig): CommonOptions {
  return { slots, ...(waitingRoom !== null && { waitingRoom }), chunkTokens, threads };
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
