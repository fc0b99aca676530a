/**
 * A snapshot of the store as a stream: the library copies one state of the file while writes and reads go on, the copy is opened, hashed and sent,
 * then removed. It knows nothing of where the snapshot is kept.
 */
import { randomUUID } from 'node:crypto';
import { mkdir, open, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { SegueError, type SnapshotChunk, type SnapshotRun } from '@segue/core';
import { hashFile } from '@segue/service';
import { storeFileName } from './create-file.js';
import { newestIteration } from './iterations.js';
import { isRetired } from './retired.js';
import { listRuns } from './runs.js';
import { openTables, type Tables } from './tables.js';

const chunkBytes = 1 << 20;
const prefix = '.snapshot-';

/**
 * Copies one state of the store and gives it part by part. The copy is gone when the stream ends, however it ends.
 * @param onCopied told what the copy names, before it is summed, which takes as long as the copy
 */
export async function* takeSnapshot(
  tables: Tables,
  onCopied: (runs: readonly SnapshotRun[]) => void,
): AsyncGenerator<SnapshotChunk> {
  const folder = join(tables.folder, `${prefix}${randomUUID()}`);
  await mkdir(folder);
  try {
    await backUp(tables, folder);
    const { runs, retiredRuns } = await runsIn(folder);
    onCopied(runs);
    const path = join(folder, storeFileName);
    const file = await open(path);
    try {
      const { size } = await file.stat();
      const sha256 = await hashFile(file);
      for (let offset = 0; offset < size; offset += chunkBytes) {
        const data = new Uint8Array(Math.min(chunkBytes, size - offset));
        await file.read(data, 0, data.length, offset);
        yield { offset, fileBytes: size, sha256, runs, retiredRuns, data };
      }
    } finally {
      await file.close();
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Removes what a killed process left of its snapshots. */
export async function sweepSnapshots(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    if (name.startsWith(prefix)) await rm(join(folder, name), { recursive: true, force: true });
  }
}

async function backUp(tables: Tables, folder: string): Promise<void> {
  try {
    await tables.backUp(folder);
  } catch (error) {
    const { rawMessage } = SegueError.from(error);
    throw new SegueError(
      'RESOURCE_EXHAUSTED',
      `no snapshot could be taken beside ${tables.folder}: ${rawMessage}`,
      error,
    );
  }
}

/**
 * What the copy holds: it is opened, so that one that cannot be is never handed out. Runs whose records were let go of are named alone: nobody knows their
 * newest version from the store, and none of theirs is ever made again.
 */
async function runsIn(folder: string): Promise<Pick<SnapshotChunk, 'runs' | 'retiredRuns'>> {
  const tables = openTables(folder);
  try {
    const all = listRuns(tables);
    const runs = all.filter(({ id }) => !isRetired(tables, id));
    return {
      runs: runs.map(({ id, state }): SnapshotRun => ({ id, state, ...standOf(tables, id) })),
      retiredRuns: all.filter(({ id }) => isRetired(tables, id)).map(({ id }) => id),
    };
  } finally {
    await tables.close();
  }
}

/** Where a run stands, and the version that it goes on from: that which its newest iteration samples with, or came to. */
function standOf(tables: Tables, runId: string): Pick<SnapshotRun, 'iteration' | 'iterationState' | 'policyVersion'> {
  const newest = newestIteration(tables, runId);
  if (newest === null) return { iteration: null, iterationState: null, policyVersion: 0 };
  return { iteration: newest.iteration, iterationState: newest.state, policyVersion: newest.policyVersionOut };
}
