/** The person who started a local cluster, as that cluster knows them: where their certificate and their token lie. */
import { join } from 'node:path';
import type { ClientCredentials } from '@segue/client';
import { certificateFiles } from './service-files.js';

/** Name of the certificate and of the token. */
export const operator = 'operator';

/** @param folder `<data>/security` */
export function operatorCredentials(folder: string): ClientCredentials {
  return {
    ...certificateFiles(folder, operator),
    tokenFile: operatorTokenFile(folder),
  };
}

export function operatorTokenFile(folder: string): string {
  return join(folder, 'operator.token');
}
