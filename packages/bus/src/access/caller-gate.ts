/**
 * The gate of a server that belongs to no cluster and has no tokens, as a scorer of somebody's own: the certificate's name alone decides who is let in, for every
 * call alike. TLS has checked the authority before; that one signs for everybody in the cluster, so its word alone is not enough.
 */
import type { ServerInterceptor } from '@grpc/grpc-js';
import { SegueError, type ServiceName } from '@segue/core';
import { type Entering, interceptorOf } from './gate.js';
import { identityOf } from './identity.js';

/** Who is let in. */
export interface CallerRule {
  readonly services: readonly ServiceName[];
  /** Names in clients' certificates. */
  readonly clients: readonly string[];
}

export function createCallerGate(rule: CallerRule): ServerInterceptor {
  return interceptorOf((entering) => refusalOf(entering, rule));
}

function refusalOf({ path, certificate }: Entering, { services, clients }: CallerRule): SegueError | null {
  const identity = identityOf(certificate);
  if (!identity) {
    return new SegueError('UNAUTHENTICATED', 'the certificate names no service or client of this cluster');
  }
  const [name, isLetIn] =
    identity.kind === 'service'
      ? [identity.service, services.includes(identity.service)]
      : [identity.name, clients.includes(identity.name)];
  if (isLetIn) return null;
  const wanted = [...services.map((one) => `service ${one}`), ...clients.map((one) => `client ${one}`)].join(', ');
  return new SegueError('PERMISSION_DENIED', `${identity.kind} ${name} may not call ${path} here: it takes ${wanted}`);
}
