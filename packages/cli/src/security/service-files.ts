/** Where the credentials of a secure local cluster lie: paths alone, which everybody may see. What makes the files is not loaded for it. */
import { join } from 'node:path';
import type { TlsFiles } from '@segue/bus';
import type { ServiceName } from '@segue/core';

/** @param name of a service or client */
export function certificateFiles(folder: string, name: string): TlsFiles {
  return { ca: join(folder, 'ca.pem'), cert: join(folder, `${name}.pem`), key: join(folder, `${name}.key`) };
}

export function seedFile(folder: string, service: ServiceName): string {
  return join(folder, `${service}.seed`);
}

/** Of all clients' tokens, which services read. */
export function tokensFile(folder: string): string {
  return join(folder, 'tokens.json');
}

/** As `key=value` of the service's configuration. @param folder `<data>/security` */
export function securitySettings(folder: string, service: ServiceName): string[] {
  const files = {
    ...certificateFiles(folder, service),
    tokens: tokensFile(folder),
    natsSeed: seedFile(folder, service),
  };
  return Object.entries(files).map(([key, path]) => `security.${key}=${path}`);
}
