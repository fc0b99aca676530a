/**
 * Bearer tokens: 256 random bits that a client holds, and a file of their hashes that services read. A token is shown once, when it is made.
 * Every hash of the file is compared, in constant time, whichever fits.
 */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { parseConfig, type Scope, SegueError, type TokenEntry, tokenListSchema } from '@segue/core';

const tokenBytes = 32;
const prefix = 'segue_';
/** A file that was changed is read again after this time at the latest. */
const freshMs = 1_000;

export interface TokenRequest {
  readonly name: string;
  readonly scopes: readonly Scope[];
  readonly expiresAtMs: number;
}

/** A new token: the text for its holder, the entry for the file. */
export function mintToken(request: TokenRequest): { readonly token: string; readonly entry: TokenEntry } {
  const token = prefix + randomBytes(tokenBytes).toString('base64url');
  const made = { sha256: hash(token).toString('hex'), createdAtMs: Date.now() };
  return { token, entry: { ...request, scopes: [...request.scopes], ...made } };
}

/** Text of a token file; INVALID_CONFIG for entries that no file may hold. */
export function formatTokens(tokens: readonly TokenEntry[]): string {
  parseConfig(tokenListSchema, { v: 1, tokens }, 'tokens');
  return `${JSON.stringify({ v: 1, tokens }, null, 2)}\n`;
}

/** Entries of a token file; INVALID_CONFIG when it is none. */
export function readTokens(path: string): TokenEntry[] {
  let parsed: unknown;
  try {
    parsed = JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    // The parser's own message would show a piece of the file.
    const reason = SegueError.from(error).code === 'NOT_FOUND' ? 'it is not there' : 'it cannot be read as JSON';
    throw new SegueError('INVALID_CONFIG', `token file ${path}: ${reason}; make it with segue tokens create`);
  }
  return parseConfig(tokenListSchema, parsed, path).tokens;
}

export type TokenVerdict =
  | { readonly kind: 'known'; readonly entry: TokenEntry }
  | { readonly kind: 'expired'; readonly entry: TokenEntry }
  | { readonly kind: 'unknown' };

/** The tokens of a file, as a service asks for them: changes of the file are seen within a second. */
export class TokenFile {
  readonly #path: string;
  #entries: readonly TokenEntry[];
  #version: string;
  #lookedAtMs = performance.now();

  /** Reads the file at once. */
  constructor(path: string) {
    this.#path = path;
    this.#version = versionOf(path);
    this.#entries = readTokens(path);
  }

  verify(token: string): TokenVerdict {
    this.#refresh();
    const digest = hash(token);
    let found: TokenEntry | null = null;
    for (const entry of this.#entries) if (timingSafeEqual(digest, Buffer.from(entry.sha256, 'hex'))) found = entry;
    if (!found) return { kind: 'unknown' };
    return { kind: found.expiresAtMs > Date.now() ? 'known' : 'expired', entry: found };
  }

  /** A file that is half written or gone leaves no token valid: revoking by removal must work. */
  #refresh(): void {
    if (performance.now() - this.#lookedAtMs < freshMs) return;
    this.#lookedAtMs = performance.now();
    const version = versionOf(this.#path);
    if (version === this.#version) return;
    try {
      this.#entries = readTokens(this.#path);
      this.#version = version;
    } catch {
      this.#entries = [];
      this.#version = '';
    }
  }
}

function versionOf(path: string): string {
  const found = statSync(path, { throwIfNoEntry: false });
  return found ? `${found.ino} ${found.size} ${found.mtimeMs}` : 'none';
}

function hash(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}
