/**
 * Safe by default: who listens off loopback, or talks to a message server there, does so with credentials or says that it is meant otherwise.
 */
import { isLoopback, printableUrl } from '@segue/bus';
import { type CommonConfig, SegueError } from '@segue/core';

/** Whether callers have to say who they are. */
export function asksForCredentials({ security }: CommonConfig): boolean {
  return security.cert !== null;
}

/** Refuses to be open to other machines without TLS and tokens, unless `insecure` is given in so many words. */
export function requireSafeHost(config: CommonConfig): void {
  if (config.insecure) return;
  if (!isLoopback(config.host) && !asksForCredentials(config)) {
    throw new SegueError(
      'INVALID_CONFIG',
      `host ${config.host} is not loopback, and there are neither TLS nor tokens: listen on 127.0.0.1, give security.ca, cert, key and tokens (segue certs, segue tokens), or give --insecure if the network is closed`,
    );
  }
  const { natsUrl, security } = config;
  if (!isLoopback(hostOf(natsUrl)) && (security.natsSeed === null || security.cert === null)) {
    throw new SegueError(
      'INVALID_CONFIG',
      `natsUrl ${printableUrl(natsUrl)} is not loopback: give security.natsSeed, ca, cert and key (segue nats-config, segue certs), or give --insecure if the network is closed`,
    );
  }
}

function hostOf(url: string): string {
  try {
    return new URL(url).hostname;
  } catch {
    throw new SegueError('INVALID_CONFIG', 'natsUrl is not of the form nats://host:port');
  }
}
