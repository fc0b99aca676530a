/**
 * Version 0 of a run: seeded random weights with a character tokenizer, a checkpoint from a folder, or a version of
 * another run. What comes from outside is checked before it is taken: shape, tokenizer, room for the run's longest
 * prompt and response.
 */
import { realpath } from 'node:fs/promises';
import { join, resolve, sep } from 'node:path';
import { type RunConfig, SegueError, startHashOf } from '@segue/core';
import {
  companionFiles,
  type FileSums,
  initialParameters,
  type ModelConfig,
  parameterLayout,
  readCheckpoint,
  requireModelConfig,
  writeCheckpoint,
} from '@segue/engine';
import { createCharacterTokenizer, loadTokenizer, saveTokenizer } from '@segue/tokenizer';
import type { PolicyStore, StoredPolicy } from './policy-store.js';
import { hashInputs } from './run-inputs.js';

const rmsNormEpsilon = 1e-5;

/**
 * Makes version 0, or checks and answers the one that is there. ALREADY_EXISTS when that was made from another
 * configuration.
 *
 * @param checkpointsFolder where checkpoints may lie; null: anywhere
 */
export async function initializePolicy(
  store: PolicyStore,
  runId: string,
  config: RunConfig,
  checkpointsFolder: string | null = null,
): Promise<StoredPolicy> {
  const inputHash = hashInputs({ version: 0, seed: config.seed, policy: config.policy });
  const existing = await store.find(runId, 0);
  if (existing) {
    // What was warmed up says what it began from, but for manifests of earlier versions.
    const startHash = startHashOf(existing.manifest);
    if (startHash !== null && startHash !== inputHash) {
      throw new SegueError(
        'ALREADY_EXISTS',
        `run ${runId} has a version 0 that was made from another seed or policy: resume it with its own configuration, or choose another run id`,
      );
    }
    return store.verify(runId, 0);
  }
  const { from } = config.policy;
  const origin = { runId, version: 0, parent: 0, inputHash, metrics: {} };
  if (from === null) {
    return store.put({ ...origin, origin: 'random' }, (folder) => writeRandomPolicy(config, folder));
  }
  const source = await sourceFolder(store, from, checkpointsFolder);
  return store.put({ ...origin, origin: 'imported' }, (folder) => importPolicy(config, source, folder));
}

async function writeRandomPolicy(config: RunConfig, folder: string): Promise<FileSums> {
  const { model, characters } = config.policy;
  if (characters === null) {
    throw new SegueError(
      'INVALID_CONFIG',
      'policy.characters must be given when policy.from is null: random weights have no tokenizer',
    );
  }
  const tokenizer = createCharacterTokenizer(characters);
  const modelConfig = requireModelConfig(
    {
      hiddenSize: model.hiddenSize,
      layers: model.layers,
      heads: model.heads,
      kvHeads: model.keyValueHeads,
      headSize: model.headSize,
      intermediateSize: model.intermediateSize,
      vocabularySize: tokenizer.vocabularySize,
      rmsNormEpsilon,
      ropeTheta: model.ropeTheta,
      tieEmbeddings: model.tieEmbeddings,
      maxPositions: model.maxContextTokens,
      bosTokenId: tokenizer.special.bos,
      eosTokenIds: tokenizer.eosTokens,
    },
    'policy.model',
  );
  requireRoom(config, modelConfig.maxPositions, 'policy.model.maxContextTokens');
  const layout = parameterLayout(modelConfig);
  const parameters = initialParameters(layout, config.seed);
  const sums = await writeCheckpoint(folder, { config: modelConfig, layout, parameters });
  await saveTokenizer(tokenizer, folder);
  return sums;
}

async function importPolicy(config: RunConfig, source: string, folder: string): Promise<FileSums> {
  const checkpoint = await readCheckpoint(source);
  const tokenizer = await loadTokenizer(source);
  requireFit(config, checkpoint.config, tokenizer.vocabularySize, tokenizer.eosTokens, source);
  return writeCheckpoint(folder, checkpoint, await companionFiles(source));
}

function requireFit(
  config: RunConfig,
  model: ModelConfig,
  tokens: number,
  eosTokens: readonly number[],
  source: string,
): void {
  const path = join(source, 'config.json');
  if (tokens > model.vocabularySize) {
    throw new SegueError(
      'INVALID_CONFIG',
      `${path}: vocab_size is ${model.vocabularySize}, but the tokenizer beside it has ${tokens} tokens`,
    );
  }
  if (eosTokens.length === 0) {
    throw new SegueError(
      'INVALID_CONFIG',
      `${join(source, 'tokenizer_config.json')}: eos_token is missing; no response could end`,
    );
  }
  const outside = eosTokens.find((token) => token >= model.vocabularySize);
  if (outside !== undefined) {
    throw new SegueError(
      'INVALID_CONFIG',
      `${join(source, 'generation_config.json')}: eos_token_id ${outside} is not in the vocabulary of ${model.vocabularySize}`,
    );
  }
  requireRoom(config, model.maxPositions, `max_position_embeddings of ${path}`);
}

/** The context must hold the longest prompt and the longest response that the run allows. */
function requireRoom({ rollout }: RunConfig, contextTokens: number, key: string): void {
  const needed = rollout.maxPromptTokens + rollout.maxResponseTokens;
  if (contextTokens >= needed) return;
  throw new SegueError(
    'INVALID_CONFIG',
    `${key} is ${contextTokens}, but rollout.maxPromptTokens + rollout.maxResponseTokens is ${needed}`,
  );
}

/** The folder that `policy.from` names. */
async function sourceFolder(store: PolicyStore, from: string, checkpointsFolder: string | null): Promise<string> {
  if (!from.startsWith('run:')) return checkpointsFolder === null ? from : insideOf(checkpointsFolder, from);
  const match = /^run:([a-z0-9][a-z0-9-]*)@(\d+)$/.exec(from);
  if (!match) {
    throw new SegueError(
      'INVALID_CONFIG',
      `policy.from must be a folder or run:<id>@<version>, got ${JSON.stringify(from)}`,
    );
  }
  return (await store.verify(match[1]!, Number(match[2]))).folder;
}

/** The folder behind a name in `parent`, wherever links lead; PERMISSION_DENIED when that is not below it. */
async function insideOf(parent: string, name: string): Promise<string> {
  const refused = new SegueError(
    'PERMISSION_DENIED',
    `policy.from ${JSON.stringify(name)} is no folder below checkpointsFolder`,
  );
  const root = await realpath(parent);
  // What is not there and what is not to be seen look alike from outside.
  const found = await realpath(resolve(root, name)).catch(() => null);
  if (found === null || !found.startsWith(root + sep)) throw refused;
  return found;
}
