/** A policy version of a few thousand random weights, as the trainer's store would hold it. */
import { createHash } from 'node:crypto';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { formatPolicyManifest, manifestFileName, type PolicyRef } from '@segue/core';
import { initialParameters, parameterLayout, requireModelConfig, writeCheckpoint } from '@segue/engine';
import { createCharacterTokenizer, saveTokenizer } from '@segue/tokenizer';

export const tokenizer = createCharacterTokenizer('abcdefgh:');

export interface TinyPolicy {
  readonly ref: PolicyRef;
  readonly folder: string;
}

/** Writes `<root>/<run>/<version>`; the version is also the seed of its weights. */
export async function writeTinyPolicy(
  root: string,
  runId: string,
  version: number,
  maxPositions = 64,
): Promise<TinyPolicy> {
  const config = requireModelConfig({
    hiddenSize: 16,
    layers: 1,
    heads: 2,
    kvHeads: 1,
    headSize: 8,
    intermediateSize: 24,
    vocabularySize: tokenizer.vocabularySize,
    rmsNormEpsilon: 1e-5,
    ropeTheta: 10_000,
    tieEmbeddings: true,
    maxPositions,
    bosTokenId: tokenizer.special.bos,
    eosTokenIds: tokenizer.eosTokens,
  });
  const layout = parameterLayout(config);
  const folder = join(root, runId, String(version));
  await writeCheckpoint(folder, { config, layout, parameters: initialParameters(layout, version) });
  await saveTokenizer(tokenizer, folder);
  const files = [];
  for (const name of (await readdir(folder)).sort()) {
    const bytes = await readFile(join(folder, name));
    files.push({ name, bytes: bytes.length, sha256: sha256(bytes) });
  }
  const text = formatPolicyManifest({
    formatVersion: 1,
    runId,
    version,
    parent: Math.max(0, version - 1),
    origin: 'trained',
    inputHash: '0'.repeat(64),
    metrics: {},
    files,
  });
  await writeFile(join(folder, manifestFileName), text);
  return { ref: { runId, version, manifestSha256: sha256(Buffer.from(text)) }, folder };
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
