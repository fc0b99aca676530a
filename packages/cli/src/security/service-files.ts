/** Where a service of a secure local cluster finds its credentials: paths alone, which everybody may see. What makes the files is not loaded for it. */
import { join } from 'node:path';
import type { ServiceName } from '@segue/core';
import { tokensFile } from './operator.js';

/** As `key=value` of the service's configuration. @param folder `<data>/security` */
export function securitySettings(folder: string, service: ServiceName): string[] {
  const files = {
    ca: join(folder, 'ca.pem'),
    cert: join(folder, `${service}.pem`),
    key: join(folder, `${service}.key`),
    tokens: tokensFile(folder),
    natsSeed: join(folder, `${service}.seed`),
  };
  return Object.entries(files).map(([key, path]) => `security.${key}=${path}`);
}
