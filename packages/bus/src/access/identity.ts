/**
 * Who a certificate names: its subject's OU is `service`, `client` or `scorer` (a server of somebody's own, which is called and calls nobody), its CN the
 * name. The authority that signed it has
 * been checked by TLS before. Peers are known by this name and not by their host: addresses come from the registry and change.
 */
import type { PeerCertificate } from 'node:tls';
import { isId, type ServiceName, serviceNames } from '@segue/core';

export type Identity =
  | { readonly kind: 'service'; readonly service: ServiceName }
  | { readonly kind: 'client'; readonly name: string };

/** Subject of a certificate, as `segue certs` writes it. */
export function subjectOf(kind: 'service' | 'client' | 'scorer', name: string): string {
  return `CN=${name}, OU=${kind}, O=segue`;
}

/** null for a certificate that names nobody of ours. A field that stands there twice names nobody. */
export function identityOf(certificate: Pick<PeerCertificate, 'subject'> | undefined): Identity | null {
  const subject: Readonly<Record<string, unknown>> = { ...certificate?.subject };
  const { CN: name, OU: kind, O: organization } = subject;
  if (organization !== 'segue' || typeof name !== 'string') return null;
  if (kind === 'client' && isId(name)) return { kind, name };
  const service = serviceNames.find((known) => known === name);
  return kind === 'service' && service !== undefined ? { kind, service } : null;
}

/** Who a server is to be: one of the five services, or a scorer of somebody's own. */
export interface PeerIdentity {
  readonly kind: 'service' | 'scorer';
  readonly name: string;
}

export function serviceIdentity(name: string): PeerIdentity {
  return { kind: 'service', name };
}

export function scorerIdentity(name: string): PeerIdentity {
  return { kind: 'scorer', name };
}

/** What TLS asks of a server's certificate instead of its host name: that it is the one that is called. */
export function requirePeer(expected: PeerIdentity): (host: string, certificate: PeerCertificate) => Error | undefined {
  return (_host, certificate) => {
    const { CN: name, OU: kind, O: organization }: Readonly<Record<string, unknown>> = { ...certificate.subject };
    if (organization === 'segue' && kind === expected.kind && name === expected.name) return undefined;
    return new Error(
      `the server shows a certificate of ${String(kind)} ${String(name)}, not of ${expected.kind} ${expected.name}`,
    );
  };
}
