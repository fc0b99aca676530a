/**
 * X.509 certificates: a private authority, and what it signs for services and clients (ECDSA P-256). Text in, text out; files are
 * certificate-folder.ts. What the names in a certificate mean is the bus's business.
 */
// The library finds its own parts through this.
import 'reflect-metadata';
import type { webcrypto } from 'node:crypto';
import { isIP } from 'node:net';
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  type JsonGeneralName,
  KeyUsageFlags,
  KeyUsagesExtension,
  PemConverter,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator,
} from '@peculiar/x509';
import { subjectOf } from '@segue/bus';

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const dayMs = 24 * 3_600_000;
/** Clocks of two machines differ a little: a certificate is good from a moment before it was made. */
const clockSkewMs = 5 * 60_000;

/** A certificate and its private key, both in PEM. */
export interface KeyedCertificate {
  readonly cert: string;
  readonly key: string;
}

/** A scorer is a server of somebody's own: the reward service calls it. */
export type Holder = { readonly kind: 'service' | 'client' | 'scorer'; readonly name: string };

export interface IssueRequest {
  readonly holder: Holder;
  /** Host names and addresses under which a service is reached, for tools that look at them. */
  readonly hosts: readonly string[];
  readonly days: number;
}

export interface CertificateFacts {
  readonly holder: Holder;
  readonly hosts: readonly string[];
  readonly notAfter: Date;
  readonly serialNumber: string;
}

/** A new authority. It signs end certificates alone: no authority below it. */
export async function createAuthority(days: number): Promise<KeyedCertificate> {
  const keys = await makeKeys();
  const certificate = await X509CertificateGenerator.createSelfSigned({
    name: 'CN=segue authority, O=segue',
    keys,
    signingAlgorithm: algorithm,
    ...validity(days),
    extensions: [
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { cert: textOf(certificate), key: await exportKey(keys.privateKey) };
}

/** A new key and the authority's certificate for it. Services call and are called, clients call, scorers are called. */
export async function issueCertificate(authority: KeyedCertificate, request: IssueRequest): Promise<KeyedCertificate> {
  const issuer = new X509Certificate(authority.cert);
  const keys = await makeKeys();
  const { kind, name } = request.holder;
  const usages = [
    ...(kind === 'client' ? [] : [ExtendedKeyUsage.serverAuth]),
    ...(kind === 'scorer' ? [] : [ExtendedKeyUsage.clientAuth]),
  ];
  const names: JsonGeneralName[] = request.hosts.map((host) => ({
    type: isIP(host) === 0 ? 'dns' : 'ip',
    value: host,
  }));
  const certificate = await X509CertificateGenerator.create({
    subject: subjectOf(kind, name),
    issuer: issuer.subject,
    publicKey: keys.publicKey,
    signingKey: await importKey(authority.key),
    signingAlgorithm: algorithm,
    ...validity(request.days),
    extensions: [
      new BasicConstraintsExtension(false, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      new ExtendedKeyUsageExtension(usages),
      ...(names.length > 0 ? [new SubjectAlternativeNameExtension(names)] : []),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
      await AuthorityKeyIdentifierExtension.create(issuer.publicKey),
    ],
  });
  return { cert: textOf(certificate), key: await exportKey(keys.privateKey) };
}

/** What a certificate says of itself; null when it names no holder, as the authority's own. */
export function factsOf(pem: string): CertificateFacts | null {
  const certificate = new X509Certificate(pem);
  const [name] = certificate.subjectName.getField('CN');
  const [kind] = certificate.subjectName.getField('OU');
  if (name === undefined || (kind !== 'service' && kind !== 'client' && kind !== 'scorer')) return null;
  const alternatives = certificate.getExtension(SubjectAlternativeNameExtension)?.names.toJSON() ?? [];
  return {
    holder: { kind, name },
    hosts: alternatives.map(({ value }) => value),
    notAfter: certificate.notAfter,
    serialNumber: certificate.serialNumber,
  };
}

function validity(days: number): { notBefore: Date; notAfter: Date } {
  return { notBefore: new Date(Date.now() - clockSkewMs), notAfter: new Date(Date.now() + days * dayMs) };
}

async function makeKeys(): Promise<webcrypto.CryptoKeyPair> {
  return crypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
}

async function exportKey(key: webcrypto.CryptoKey): Promise<string> {
  return `${PemConverter.encode(await crypto.subtle.exportKey('pkcs8', key), 'PRIVATE KEY')}\n`;
}

function importKey(pem: string): Promise<webcrypto.CryptoKey> {
  return crypto.subtle.importKey('pkcs8', PemConverter.decodeFirst(pem), algorithm, false, ['sign']);
}

function textOf(certificate: X509Certificate): string {
  return `${certificate.toString('pem')}\n`;
}
