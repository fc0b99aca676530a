/**
 * A folder of certificates: `ca.pem` and `ca.key` of the authority, `<name>.pem` and `<name>.key` of each service and client. Whoever has
 * `ca.key` can make any certificate: it need not lie where services run.
 */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TlsFiles } from '@segue/bus';
import { requireId, SegueError, serviceNames } from '@segue/core';
import {
  type CertificateFacts,
  createAuthority,
  factsOf,
  type Holder,
  issueCertificate,
  type KeyedCertificate,
} from './certificates.js';
import { createSecretFile, replaceSecretFile } from './secret-file.js';
import { certificateFiles } from './service-files.js';

const authorityDays = 3_650;
const dayMs = 24 * 3_600_000;

/** Every service's certificate names this machine; `segue certs create --host` adds others. */
export const localHosts = ['localhost', '127.0.0.1', '::1'] as const;

/** Those that are called: the five services and the message server. */
export const serviceHolders: readonly Holder[] = [...serviceNames, 'nats'].map((name) => ({ kind: 'service', name }));

export class CertificateFolder {
  readonly folder: string;

  constructor(folder: string) {
    this.folder = folder;
  }

  filesOf(name: string): TlsFiles {
    return certificateFiles(this.folder, name);
  }

  /** The authority, made when there is none; half of one is refused. */
  async authority(): Promise<KeyedCertificate> {
    const [cert, key] = [await this.#read('ca.pem'), await this.#read('ca.key')];
    if (cert !== null && key !== null) return { cert, key };
    if (cert !== null || key !== null) {
      const missing = cert === null ? 'ca.pem' : 'ca.key';
      throw new SegueError(
        'FAILED_PRECONDITION',
        `${this.#path(missing)} is missing: without it nothing can be signed here`,
      );
    }
    const made = await createAuthority(authorityDays);
    await createSecretFile(this.#path('ca.key'), made.key);
    await createSecretFile(this.#path('ca.pem'), made.cert);
    return made;
  }

  /** Makes a holder's certificate; ALREADY_EXISTS when it has one. */
  async issue(holder: Holder, hosts: readonly string[], days: number): Promise<void> {
    const { name, kind } = holder;
    requireId(name, 'name');
    const isService = serviceHolders.some((service) => service.name === name);
    if (name === 'ca' || (kind !== 'service' && isService)) {
      throw new SegueError(
        'INVALID_INPUT',
        `a ${kind} cannot be called ${name}: that is the name of a service or of the authority`,
      );
    }
    const authority = await this.authority();
    const made = await issueCertificate(authority, { holder, hosts: kind === 'client' ? [] : hosts, days });
    await createSecretFile(this.#path(`${name}.key`), made.key);
    await createSecretFile(this.#path(`${name}.pem`), made.cert);
  }

  /** Every holder's certificate, by name. */
  async list(): Promise<CertificateFacts[]> {
    const names = (await readdir(this.folder).catch(() => [])).filter((name) => name.endsWith('.pem')).sort();
    const all: CertificateFacts[] = [];
    for (const name of names) {
      const facts = name === 'ca.pem' ? null : factsOf((await this.#read(name)) ?? '');
      if (facts) all.push(facts);
    }
    return all;
  }

  /**
   * Signs a new key, for the same holder and hosts, in place of each certificate that ends within `withinDays`.
   * @returns the names of those that were renewed
   */
  async renew(withinDays: number, days: number): Promise<string[]> {
    const renewed: string[] = [];
    for (const { holder, hosts, notAfter } of await this.list()) {
      if (notAfter.getTime() - Date.now() > withinDays * dayMs) continue;
      await this.replace(holder, hosts, days);
      renewed.push(holder.name);
    }
    return renewed;
  }

  /** Signs a new key, for these hosts, in place of the certificate that a holder has. */
  async replace(holder: Holder, hosts: readonly string[], days: number): Promise<void> {
    const made = await issueCertificate(await this.authority(), { holder, hosts, days });
    // Cut off in between, the old certificate is still there to be replaced, and the next time makes both anew.
    await replaceSecretFile(this.#path(`${holder.name}.key`), made.key);
    await replaceSecretFile(this.#path(`${holder.name}.pem`), made.cert);
  }

  #path(name: string): string {
    return join(this.folder, name);
  }

  async #read(name: string): Promise<string | null> {
    try {
      return await readFile(this.#path(name), 'utf8');
    } catch (error) {
      const failure = SegueError.from(error);
      if (failure.code === 'NOT_FOUND') return null;
      throw failure;
    }
  }
}
