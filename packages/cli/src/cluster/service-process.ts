/** The program of a service. */
import { fileURLToPath } from 'node:url';
import type { ServiceName } from '@segue/core';

export function serviceEntry(service: ServiceName): string {
  return fileURLToPath(new URL(`../../../${service}/dist/main.js`, import.meta.url));
}
