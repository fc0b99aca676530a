/**
 * The tokenizers of runs. A policy version's folder holds its tokenizer; a controller that does not share the trainer's disk downloads the version and
 * keeps everything but the weights. All versions of a run share one tokenizer, so it is loaded once.
 */
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type PolicyVersionInfo, SegueError } from '@segue/core';
import { loadTokenizer, type Tokenizer } from '@segue/tokenizer';
import type { Cluster } from './cluster.js';

/** A tokenizer file is never larger. */
const maxFileBytes = 64 * 1024 * 1024;

export class Tokenizers {
  readonly #cluster: Cluster;
  readonly #folder: string;
  readonly #loaded = new Map<string, Promise<Tokenizer>>();

  /** @param folder where downloaded tokenizers are kept, one folder per run */
  constructor(cluster: Cluster, folder: string) {
    this.#cluster = cluster;
    this.#folder = folder;
  }

  async of(policy: PolicyVersionInfo): Promise<Tokenizer> {
    const { runId } = policy.ref;
    const loading = this.#loaded.get(runId) ?? this.#load(policy);
    this.#loaded.set(runId, loading);
    try {
      return await loading;
    } catch (error) {
      this.#loaded.delete(runId);
      throw error;
    }
  }

  async #load(policy: PolicyVersionInfo): Promise<Tokenizer> {
    for (const folder of [policy.folder, join(this.#folder, policy.ref.runId)]) {
      try {
        return await loadTokenizer(folder);
      } catch (error) {
        if (SegueError.from(error).code !== 'NOT_FOUND') throw error;
      }
    }
    return loadTokenizer(await this.#download(policy));
  }

  async #download(policy: PolicyVersionInfo): Promise<string> {
    const trainer = await this.#cluster.trainer();
    const files = new Map<string, Buffer[]>();
    for await (const chunk of trainer.downloadPolicy({ policy: policy.ref })) {
      if (!/^[\w-][\w.-]*\.(json|jinja)$/.test(chunk.file) || chunk.fileBytes > maxFileBytes) continue;
      const parts = files.get(chunk.file) ?? [];
      files.set(chunk.file, parts);
      parts.push(Buffer.from(chunk.data));
    }
    const folder = join(this.#folder, policy.ref.runId);
    const staging = `${folder}.part`;
    await rm(staging, { recursive: true, force: true });
    await mkdir(staging, { recursive: true });
    for (const [name, parts] of files) await writeFile(join(staging, name), Buffer.concat(parts));
    await rm(folder, { recursive: true, force: true });
    await rename(staging, folder);
    return folder;
  }
}
