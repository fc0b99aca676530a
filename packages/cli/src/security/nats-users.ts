/** The message server's users: a seed file per service, and the server's configuration with their public keys. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { formatNatsConfig, makeNatsSeed, natsUserOf, type TlsFiles } from '@segue/bus';
import { SegueError, type ServiceName, serviceNames } from '@segue/core';
import { createSecretFile, replaceSecretFile } from './secret-file.js';
import { seedFile } from './service-files.js';

export class NatsUsers {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  get configFile(): string {
    return join(this.#folder, 'nats.conf');
  }

  seedFile(service: ServiceName): string {
    return seedFile(this.#folder, service);
  }

  /** Makes the seeds that are missing, and writes the configuration for all. @param tls of the server, as it will find the files */
  async write(tls: TlsFiles | null): Promise<void> {
    const users: [ServiceName, string][] = [];
    for (const service of serviceNames)
      users.push([service, natsUserOf(await this.#seed(service), this.seedFile(service))]);
    // The names are those of the list above: every service has its user.
    const byService = Object.fromEntries(users) as Record<ServiceName, string>;
    await replaceSecretFile(this.configFile, formatNatsConfig({ users: byService, tls }));
  }

  async #seed(service: ServiceName): Promise<string> {
    const path = this.seedFile(service);
    try {
      return await readFile(path, 'utf8');
    } catch (error) {
      const failure = SegueError.from(error);
      if (failure.code !== 'NOT_FOUND') throw failure;
      const seed = makeNatsSeed();
      await createSecretFile(path, seed);
      return seed;
    }
  }
}
