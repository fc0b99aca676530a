/**
 * Where one more actor joins: the local cluster of a folder, with its credentials where it asks for them, or another's message server. A user or password of that
 * server's URL stands on no command line, which everybody on the machine can read, and not in the cluster's file. What is started there is not known here.
 */
import { printableUrl } from '@segue/bus';
import { SegueError } from '@segue/core';
import { securitySettings } from '../security/service-files.js';
import { readClusterState } from './local-cluster.js';

export interface JoinPlace {
  readonly natsUrl: string;
  /** A cluster of this machine, whose folder holds the log and the policies. */
  readonly isLocal: boolean;
  /** The cluster asks for credentials: what is made in its folder is for its owner alone. */
  readonly isSecure: boolean;
  /** Settings of the actor, as `key=value`: no secrets. */
  readonly settings: readonly string[];
}

/**
 * @param nats as the command line names it
 * @param environmentUrl SEGUE_NATS_URL
 * @throws SegueError UNAVAILABLE without a cluster, INVALID_CONFIG for a password on the command line
 */
export async function findJoinPlace(
  dataFolder: string,
  nats: string | undefined,
  environmentUrl: string | undefined,
): Promise<JoinPlace> {
  const elsewhere = { isLocal: false, isSecure: false, settings: [] };
  if (nats !== undefined) {
    requireNoSecret('--nats', nats);
    return { ...elsewhere, natsUrl: nats };
  }
  const state = await readClusterState(dataFolder);
  if (!state) {
    if (environmentUrl !== undefined) return { ...elsewhere, natsUrl: environmentUrl };
    throw new SegueError(
      'UNAVAILABLE',
      `no cluster runs on ${dataFolder}; start one, or name its message server with --nats or SEGUE_NATS_URL`,
    );
  }
  // The file holds of a URL what may be printed.
  const isShared = environmentUrl !== undefined && printableUrl(environmentUrl) === state.natsUrl;
  return {
    natsUrl: isShared ? environmentUrl : state.natsUrl,
    isLocal: true,
    // A cluster of an earlier version says nothing of it.
    isSecure: Boolean(state.security),
    settings: state.security ? securitySettings(state.security, 'actor') : [],
  };
}

/** Of a URL of the message server that stands on a command line. @param what names it in the refusal */
export function requireNoSecret(what: string, url: string): void {
  const printable = printableUrl(url);
  if (printable === url) return;
  throw new SegueError(
    'INVALID_CONFIG',
    `${what} ${printable} holds a user or password, and everybody on this machine can read command lines: leave them out, a service shows its nkey (security.natsSeed)`,
  );
}
