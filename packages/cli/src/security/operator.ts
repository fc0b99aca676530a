/** The person who started a local cluster, as that cluster knows them: where their certificate and their token lie. */
import { join } from 'node:path';
import type { ClientCredentials } from '@segue/client';

/** Name of the certificate and of the token. */
export const operator = 'operator';

/** @param folder `<data>/security` */
export function operatorCredentials(folder: string): ClientCredentials {
  return {
    ca: join(folder, 'ca.pem'),
    cert: join(folder, `${operator}.pem`),
    key: join(folder, `${operator}.key`),
    tokenFile: operatorTokenFile(folder),
  };
}

export function operatorTokenFile(folder: string): string {
  return join(folder, 'operator.token');
}

/** The file that services read. */
export function tokensFile(folder: string): string {
  return join(folder, 'tokens.json');
}
