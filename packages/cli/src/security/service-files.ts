/** Where the credentials of a secure local cluster lie: paths alone, which everybody may see. What makes the files is not loaded for it. */
import { join } from 'node:path';
import type { ServiceName } from '@segue/core';
import { tokensFile } from './operator.js';

/** @param name of a service or client */
export function certificateFiles(folder: string, name: string): { ca: string; cert: string; key: string } {
  return { ca: join(folder, 'ca.pem'), cert: join(folder, `${name}.pem`), key: join(folder, `${name}.key`) };
}

export function seedFile(folder: string, service: ServiceName): string {
  return join(folder, `${service}.seed`);
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
