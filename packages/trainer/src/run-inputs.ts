/**
 * What decides a version's content, as one hash: the same inputs give the same version, so nothing is worked on twice.
 */
import { createHash } from 'node:crypto';
import type { CompleteGroup, RunConfig } from '@segue/core';

/** Hash of JSON values and arrays, in order; objects by their keys in order. */
export function hashInputs(...parts: readonly unknown[]): string {
  const hash = createHash('sha256');
  for (const part of parts) {
    if (part instanceof Uint8Array) hash.update(part);
    else hash.update(JSON.stringify(part, sortKeys) ?? 'undefined');
    hash.update('\n');
  }
  return hash.digest('hex');
}

function sortKeys(_: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Everything of a frozen batch that training reads. @param parentSha256 manifest of the version that is trained */
export function hashBatch(
  config: RunConfig,
  iteration: number,
  parentSha256: string,
  groups: readonly CompleteGroup[],
): string {
  const { seed, control, train, rollout } = config;
  const { penalty } = rollout.repeat;
  const parts: unknown[] = [
    { seed, control, train, temperature: rollout.temperature, penalty, iteration, parentSha256 },
  ];
  for (const { group, trajectories } of groups) {
    for (const { id, score, promptTokens, segments } of trajectories) {
      parts.push([group.id, id, score?.status, score?.reward], bytesOf(promptTokens));
      for (const { tokens, logProbs, policyVersion, iteration: at, endReason, origins, lossMask } of segments) {
        parts.push([policyVersion, at, endReason], bytesOf(tokens), bytesOf(logProbs));
        parts.push(origins ?? new Uint8Array(0), lossMask ?? new Uint8Array(0));
      }
    }
  }
  return hashInputs(...parts);
}

function bytesOf(array: Int32Array | Float32Array): Uint8Array {
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
}
