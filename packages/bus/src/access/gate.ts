/**
 * The gate of a gRPC server: before anything of a call is read it says who calls (certificate, token), whether the call is allowed
 * (the table in core), and whether it comes too often. It covers every RPC of the server, ours or not.
 */
import type { PeerCertificate } from 'node:tls';
import {
  type Metadata,
  ResponderBuilder,
  ServerInterceptingCall,
  type ServerInterceptor,
  ServerListenerBuilder,
} from '@grpc/grpc-js';
import { accessOf, type Caller, isLimited, mayCall, SegueError } from '@segue/core';
import { toStatus } from '../rpc/status.js';
import { identityOf } from './identity.js';
import { RateLimit } from './rate-limit.js';
import type { TokenFile } from './tokens.js';

/** A call that was not let in. */
export interface Refusal {
  /** `segue.v1.Trainer/FineTune`; `unknown` for a call that the table does not have. */
  readonly rpc: string;
  readonly peer: string;
  /** Who called, as far as that is known. */
  readonly caller: string;
  readonly error: SegueError;
}

export interface GateOptions {
  /** null: nobody is asked for credentials. */
  readonly tokens: TokenFile | null;
  readonly requestsPerSecond: number;
  readonly requestBurst: number;
  readonly onRefusal: (refusal: Refusal) => void;
}

/** What is asked about a call that came in. */
export interface Entering {
  readonly path: string;
  readonly peer: string;
  readonly certificate: PeerCertificate | undefined;
  /** Values of the `authorization` header. */
  readonly authorization: readonly string[];
}

export function createGate(options: GateOptions): ServerInterceptor {
  const limit = new RateLimit(options.requestsPerSecond, options.requestBurst);
  return interceptorOf((entering) => refusalOf(entering, options, limit));
}

/** Asks about every call before anything of it is read. @param refuse null: the call is let in */
export function interceptorOf(refuse: (entering: Entering) => SegueError | null): ServerInterceptor {
  return (method, call) => {
    const admit = (metadata: Metadata): SegueError | null => {
      const entering: Entering = {
        path: method.path,
        peer: call.getPeer(),
        certificate: call.getAuthContext().sslPeerCertificate,
        authorization: metadata.get('authorization').map(String),
      };
      // It is for the gate alone: no handler and no log sees it.
      metadata.remove('authorization');
      return refuse(entering);
    };
    const listener = new ServerListenerBuilder()
      .withOnReceiveMetadata((metadata, next) => {
        const refusal = admit(metadata);
        if (refusal) call.sendStatus(toStatus(refusal));
        else next(metadata);
      })
      .build();
    return new ServerInterceptingCall(call, new ResponderBuilder().withStart((next) => next(listener)).build());
  };
}

function refusalOf(entering: Entering, options: GateOptions, limit: RateLimit): SegueError | null {
  const access = accessOf(entering.path);
  let caller: Caller | null = null;
  try {
    caller = callerOf(entering, options.tokens);
    if (!access && caller.kind === 'anyone') return null;
    if (!access) throw new SegueError('PERMISSION_DENIED', `${entering.path} is open to nobody`);
    if (!mayCall(caller, access)) {
      const wanted = access.scope === null ? access.services.join(', ') : `scope ${access.scope}`;
      throw new SegueError(
        'PERMISSION_DENIED',
        `${describe(caller)} may not call ${entering.path}: it takes ${wanted}`,
      );
    }
    const waitMs = isLimited(caller, access) ? limit.take(caller.name) : 0;
    if (waitMs === 0) return null;
    const message = `${describe(caller)} calls more than ${options.requestsPerSecond} times a second: try again in ${waitMs} ms`;
    throw new SegueError('RESOURCE_EXHAUSTED', message, undefined, waitMs);
  } catch (error) {
    const failure = SegueError.from(error);
    const rpc = access ? entering.path.slice(1) : 'unknown';
    options.onRefusal({ rpc, peer: entering.peer, caller: caller ? describe(caller) : 'nobody', error: failure });
    return failure;
  }
}

/** UNAUTHENTICATED when it cannot be told who calls. A service is known by its certificate, a client by its token. */
function callerOf({ peer, certificate, authorization }: Entering, tokens: TokenFile | null): Caller {
  if (!tokens) return { kind: 'anyone', name: peer };
  const identity = identityOf(certificate);
  if (!identity) throw new SegueError('UNAUTHENTICATED', 'the certificate names no service or client of this cluster');
  if (identity.kind === 'service') return { kind: 'service', name: identity.service, service: identity.service };
  const [header, ...more] = authorization;
  const token = /^Bearer (\S+)$/i.exec(header ?? '')?.[1];
  if (token === undefined || more.length > 0) {
    throw new SegueError('UNAUTHENTICATED', 'a client needs a token: send it as authorization: Bearer <token>');
  }
  const verdict = tokens.verify(token);
  if (verdict.kind === 'known') return { kind: 'client', name: verdict.entry.name, scopes: verdict.entry.scopes };
  if (verdict.kind === 'unknown') throw new SegueError('UNAUTHENTICATED', 'the token is unknown or was revoked');
  const endedAt = new Date(verdict.entry.expiresAtMs).toISOString();
  throw new SegueError('UNAUTHENTICATED', `token ${verdict.entry.name} ended at ${endedAt}`);
}

function describe(caller: Caller): string {
  return caller.kind === 'anyone' ? `a client at ${caller.name}` : `${caller.kind} ${caller.name}`;
}
