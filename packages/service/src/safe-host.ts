/**
 * Safe by default: who listens off loopback must say that it is meant.
 */
import { type CommonConfig, SegueError } from '@segue/core';

export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host);
}

/** Refuses to listen off loopback without credentials, unless `insecure` is given in so many words. */
export function requireSafeHost(config: CommonConfig): void {
  if (isLoopback(config.host) || config.insecure) return;
  throw new SegueError(
    'INVALID_CONFIG',
    `host ${config.host} is not loopback, and this version serves neither TLS nor tokens: listen on 127.0.0.1, or give --insecure if the network is closed`,
  );
}
