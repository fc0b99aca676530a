/** The version that this actor serves, for actors that join late: read from its own files, which stay for as long as it is served. */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type DownloadPolicyRequest,
  manifestFileName,
  type PolicyChunk,
  parsePolicyManifest,
  SegueError,
} from '@segue/core';
import { policyChunks } from '@segue/service';
import type { LanePolicy } from './lane-work.js';

/** @param served null when nothing is */
export async function* servePolicy(
  served: LanePolicy | null,
  { policy: { runId, version, manifestSha256 }, from }: DownloadPolicyRequest,
): AsyncGenerator<PolicyChunk> {
  if (served?.runId !== runId || served.version !== version) {
    throw new SegueError('NOT_FOUND', `this actor does not serve version ${version} of run ${runId}`);
  }
  const bytes = await readFile(join(served.folder, manifestFileName));
  const found = createHash('sha256').update(bytes).digest('hex');
  if (manifestSha256 !== '' && found !== manifestSha256) {
    throw new SegueError(
      'FAILED_PRECONDITION',
      `version ${version} of run ${runId} that this actor serves has manifest ${found}, not ${manifestSha256}`,
    );
  }
  yield* policyChunks(served.folder, parsePolicyManifest(bytes.toString('utf8'), served.folder), from);
}
