/**
 * The tokenizer of each run, which all its policy versions share: read from the trainer's policy store when its disk is shared,
 * else downloaded once from the trainer, without the weights.
 */
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ActivePolicy, Bus, Client } from '@segue/bus';
import { SegueError, type TrainerApi } from '@segue/core';
import { loadTokenizer, type Tokenizer } from '@segue/tokenizer';

/** Files of a tokenizer: JSON and chat templates, never weights. */
const tokenizerFile = /^[\w-][\w.-]*\.(json|jinja)$/u;
const maxFileBytes = 64 * 1024 * 1024;

export interface TokenizerSource {
  readonly bus: Pick<Bus, 'getActivePolicy'>;
  readonly trainer: () => Promise<Pick<Client<TrainerApi>, 'downloadPolicy'>>;
  /** Where downloaded tokenizers are kept, one folder per run. */
  readonly folder: string;
}

export class Tokenizers {
  readonly #source: TokenizerSource;
  readonly #loaded = new Map<string, Promise<Tokenizer>>();

  constructor(source: TokenizerSource) {
    this.#source = source;
  }

  async get(runId: string): Promise<Tokenizer> {
    const loading = this.#loaded.get(runId) ?? this.#load(runId);
    this.#loaded.set(runId, loading);
    try {
      return await loading;
    } catch (error) {
      this.#loaded.delete(runId);
      throw error;
    }
  }

  async #load(runId: string): Promise<Tokenizer> {
    const policy = await this.#source.bus.getActivePolicy(runId);
    if (policy === null) throw new SegueError('UNAVAILABLE', `run ${runId} has no active policy, so no tokenizer yet`);
    const ownFolder = join(this.#source.folder, runId);
    return (
      (await loadIfPresent(policy.folder)) ??
      (await loadIfPresent(ownFolder)) ??
      (await loadTokenizer(await this.#download(policy, ownFolder)))
    );
  }

  async #download({ runId, version, manifestSha256 }: ActivePolicy, folder: string): Promise<string> {
    const trainer = await this.#source.trainer();
    const files = new Map<string, Uint8Array[]>();
    for await (const { file, fileBytes, data } of trainer.downloadPolicy({
      policy: { runId, version, manifestSha256 },
    })) {
      if (!tokenizerFile.test(file) || fileBytes > maxFileBytes) continue;
      files.set(file, [...(files.get(file) ?? []), data]);
    }
    const staging = `${folder}.part`;
    await rm(staging, { recursive: true, force: true });
    await mkdir(staging, { recursive: true });
    for (const [name, parts] of files) await writeFile(join(staging, name), Buffer.concat(parts));
    await rm(folder, { recursive: true, force: true });
    await rename(staging, folder);
    return folder;
  }
}

async function loadIfPresent(folder: string): Promise<Tokenizer | null> {
  try {
    return await loadTokenizer(folder);
  } catch (error) {
    const failure = SegueError.from(error);
    if (failure.code === 'NOT_FOUND') return null;
    throw failure;
  }
}
