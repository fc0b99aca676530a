/** The settings of an engine behind HTTP, with their defaults and bounds in one place. */
import { SegueError } from '@segue/core';
import { type Dialect, type DialectName, dialectNames } from './dialect.js';
import { llamaCpp, openAi } from './llama-cpp.js';
import { sglang } from './sglang.js';
import { vllm } from './vllm.js';

/** A server that the engine starts and ends, one for each policy version. */
export interface OwnedServer {
  /**
   * Program and arguments. Filled in: `{gguf}` (path of the version as a GGUF file), `{folder}` (of the version in Hugging Face layout), `{port}`, `{name}` (under which
   * the server must list the model), `{slots}`, `{context}` (tokens of all slots together), `{threads}`.
   */
  readonly command: readonly string[];
}

/** A server that somebody else runs. */
export interface ForeignServer {
  /** Without a path. */
  readonly url: string;
  /** Where it is told to serve another version, by POST of `{ model_path, weight_version }`; null: it cannot be. */
  readonly reloadUrl: string | null;
}

export interface RemoteEngineSettings {
  /** Sequences that can run at once: open requests. */
  readonly slots: number;
  /** Sequences that may wait for a slot. Default as many as slots. */
  readonly waitingRoom: number;
  /** A chunk ends when as many tokens per running sequence have come, or when a sequence has ended. */
  readonly chunkTokens: number;
  readonly threads: number;
  readonly dialect: DialectName;
  readonly server: OwnedServer | ForeignServer;
  /** Below it lie the files that are written for servers, each in a folder of its own that goes with the server. */
  readonly folder: string;
  /** Longest time until a server answers that has been started, or told to load. */
  readonly startTimeoutMs: number;
  /** Longest time in which no token of any sequence comes. */
  readonly silenceTimeoutMs: number;
  /** From SIGTERM to SIGKILL. */
  readonly stopTimeoutMs: number;
}

/** Settings as a caller gives them. */
export type RemoteEngineOptions = Pick<RemoteEngineSettings, 'slots' | 'dialect' | 'server' | 'folder'> &
  Partial<RemoteEngineSettings>;

const wholeNumberBounds = {
  slots: [1, 4096],
  waitingRoom: [0, 4096],
  chunkTokens: [1, 1024],
  threads: [1, 256],
  startTimeoutMs: [1, 3_600_000],
  silenceTimeoutMs: [1, 3_600_000],
  stopTimeoutMs: [0, 600_000],
} as const;

/** Fills in the defaults and refuses what is out of bounds. */
export function remoteEngineSettings(options: RemoteEngineOptions): RemoteEngineSettings {
  const settings: RemoteEngineSettings = {
    waitingRoom: options.slots,
    chunkTokens: 32,
    threads: 1,
    startTimeoutMs: 60_000,
    silenceTimeoutMs: 30_000,
    stopTimeoutMs: 5_000,
    ...options,
  };
  for (const [name, [low, high]] of Object.entries(wholeNumberBounds)) {
    const value = settings[name as keyof typeof wholeNumberBounds];
    if (!Number.isInteger(value) || value < low || value > high) {
      throw new SegueError('INVALID_CONFIG', `${name} must be a whole number from ${low} to ${high}, got ${value}`);
    }
  }
  const { server, dialect } = settings;
  if (!dialectNames.includes(dialect)) {
    throw new SegueError('INVALID_CONFIG', `dialect must be one of ${dialectNames.join(', ')}, got ${dialect}`);
  }
  if ('command' in server && !server.command.some((argument) => argument.includes('{port}'))) {
    throw new SegueError('INVALID_CONFIG', 'the command of a server must say {port} where it is told its port');
  }
  return settings;
}

/**
 * llama.cpp's server as a training run needs it: keys and values in float32, every slot with the whole context, nothing kept in memory beside.
 * What is taken is the program of that name on PATH.
 */
export const llamaServerCommand: readonly string[] = [
  'llama-server',
  ...['--model', '{gguf}', '--alias', '{name}', '--host', '127.0.0.1', '--port', '{port}'],
  ...['--parallel', '{slots}', '--ctx-size', '{context}', '--threads', '{threads}'],
  ...['--cache-type-k', 'f32', '--cache-type-v', 'f32', '--flash-attn', 'off', '--cache-ram', '0', '--no-ui'],
];

export const dialects: Readonly<Record<DialectName, Dialect>> = { 'llama.cpp': llamaCpp, openai: openAi, vllm, sglang };
