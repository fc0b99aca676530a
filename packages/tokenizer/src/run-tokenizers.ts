/**
 * The tokenizers of runs. A policy version's folder holds its tokenizer; where the trainer's disk is not shared the version is
 * downloaded, once per run, and everything but the weights is kept. All versions of a run share one tokenizer. It knows no wire: the
 * download is its owner's.
 */
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type PolicyChunk, type PolicyRef, type PolicyVersionInfo, SegueError } from '@segue/core';
import { loadTokenizer } from './load-tokenizer.js';
import type { Tokenizer } from './tokenizer.js';

/** A version of a run, and where it lies if the disk is shared. */
export type PolicyPlace = Pick<PolicyVersionInfo, 'ref' | 'folder'>;

export interface RunTokenizersOptions {
  /** Where downloaded tokenizers are kept, one folder per run. */
  readonly folder: string;
  /** All files of a version, in chunks. */
  readonly download: (ref: PolicyRef) => AsyncIterable<PolicyChunk>;
}

/** Runs whose tokenizers stay in memory, of those that were asked for last. */
const keptRuns = 8;
/** Files of a tokenizer: JSON and chat templates, never weights. */
const tokenizerFile = /^[\w-][\w.-]*\.(json|jinja)$/;
/** A tokenizer file is never larger. */
const maxFileBytes = 64 * 1024 * 1024;

export class RunTokenizers {
  readonly #options: RunTokenizersOptions;
  readonly #loaded = new Map<string, Promise<Tokenizer>>();

  constructor(options: RunTokenizersOptions) {
    this.#options = options;
  }

  /** @param find names a version of the run; asked when the tokenizer is not known yet, and again after a failure */
  async get(runId: string, find: () => Promise<PolicyPlace>): Promise<Tokenizer> {
    const loading = this.#loaded.get(runId) ?? this.#load(runId, find);
    this.#loaded.delete(runId);
    this.#loaded.set(runId, loading);
    const [oldest] = this.#loaded.keys();
    if (this.#loaded.size > keptRuns && oldest !== undefined) this.#loaded.delete(oldest);
    try {
      return await loading;
    } catch (error) {
      // Another waiter may have begun a new try already.
      if (this.#loaded.get(runId) === loading) this.#loaded.delete(runId);
      throw error;
    }
  }

  async #load(runId: string, find: () => Promise<PolicyPlace>): Promise<Tokenizer> {
    const { ref, folder } = await find();
    const ownFolder = join(this.#options.folder, runId);
    return (
      (await loadIfPresent(folder)) ??
      (await loadIfPresent(ownFolder)) ??
      (await loadTokenizer(await this.#download(ref, ownFolder)))
    );
  }

  async #download(ref: PolicyRef, folder: string): Promise<string> {
    const files = new Map<string, Uint8Array[]>();
    for await (const { file, fileBytes, data } of this.#options.download(ref)) {
      if (!tokenizerFile.test(file) || fileBytes > maxFileBytes) continue;
      const parts = files.get(file) ?? [];
      files.set(file, parts);
      parts.push(Buffer.from(data));
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
