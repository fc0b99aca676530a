/**
 * The manifest of a policy version: what it is made of, and where it comes from. The trainer writes it as
 * `manifest.json` beside the files; whoever copies a version checks each file against it. The sha256 of the manifest's
 * own bytes names the version's content. No I/O here.
 */
import { z } from 'zod';
import { SegueError } from './error.js';

export const manifestFileName = 'manifest.json';

const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
/** A plain name: no folder, nothing hidden, never the manifest itself. */
const fileName = z
  .string()
  .regex(/^[A-Za-z0-9_-][A-Za-z0-9._-]*$/)
  .refine((name) => name !== manifestFileName);

const policyManifestSchema = z.object({
  formatVersion: z.literal(1),
  runId: z.string(),
  version: z.number().int().min(0),
  /** Version that it was trained from; its own for version 0. */
  parent: z.number().int().min(0),
  /** How it came to be. */
  origin: z.enum(['random', 'imported', 'warmup', 'trained']),
  /**
   * Hash of everything that decided its content: configuration, parent, batch. The same inputs are never worked on
   * twice.
   */
  inputHash: sha256,
  /** Of a version 0 whose `inputHash` is not that of the run's start, since the warm-up has taken the place of it; left out of all others. */
  startHash: sha256.optional(),
  /** What was measured while it was made, for whoever asks again. */
  metrics: z.record(z.string(), z.unknown()),
  files: z.array(z.object({ name: fileName, bytes: z.number().int().min(0), sha256 })).min(1),
});

export type PolicyManifest = z.output<typeof policyManifestSchema>;
export type PolicyFile = PolicyManifest['files'][number];

/** Hash of the seed and policy that a version 0 began from; null where a manifest of an earlier version does not say. */
export function startHashOf({ origin, inputHash, startHash }: PolicyManifest): string | null {
  if (startHash !== undefined) return startHash;
  return origin === 'random' || origin === 'imported' ? inputHash : null;
}

/** Reads a manifest's text; DATA_LOSS when it is not one. @param where for the message */
export function parsePolicyManifest(text: string, where: string): PolicyManifest {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new SegueError('DATA_LOSS', `${where}: ${manifestFileName} is not JSON`, error);
  }
  const result = policyManifestSchema.safeParse(value);
  if (result.success) return result.data;
  const wrong = result.error.issues.map((issue) => issue.path.map(String).join('.') || 'the whole').join(', ');
  throw new SegueError('DATA_LOSS', `${where}: ${manifestFileName} is damaged at ${wrong}`);
}

/** The text that is written and hashed: keys in a fixed order. */
export function formatPolicyManifest(manifest: PolicyManifest): string {
  return `${JSON.stringify(policyManifestSchema.parse(manifest), null, 2)}\n`;
}
