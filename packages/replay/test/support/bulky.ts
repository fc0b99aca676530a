/** Records of many pages, the same each time, and which of them a store file cannot give back. Run as a program it tells that of a folder. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Segment } from '@segue/core';
import { member, openStore, problem, removeFolder, segmentAfter, temporaryFolder } from './fixtures.js';

export const bulkyProblem = problem('p0');

/** A segment of 500 to 3,500 tokens: a few pages to some dozens. */
export function bulky(index: number): Segment {
  const length = 500 + ((index * 977) % 3_000);
  const tokens = Int32Array.from({ length }, (_, i) => index * 10_000 + i);
  return segmentAfter({ id: member(0, index), promptTokens: bulkyProblem.promptTokens, segments: [] }, 'budget', {
    tokens,
  });
}

/** Which of the trajectories the store in `folder` cannot give back whole. */
async function missingIn(folder: string, indexes: readonly number[]): Promise<number[]> {
  const store = openStore(folder);
  const missing = indexes.filter((index) => {
    try {
      return store.getTrajectory(member(0, index)).segments[0]?.tokens.join() !== bulky(index).tokens.join();
    } catch {
      return true;
    }
  });
  await store.close();
  return missing;
}

/** Which of the trajectories a store cannot give back whole from such a file. @param image null: there is no file */
export async function missingFrom(image: Buffer | null, indexes: readonly number[]): Promise<number[]> {
  const folder = temporaryFolder();
  try {
    if (image !== null) writeFileSync(join(folder, 'data.mdb'), image);
    return await missingIn(folder, indexes);
  } catch {
    return [...indexes];
  } finally {
    removeFolder(folder);
  }
}

const [, program, folder, count] = process.argv;
if (program === fileURLToPath(import.meta.url) && folder !== undefined) {
  const missing = await missingIn(
    folder,
    Array.from({ length: Number(count) }, (_, i) => i),
  );
  if (missing.length > 0) process.exitCode = 1;
}
