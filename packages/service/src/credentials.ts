/**
 * The credentials of a service, read from the files that its configuration names: TLS, clients' tokens, the message server's seed. Nothing of
 * what is read is printed.
 */
import { readFileSync } from 'node:fs';
import { printableUrl, readTls, type TlsMaterial, TokenFile } from '@segue/bus';
import { type CommonConfig, SegueError } from '@segue/core';

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

/** The configuration as it may be printed: paths of secrets, and no secret. */
export function printableConfig<C extends CommonConfig>(config: C): C {
  return { ...config, natsUrl: printableUrl(config.natsUrl) };
}
