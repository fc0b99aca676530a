/**
 * The credentials of a service, read from the files that its configuration names: TLS, clients' tokens, the message server's seed. Nothing of
 * what is read is printed.
 */
import { readFileSync } from 'node:fs';
import { certificateEndMs, printableUrl, readTls, type TlsMaterial, TokenFile } from '@segue/bus';
import { type CommonConfig, SegueError } from '@segue/core';
import type { Logger } from 'pino';

/** From this time before its end on, the log reminds of a certificate at each start. */
const remindMs = 14 * 24 * 3_600_000;

export interface Credentials {
  /** null: without TLS. */
  readonly tls: TlsMaterial | null;
  /** null: nobody is asked for a token. */
  readonly tokens: TokenFile | null;
  readonly natsSeed: string | null;
}

/** INVALID_CONFIG names the file that cannot be used. */
export function readCredentials({ security }: CommonConfig): Credentials {
  const { ca, cert, key, tokens, natsSeed } = security;
  return {
    tls: ca === null || cert === null || key === null ? null : readTls({ ca, cert, key }),
    tokens: tokens === null ? null : new TokenFile(tokens),
    natsSeed: natsSeed === null ? null : readSeed(natsSeed),
  };
}

function readSeed(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new SegueError('INVALID_CONFIG', `natsSeed ${path} cannot be read: ${SegueError.from(error).rawMessage}`);
  }
}

/** Warns when the certificate is soon over. @returns when, in Unix time in ms */
export function tellOfEnd(tls: TlsMaterial, log: Logger): number {
  const endMs = certificateEndMs(tls);
  if (endMs - Date.now() < remindMs) {
    const until = new Date(endMs).toISOString();
    log.warn({ until }, 'the certificate of this service is soon over: segue certs renew, then start it again');
  }
  return endMs;
}

/** The configuration as it may be printed: paths of secrets, and no secret. No URL shows a user, and of a command that is started only its program. */
export function printableConfig(config: CommonConfig): Readonly<Record<string, unknown>> {
  return { ...printableEntries(config), natsUrl: printableUrl(config.natsUrl) };
}

function printableEntries(values: object): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(values).map(([key, value]) => [key, printable(key, value)]));
}

function printable(key: string, value: unknown): unknown {
  // Its arguments may hold a key of the server that it starts.
  if (key === 'command' && Array.isArray(value)) return `${value[0]} ...`;
  if (Array.isArray(value)) return value.map((item) => printable(key, item));
  if (typeof value === 'object' && value !== null) return printableEntries(value);
  if (typeof value !== 'string') return value;
  if (key === 'command') return value.trim().replace(/\s.*$/s, ' ...');
  return value.includes('://') ? printableUrl(value) : value;
}
