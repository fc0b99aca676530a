import type { CommonConfig, parseConfig, ServiceName } from '@segue/core';
import type { Build } from './shell.js';

/** A zod schema of core's service-config.ts with the output C. */
export type ConfigSchema<C> = Parameters<typeof parseConfig>[0] & { readonly parse: (input: unknown) => C };

export interface ServiceDefinition<C extends CommonConfig> {
  readonly name: ServiceName;
  readonly schema: ConfigSchema<C>;
  readonly build: Build<C>;
}
export declare function runService<C extends CommonConfig>(definition: ServiceDefinition<C>): Promise<void>;
