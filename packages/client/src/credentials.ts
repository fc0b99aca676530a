/**
 * What a client shows to a cluster that asks: its certificate (made by `segue certs`), and its token (made by `segue tokens`). A cluster on
 * this machine asks for neither unless it was started so.
 */
import { readFileSync } from 'node:fs';
import { type ConnectOptions, readTls } from '@segue/bus';
import { SegueError } from '@segue/core';

export interface ClientCredentials {
  /** PEM files: the cluster's authority, the client's certificate and its key; all three or none. */
  readonly ca?: string | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
  readonly token?: string | undefined;
  /** File that holds the token, in place of the token itself. */
  readonly tokenFile?: string | undefined;
}

/** Reads the files; INVALID_CONFIG names what is missing. */
export function readClientCredentials(credentials: ClientCredentials): ConnectOptions {
  const { ca, cert, key } = credentials;
  const given = [ca, cert, key].filter((file) => file !== undefined).length;
  if (given !== 0 && given !== 3) {
    throw new SegueError('INVALID_CONFIG', 'ca, cert and key go together: give all three files or none');
  }
  const token =
    credentials.token ?? (credentials.tokenFile === undefined ? undefined : readToken(credentials.tokenFile));
  const tls = ca !== undefined && cert !== undefined && key !== undefined ? readTls({ ca, cert, key }) : undefined;
  return { tls, token };
}

function readToken(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch (error) {
    throw new SegueError('INVALID_CONFIG', `token file ${path} cannot be read: ${SegueError.from(error).rawMessage}`);
  }
}
