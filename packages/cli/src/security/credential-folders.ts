/**
 * The credentials of a cluster whose parts lie apart: a folder per holder below one folder, so that each container is given its own and no other.
 * `authority` can make any of them and is for the machine alone that makes them; `tokens` holds hashes and is for every service. Made once; done again
 * it makes what is missing, renews what is about to end, and signs anew what lacks a host. What the files mean is the business of services and message server.
 */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { TlsFiles } from '@segue/bus';
import { serviceNames } from '@segue/core';
import { CertificateFolder, localHosts, serviceHolders } from './certificate-folder.js';
import { NatsUsers } from './nats-users.js';
import { operator } from './operator.js';
import { replaceSecretFile } from './secret-file.js';
import { TokenList } from './token-list.js';

const renewWithinDays = 30;
const dayMs = 24 * 3_600_000;

export interface CredentialRequest {
  readonly folder: string;
  /** Names under which services and message server are reached, beside this machine's and their own. */
  readonly hosts: readonly string[];
  /** Clients with the scopes read and submit, beside the operator. */
  readonly clients: readonly string[];
  readonly days: number;
}

export interface MadeCredentials {
  /** Folders of services and message server, of clients, and of the tokens' hashes. */
  readonly folders: readonly string[];
  readonly renewed: readonly string[];
}

export async function ensureCredentialFolders(request: CredentialRequest): Promise<MadeCredentials> {
  const root = resolve(request.folder);
  const authority = new CertificateFolder(join(root, 'authority'));
  const clients = [operator, ...request.clients.filter((name) => name !== operator)];
  const renewed = await ensureCertificates(authority, request, clients);

  const users = new NatsUsers(authority.folder);
  await users.write(filesIn(join(root, 'nats')));
  const folders: string[] = [];
  for (const { name } of serviceHolders) {
    const folder = join(root, name);
    await copyCertificate(authority, name, folder);
    const service = serviceNames.find((known) => known === name);
    // The message server has no user: it holds the public keys of all.
    if (service) await copy(users.seedFile(service), join(folder, 'nats.seed'));
    else await copy(users.configFile, join(folder, 'nats.conf'));
    folders.push(folder);
  }
  const tokens = new TokenList(join(root, 'tokens', 'tokens.json'));
  for (const name of clients) {
    const folder = join(root, 'clients', name);
    await copyCertificate(authority, name, folder);
    await ensureToken(tokens, name, join(folder, 'client.token'), request.days);
    folders.push(folder);
  }
  return { folders: [...folders, join(root, 'tokens')], renewed };
}

async function ensureCertificates(
  authority: CertificateFolder,
  { hosts, days }: CredentialRequest,
  clients: readonly string[],
): Promise<string[]> {
  const known = new Map((await authority.list()).map(({ holder, hosts: names }) => [holder.name, names]));
  const renamed: string[] = [];
  for (const holder of serviceHolders) {
    const { name } = holder;
    const named = known.get(name);
    const wanted = [...new Set([...(named ?? localHosts), name, ...hosts])];
    if (named === undefined) await authority.issue(holder, wanted, days);
    else if (wanted.length > named.length) {
      await authority.replace(holder, wanted, days);
      renamed.push(name);
    }
  }
  for (const name of clients) if (!known.has(name)) await authority.issue({ kind: 'client', name }, [], days);
  return [...renamed, ...(await authority.renew(renewWithinDays, days))];
}

/** The operator may do everything, others read and submit; who has a good token keeps it. */
async function ensureToken(tokens: TokenList, name: string, path: string, days: number): Promise<void> {
  const entry = tokens.read().find((one) => one.name === name);
  if (existsSync(path) && entry && entry.expiresAtMs - Date.now() > renewWithinDays * dayMs) return;
  if (entry) await tokens.revoke(name);
  const token = await tokens.create({ name, scopes: name === operator ? ['admin'] : ['read', 'submit'], days });
  await replaceSecretFile(path, `${token}\n`);
}

function filesIn(folder: string): TlsFiles {
  return { ca: join(folder, 'ca.pem'), cert: join(folder, 'tls.pem'), key: join(folder, 'tls.key') };
}

async function copyCertificate(authority: CertificateFolder, name: string, folder: string): Promise<void> {
  const [from, to] = [authority.filesOf(name), filesIn(folder)];
  await copy(from.ca, to.ca);
  await copy(from.key, to.key);
  await copy(from.cert, to.cert);
}

/** Leaves a file alone that says the same already: whoever watches it need not look again. */
async function copy(from: string, to: string): Promise<void> {
  const text = await readFile(from, 'utf8');
  if (existsSync(to) && (await readFile(to, 'utf8')) === text) return;
  await replaceSecretFile(to, text);
}
