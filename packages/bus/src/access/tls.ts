/** The files of one side of a TLS connection, read once; and the gRPC credentials made of them. Messages name files, never what is in them. */
import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { type ChannelCredentials, credentials, ServerCredentials } from '@grpc/grpc-js';
import { SegueError } from '@segue/core';
import { type PeerIdentity, requirePeer } from './identity.js';

/** PEM files: the authority that is trusted, one's own certificate and its key. */
export interface TlsFiles {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

/** What is in them. */
export interface TlsMaterial {
  readonly ca: Buffer;
  readonly cert: Buffer;
  readonly key: Buffer;
}

/** INVALID_CONFIG names the file that is missing, unreadable, or no certificate, and the certificate that is over. */
export function readTls(files: TlsFiles): TlsMaterial {
  const material = { ca: readPem('ca', files.ca), cert: readPem('cert', files.cert), key: readPem('key', files.key) };
  for (const name of ['ca', 'cert'] as const) {
    const { validTo } = parse(name, files[name], material[name]);
    if (Date.parse(validTo) < Date.now()) {
      throw new SegueError(
        'INVALID_CONFIG',
        `${name} ${files[name]} ended at ${validTo}: renew it with segue certs renew`,
      );
    }
  }
  return material;
}

/** When a certificate is over, in Unix time in ms. */
export function certificateEndMs({ cert }: TlsMaterial): number {
  return Date.parse(new X509Certificate(cert).validTo);
}

function readPem(name: string, path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new SegueError('INVALID_CONFIG', `${name} ${path} cannot be read: ${SegueError.from(error).rawMessage}`);
  }
}

function parse(name: string, path: string, pem: Buffer): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch {
    throw new SegueError('INVALID_CONFIG', `${name} ${path} is no certificate in PEM`);
  }
}

/** Every caller has to show a certificate of the authority. */
export function serverCredentials(tls: TlsMaterial | null): ServerCredentials {
  if (!tls) return ServerCredentials.createInsecure();
  return ServerCredentials.createSsl(tls.ca, [{ private_key: tls.key, cert_chain: tls.cert }], true);
}

/** @param peer that the other side's certificate must name */
export function channelCredentials(tls: TlsMaterial | undefined, peer: PeerIdentity): ChannelCredentials {
  if (!tls) return credentials.createInsecure();
  return credentials.createSsl(tls.ca, tls.key, tls.cert, { checkServerIdentity: requirePeer(peer) });
}
