/**
 * Everything that a local cluster needs to ask for credentials, in `<data>/security`: certificates, the operator's token, the users of the
 * message server. Made at the first start, renewed when it is about to end, kept otherwise.
 */
import { existsSync, readFileSync } from 'node:fs';
import { type BusOptions, readTls } from '@segue/bus';
import type { ClientCredentials } from '@segue/client';
import type { ServiceName } from '@segue/core';
import { CertificateFolder, localHosts, serviceHolders } from './certificate-folder.js';
import { NatsUsers } from './nats-users.js';
import { operator, operatorCredentials, operatorTokenFile } from './operator.js';
import { makeSecretFolder, replaceSecretFile } from './secret-file.js';
import { securitySettings, tokensFile } from './service-files.js';
import { TokenList } from './token-list.js';

const days = 90;
const renewWithinDays = 30;
const dayMs = 24 * 3_600_000;

export interface ClusterSecurity {
  /** Settings of a service, as `key=value`: paths alone. */
  settingsOf(service: ServiceName): string[];
  /** Of the message server. */
  readonly natsConfigFile: string;
  /** As whom the supervisor asks the message server how it is, as it is on disk now: certificates are renewed. */
  busAccess(): Pick<BusOptions, 'service' | 'seed' | 'tls'>;
  readonly client: ClientCredentials;
}

/** @param folder `<data>/security` */
export async function ensureSecurity(folder: string): Promise<ClusterSecurity> {
  await makeSecretFolder(folder);
  const certificates = new CertificateFolder(folder);
  const known = new Set((await certificates.list()).map(({ holder }) => holder.name));
  for (const holder of [...serviceHolders, { kind: 'client', name: operator } as const]) {
    if (!known.has(holder.name)) await certificates.issue(holder, localHosts, days);
  }
  await certificates.renew(renewWithinDays, days);
  const users = new NatsUsers(folder);
  await users.write(certificates.filesOf('nats'));
  await ensureOperatorToken(folder);
  return {
    settingsOf: (service) => securitySettings(folder, service),
    natsConfigFile: users.configFile,
    busAccess: () => ({
      service: 'replay',
      seed: readFileSync(users.seedFile('replay'), 'utf8'),
      tls: readTls(certificates.filesOf('replay')),
    }),
    client: operatorCredentials(folder),
  };
}

async function ensureOperatorToken(folder: string): Promise<void> {
  const tokens = new TokenList(tokensFile(folder));
  const entry = tokens.read().find(({ name }) => name === operator);
  const isHere = existsSync(operatorTokenFile(folder));
  if (isHere && entry && entry.expiresAtMs - Date.now() > renewWithinDays * dayMs) return;
  if (entry) await tokens.revoke(operator);
  const token = await tokens.create({ name: operator, scopes: ['admin'], days });
  await replaceSecretFile(operatorTokenFile(folder), `${token}\n`);
}
