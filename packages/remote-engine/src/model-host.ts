/**
 * How a policy version comes to be served: by a server of the engine's own for each version, or by one that somebody else runs and that is told to
 * load it. Knows nothing of sequences.
 */
import { randomBytes } from 'node:crypto';
import { realpath, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type PolicyLocation, SegueError } from '@segue/core';
import { filesIdentity, readCheckpoint, readConfig, type SequenceBounds } from '@segue/engine';
import { writeGguf } from './gguf.js';
import { call } from './http.js';
import { modelNames } from './model-names.js';
import { ModelServer } from './model-server.js';
import type { ForeignServer, RemoteEngineSettings } from './options.js';
import { makeServerFolder } from './server-folders.js';

/** A version that a server answers for. */
export interface ServedModel {
  readonly version: number;
  /** Names the content, not only the number. */
  readonly identity: string;
  readonly url: string;
  /** Its name there. */
  readonly name: string;
  readonly bounds: SequenceBounds;
  /** Why it is not served any more, as far as is known here. */
  readonly lost: SegueError | null;
  close(): Promise<void>;
}

export interface ModelHost {
  /** Whether two versions can be served at once, one of them made ready beside the other. */
  readonly servesTwo: boolean;
  open(policy: PolicyLocation, signal: AbortSignal): Promise<ServedModel>;
}

export function modelHost(settings: RemoteEngineSettings): ModelHost {
  const { server } = settings;
  return 'command' in server ? new OwnServers(settings, server.command) : new ServerOfOthers(settings, server);
}

/** Names a version's content: one that is written anew under its number has other files. */
export async function identityOf({ version, folder }: PolicyLocation): Promise<string> {
  return [version, await realpath(folder), await filesIdentity(folder)].join(' ');
}

/** Tokens that a server may take off a sequence's context for itself, and the unit in which it counts. */
const [spareTokens, contextUnit] = [16, 256];

/** Another program may take a port between the look and the start. */
const tries = 2;

async function describe(policy: PolicyLocation) {
  const { config } = await readConfig(policy.folder);
  const bounds = { vocabularySize: config.vocabularySize, maxContextTokens: config.maxPositions };
  return { version: policy.version, identity: await identityOf(policy), bounds };
}

class OwnServers implements ModelHost {
  readonly servesTwo = true;
  readonly #settings: RemoteEngineSettings;
  readonly #command: readonly string[];

  constructor(settings: RemoteEngineSettings, command: readonly string[]) {
    this.#settings = settings;
    this.#command = command;
  }

  async open(policy: PolicyLocation, signal: AbortSignal): Promise<ServedModel> {
    for (let left = tries - 1; ; left--) {
      try {
        return await this.#start(policy, signal);
      } catch (error) {
        const mayHelp = error instanceof SegueError && error.code === 'UNAVAILABLE';
        if (left === 0 || !mayHelp || signal.aborted) throw error;
      }
    }
  }

  async #start(policy: PolicyLocation, signal: AbortSignal): Promise<ServedModel> {
    const { slots, threads, startTimeoutMs, stopTimeoutMs } = this.#settings;
    const described = await describe(policy);
    const folder = await makeServerFolder(this.#settings.folder);
    try {
      const gguf = join(folder, 'policy.gguf');
      if (this.#uses('{gguf}')) await writeGguf(await readCheckpoint(policy.folder), gguf);
      const each = Math.ceil((described.bounds.maxContextTokens + spareTokens) / contextUnit) * contextUnit;
      const values = { gguf, folder: policy.folder, slots, threads, context: slots * each };
      const command = this.#command.map((argument) =>
        Object.entries(values).reduce((text, [key, value]) => text.replaceAll(`{${key}}`, String(value)), argument),
      );
      const name = this.#uses('{name}') ? `segue-${policy.version}-${randomBytes(4).toString('hex')}` : 'segue';
      const server = await ModelServer.start({ command, name, folder, startTimeoutMs, stopTimeoutMs }, signal);
      return {
        ...described,
        url: server.url,
        name,
        get lost() {
          return server.lost;
        },
        close: () => server.stop(),
      };
    } catch (error) {
      await rm(folder, { recursive: true, force: true });
      throw error;
    }
  }

  #uses(placeholder: string): boolean {
    return this.#command.some((argument) => argument.includes(placeholder));
  }
}

class ServerOfOthers implements ModelHost {
  readonly servesTwo = false;
  readonly #settings: RemoteEngineSettings;
  readonly #server: ForeignServer;

  constructor(settings: RemoteEngineSettings, server: ForeignServer) {
    this.#settings = settings;
    this.#server = server;
  }

  async open(policy: PolicyLocation, signal: AbortSignal): Promise<ServedModel> {
    const { url, reloadUrl } = this.#server;
    if (reloadUrl === null) {
      throw new SegueError(
        'FAILED_PRECONDITION',
        `the server at ${url} cannot be told to serve version ${policy.version}: name the address that reloads weights (server.reloadUrl), or let the actor start the server (server.command)`,
      );
    }
    const { startTimeoutMs } = this.#settings;
    const described = await describe(policy);
    const within = AbortSignal.any([signal, AbortSignal.timeout(startTimeoutMs)]);
    const body = { model_path: await realpath(policy.folder), weight_version: String(policy.version) };
    const response = await call(reloadUrl, body, within);
    await response.body?.cancel();
    const [name] = await modelNames(url, within);
    if (name === undefined) throw new SegueError('UNAVAILABLE', `the server at ${url} lists no model under /v1/models`);
    return { ...described, url, name, lost: null, close: async () => undefined };
  }
}
