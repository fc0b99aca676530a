/** What the keys of a configuration mean: kept beside their schemas, from which docs/configuration.md is printed. */
import { z } from 'zod';

/** What a key means, for the printed table. */
export interface KeyDocs {
  readonly about: string;
  /** Unit of the value; left out for pure numbers and words. */
  readonly unit?: string;
  /** Names of the same knob in other systems. */
  readonly alias?: string;
}

export const keyDocs = z.registry<KeyDocs>();

/** The schema, with its meaning written down. */
export function key<T extends z.ZodType>(schema: T, about: string, extra: Omit<KeyDocs, 'about'> = {}): T {
  keyDocs.add(schema, { about, ...extra });
  return schema;
}
