/** A version of the policy store for actors that do not share the trainer's disk. */
import { realpath } from 'node:fs/promises';
import { type DownloadPolicyRequest, type PolicyChunk, SegueError } from '@segue/core';
import { policyChunks } from '@segue/service';
import type { PolicyStore } from './policy-store.js';

/**
 * Reads from one state of the version, even when it is replaced meanwhile. FAILED_PRECONDITION when the reference names
 * another content.
 */
export async function* downloadPolicy(
  store: PolicyStore,
  { policy: ref, from }: DownloadPolicyRequest,
): AsyncGenerator<PolicyChunk> {
  const stored = await store.get(ref.runId, ref.version);
  if (ref.manifestSha256 !== '' && ref.manifestSha256 !== stored.manifestSha256) {
    throw new SegueError(
      'FAILED_PRECONDITION',
      `version ${ref.version} of run ${ref.runId} has been replaced: its manifest is ${stored.manifestSha256}, not ${ref.manifestSha256}`,
    );
  }
  yield* policyChunks(await realpath(stored.folder), stored.manifest, from);
}
