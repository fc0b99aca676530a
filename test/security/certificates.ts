/** Certificates and tokens for the tests of the doors: one authority, a strange one, holders of every kind, some of them over. */
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { formatTokens, mintToken, type TlsMaterial } from '@segue/bus';
import type { Scope, TokenEntry } from '@segue/core';
import {
  createAuthority,
  type Holder,
  issueCertificate,
  type KeyedCertificate,
} from '../../packages/cli/dist/security/certificates.js';

export class Papers {
  readonly #authority: KeyedCertificate;

  private constructor(authority: KeyedCertificate) {
    this.#authority = authority;
  }

  static async ofNewAuthority(): Promise<Papers> {
    return new Papers(await createAuthority(10));
  }

  /** @param days negative: it was over so long ago */
  async of(kind: Holder['kind'], name: string, days = 1): Promise<TlsMaterial> {
    const hosts = ['localhost', '127.0.0.1'];
    const made = await issueCertificate(this.#authority, { holder: { kind, name }, hosts, days });
    return { ca: Buffer.from(this.#authority.cert), cert: Buffer.from(made.cert), key: Buffer.from(made.key) };
  }

  /** The holder's certificate beside this authority's: what one shows who trusts us and is not ours. */
  trusting({ cert, key }: TlsMaterial): TlsMaterial {
    return { ca: Buffer.from(this.#authority.cert), cert, key };
  }
}

/** A token file on disk, and the tokens whose hashes it holds. */
export class TestTokens {
  readonly path = join(mkdtempSync(join(tmpdir(), 'segue-tokens-')), 'tokens.json');
  readonly #entries: TokenEntry[] = [];

  constructor() {
    this.#write();
  }

  /** @param forMs negative: it was over so long ago */
  add(name: string, scopes: readonly Scope[], forMs = 60_000): string {
    const { token, entry } = mintToken({ name, scopes, expiresAtMs: Date.now() + forMs });
    this.#entries.push(entry);
    this.#write();
    return token;
  }

  remove(name: string): void {
    const kept = this.#entries.filter((entry) => entry.name !== name);
    this.#entries.splice(0, this.#entries.length, ...kept);
    this.#write();
  }

  #write(): void {
    writeFileSync(this.path, formatTokens(this.#entries), { mode: 0o600 });
  }
}
