/**
 * The message server's configuration: a user per service, known by an nkey (the server holds public keys alone), with its permissions, and
 * TLS when there are certificates. Who is no user is not let in. The text names files and public keys: nothing in it is secret.
 */
import { SegueError, type ServiceName, serviceNames } from '@segue/core';
import { createUser, fromSeed } from 'nkeys.js';
import type { TlsFiles } from '../access/tls.js';
import { permissionsOf } from './permissions.js';

/** A new user's secret: the text of a seed file. */
export function makeNatsSeed(): string {
  return `${new TextDecoder().decode(createUser().getSeed())}\n`;
}

/** Public key of a seed file's user. @param path for the message */
export function natsUserOf(seed: string, path: string): string {
  try {
    return fromSeed(new TextEncoder().encode(seed.trim())).getPublicKey();
  } catch {
    // The library's message may show what it was given.
    throw new SegueError('INVALID_CONFIG', `${path} holds no nkey seed; make it with segue nats-config`);
  }
}

export interface NatsConfigInput {
  /** Public key of each service's user. */
  readonly users: Readonly<Record<ServiceName, string>>;
  /** Callers have to show a certificate of the authority; null: without TLS. */
  readonly tls: TlsFiles | null;
}

/** Where it listens and keeps its data is said on its command line. */
export function formatNatsConfig({ users, tls }: NatsConfigInput): string {
  const list = (subjects: readonly string[]) => `{ allow: ${JSON.stringify(subjects)} }`;
  const entries = serviceNames.map((service) => {
    const { publish, subscribe } = permissionsOf(service);
    return [
      `    # ${service}`,
      `    { nkey: ${JSON.stringify(users[service])}`,
      `      permissions: { publish: ${list(publish)}`,
      `                     subscribe: ${list(subscribe)} } }`,
    ].join('\n');
  });
  const secured = tls && [
    'tls {',
    `  ca_file: ${JSON.stringify(tls.ca)}`,
    `  cert_file: ${JSON.stringify(tls.cert)}`,
    `  key_file: ${JSON.stringify(tls.key)}`,
    '  verify: true',
    '}',
  ];
  return ['authorization {', '  users: [', ...entries, '  ]', '}', ...(secured ?? []), ''].join('\n');
}
