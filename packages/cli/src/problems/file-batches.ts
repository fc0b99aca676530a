/** Problem files as batches: named by their content, so that the same file is the same batch, and read anew whenever a batch is sent. What a line holds is in problem-file.ts. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { SegueError } from '@segue/core';
import type { ProblemBatch } from '../run/session.js';
import { readProblemFile } from './problem-file.js';

export function fileBatches(paths: readonly string[]): Promise<ProblemBatch[]> {
  return Promise.all(
    paths.map(async (path) => ({ batchId: `file-${await contentHash(path)}`, problems: () => readProblemFile(path) })),
  );
}

async function contentHash(path: string): Promise<string> {
  const hash = createHash('sha256');
  try {
    for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  } catch (error) {
    throw new SegueError('INVALID_INPUT', `${path} cannot be read: ${SegueError.from(error).rawMessage}`, error);
  }
  return hash.digest('hex').slice(0, 16);
}
