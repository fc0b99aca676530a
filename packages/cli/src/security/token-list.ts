/** The file of clients' tokens, as its owner edits it: services read it, and see a change within a second. */
import { existsSync } from 'node:fs';
import { formatTokens, mintToken, readTokens } from '@segue/bus';
import { type Scope, SegueError, type TokenEntry } from '@segue/core';
import { replaceSecretFile } from './secret-file.js';

const dayMs = 24 * 3_600_000;

export interface NewToken {
  readonly name: string;
  readonly scopes: readonly Scope[];
  readonly days: number;
}

export class TokenList {
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  read(): TokenEntry[] {
    return existsSync(this.#path) ? readTokens(this.#path) : [];
  }

  /** @returns the token, which is kept nowhere; ALREADY_EXISTS when one of this name is there, over or not */
  async create({ name, scopes, days }: NewToken): Promise<string> {
    const entries = this.read();
    if (entries.some((entry) => entry.name === name)) {
      throw new SegueError('ALREADY_EXISTS', `${this.#path} has a token ${name}: revoke it, or choose another name`);
    }
    const { token, entry } = mintToken({ name, scopes, expiresAtMs: Date.now() + days * dayMs });
    await this.#write([...entries, entry]);
    return token;
  }

  /** From now on nobody is let in with it. NOT_FOUND when there is none. */
  async revoke(name: string): Promise<void> {
    const entries = this.read();
    if (!entries.some((entry) => entry.name === name)) {
      throw new SegueError(
        'NOT_FOUND',
        `${this.#path} has no token ${name}; it has ${entries.map((entry) => entry.name).join(', ') || 'none'}`,
      );
    }
    await this.#write(entries.filter((entry) => entry.name !== name));
  }

  #write(entries: readonly TokenEntry[]): Promise<void> {
    return replaceSecretFile(this.#path, formatTokens(entries));
  }
}
