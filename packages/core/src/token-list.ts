/** What is kept of clients' tokens: never the token itself, its hash. The file of these entries is written by `segue tokens` and read by services. */
import { z } from 'zod';
import { scopes } from './access.js';

const tokenEntrySchema = z.strictObject({
  name: z.string().regex(/^[a-z0-9][a-z0-9-]{0,63}$/),
  /** Of the token's text, in hex. */
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  scopes: z.array(z.enum(scopes)).min(1),
  /** Unix times, in ms. */
  createdAtMs: z.number(),
  expiresAtMs: z.number(),
});

export const tokenListSchema = z.strictObject({ v: z.literal(1), tokens: z.array(tokenEntrySchema) });

export type TokenEntry = z.output<typeof tokenEntrySchema>;
