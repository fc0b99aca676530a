/**
 * The file of clients' tokens, as its owner edits it: services read it, and see a change within a second. One edits it at a time, under the lock in
 * `<file>.lock`: of two that both began with the same list one would be lost, a token or what revoked it.
 */
import { existsSync } from 'node:fs';
import { formatTokens, mintToken, pause, readTokens } from '@segue/bus';
import { type Scope, SegueError, type TokenEntry } from '@segue/core';
import { FolderLock, type LockRule } from '../cluster/folder-lock.js';
import { makeSecretFolder, replaceSecretFile } from './secret-file.js';

const dayMs = 24 * 3_600_000;
/** An edit takes milliseconds, on a slow disk a second. */
const lockRule: LockRule = {
  taken: (folder, owner) =>
    new SegueError('UNAVAILABLE', `process ${owner} edits this list of tokens (${folder}): try again when it is done`),
  unseenMs: 5_000,
  mode: 0o600,
};
const patienceMs = 10_000;
const betweenTriesMs = 20;

export interface NewToken {
  readonly name: string;
  readonly scopes: readonly Scope[];
  readonly days: number;
}

export class TokenList {
  readonly #path: string;
  readonly #patienceMs: number;

  /** @param waitMs longest wait for another who edits it, in ms */
  constructor(path: string, waitMs = patienceMs) {
    this.#path = path;
    this.#patienceMs = waitMs;
  }

  read(): TokenEntry[] {
    return existsSync(this.#path) ? readTokens(this.#path) : [];
  }

  /** @returns the token, which is kept nowhere; ALREADY_EXISTS when one of this name is there, over or not */
  async create({ name, scopes, days }: NewToken): Promise<string> {
    const { token, entry } = mintToken({ name, scopes, expiresAtMs: Date.now() + days * dayMs });
    await this.#edit((entries) => {
      if (entries.some((one) => one.name === name)) {
        throw new SegueError('ALREADY_EXISTS', `${this.#path} has a token ${name}: revoke it, or choose another name`);
      }
      return [...entries, entry];
    });
    return token;
  }

  /** From now on nobody is let in with it. NOT_FOUND when there is none. */
  async revoke(name: string): Promise<void> {
    await this.#edit((entries) => {
      if (entries.some((entry) => entry.name === name)) return entries.filter((entry) => entry.name !== name);
      const others = entries.map((entry) => entry.name).join(', ') || 'none';
      throw new SegueError('NOT_FOUND', `${this.#path} has no token ${name}; it has ${others}`);
    });
  }

  async #edit(change: (entries: readonly TokenEntry[]) => readonly TokenEntry[]): Promise<void> {
    const lock = await this.#lock();
    try {
      await replaceSecretFile(this.#path, formatTokens(change(this.read())));
    } finally {
      await lock.release();
    }
  }

  /** UNAVAILABLE when another has it for too long. */
  async #lock(): Promise<FolderLock> {
    const folder = `${this.#path}.lock`;
    await makeSecretFolder(folder);
    const untilMs = performance.now() + this.#patienceMs;
    for (;;) {
      try {
        return await FolderLock.take(folder, lockRule);
      } catch (error) {
        const failure = SegueError.from(error);
        if (failure.code !== 'UNAVAILABLE' || performance.now() >= untilMs) throw failure;
        await pause(betweenTriesMs);
      }
    }
  }
}
