/**
 * The manifest of a snapshot of the replay store: `snapshot.json` beside the store's file, with its size and checksum and the runs that it holds. It is written last,
 * so a folder without one is no snapshot. No I/O here.
 */
import { z } from 'zod';
import { SegueError } from './error.js';
import { iterationStates, runStates } from './records.js';

export const snapshotManifestName = 'snapshot.json';
export const snapshotFileName = 'data.mdb';

const snapshotManifestSchema = z.object({
  formatVersion: z.literal(1),
  takenAt: z.string(),
  bytes: z.number().int().min(0),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  runs: z.array(
    z.object({
      id: z.string(),
      state: z.enum(runStates),
      iteration: z.number().int().min(0).nullable(),
      iterationState: z.enum(iterationStates).nullable(),
      policyVersion: z.number().int().min(0),
    }),
  ),
  /** Runs that the store knows and has no records of; snapshots of earlier versions do not say. */
  retiredRuns: z.array(z.string()).optional(),
});

export type SnapshotManifest = z.output<typeof snapshotManifestSchema>;

/** Reads a manifest's text; DATA_LOSS when it is not one. @param where for the message */
export function parseSnapshotManifest(text: string, where: string): SnapshotManifest {
  try {
    return snapshotManifestSchema.parse(JSON.parse(text));
  } catch (error) {
    throw new SegueError('DATA_LOSS', `${where}: ${snapshotManifestName} is damaged, or of a later version`, error);
  }
}
