/**
 * A model on disk, in the folder layout of Hugging Face: config.json, model.safetensors (or several with an index), and companions such
 * as tokenizer.json. A folder appears whole or not at all. Knows nothing of policy versions.
 */
import { randomUUID } from 'node:crypto';
import { copyFile, mkdir, open, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { SegueError } from '@segue/core';
import {
  type ConfigFields,
  formatKeptFields,
  formatModelConfig,
  type ModelConfig,
  modelConfigOf,
  parseConfigFields,
} from './config.js';
import { type ParameterLayout, parameterLayout, requireLength } from './layout.js';
import { exists, type FileSums, readWeights, type WriteOptions, writeWeights } from './weight-files.js';
import type { WeightType } from './weight-types.js';

export interface Checkpoint {
  readonly config: ModelConfig;
  readonly layout: ParameterLayout;
  /** Flat, as the layout says. */
  readonly parameters: Float32Array;
  /** Of a checkpoint that was read; kept so that it goes out as it came in. */
  readonly origin?: CheckpointOrigin;
}

export interface CheckpointOrigin {
  /** The whole config.json, with the keys that are not read here. */
  readonly fields: ConfigFields;
  /** Element type of the weights on disk. */
  readonly weightType: WeightType;
}

export const configFile = 'config.json';

/** Files that go with a model from version to version. */
const companionNames = [
  'tokenizer.json',
  'tokenizer_config.json',
  'special_tokens_map.json',
  'added_tokens.json',
  'vocab.json',
  'merges.txt',
  'tokenizer.model',
  'generation_config.json',
  'chat_template.jinja',
];

/** Paths of the companion files that a folder holds. */
export async function companionFiles(folder: string): Promise<string[]> {
  const paths = companionNames.map((name) => join(folder, name));
  const found = await Promise.all(paths.map(exists));
  return paths.filter((_, i) => found[i]);
}

/** NOT_FOUND without the folder, INVALID_INPUT for a config that is not supported, DATA_LOSS for weights that do not fit it. */
export async function readCheckpoint(folder: string): Promise<Checkpoint> {
  const { config, fields } = await readConfig(folder);
  const layout = parameterLayout(config);
  const parameters = allocate(layout, folder);
  const weightType = await readWeights(folder, layout.tensors, parameters, isSpareTensor(config));
  return { config, layout, parameters, origin: { fields, weightType } };
}

/** The model's shape alone, and the whole config.json. */
export async function readConfig(folder: string): Promise<{ config: ModelConfig; fields: ConfigFields }> {
  const path = join(folder, configFile);
  const fields = parseConfigFields(await readText(path), path);
  return { config: modelConfigOf(fields, path), fields };
}

function allocate({ length, parameters }: ParameterLayout, folder: string): Float32Array {
  try {
    return new Float32Array(length);
  } catch (error) {
    const gibibytes = ((length * Float32Array.BYTES_PER_ELEMENT) / 2 ** 30).toFixed(1);
    throw new SegueError(
      'RESOURCE_EXHAUSTED',
      `${folder}: ${parameters} parameters need ${gibibytes} GiB as float32, which cannot be had in one piece`,
      error,
    );
  }
}

/** What some checkpoints hold beside the model: the output layer that a tied embedding repeats, and tables that follow from config.json. */
export function isSpareTensor({ tieEmbeddings }: ModelConfig): (name: string) => boolean {
  return (name) =>
    (tieEmbeddings && name === 'lm_head.weight') || /^model\.layers\.\d+\.self_attn\.rotary_emb\.inv_freq$/.test(name);
}

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw new SegueError('NOT_FOUND', `${path} cannot be read: ${SegueError.from(error).rawMessage}`, error);
  }
}

/**
 * Writes a new folder: into a temporary sister first, which is then renamed.
 * @param companions paths of files to copy along under their own names
 * @param options the weights are written as float32 in one file unless they say otherwise
 * @returns the SHA-256 of the files with weights
 * @throws ALREADY_EXISTS when the folder holds something
 */
export async function writeCheckpoint(
  folder: string,
  { config, layout, parameters, origin }: Checkpoint,
  companions: readonly string[] = [],
  options: WriteOptions = {},
): Promise<FileSums> {
  requireLength(layout, parameters);
  const target = resolve(folder);
  const parent = dirname(target);
  const temporary = join(parent, `.${basename(target)}.${randomUUID()}`);
  await mkdir(temporary, { recursive: true });
  let sums: FileSums;
  try {
    const json = origin
      ? formatKeptFields(origin.fields, options.weightType ?? 'float32')
      : formatModelConfig(config, options.weightType);
    await writeFile(join(temporary, configFile), json, { flush: true });
    sums = await writeWeights(temporary, layout.tensors, parameters, options);
    for (const path of companions) await copyFile(path, join(temporary, basename(path)));
    await rename(temporary, target);
  } catch (error) {
    await rm(temporary, { recursive: true, force: true });
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'ENOTEMPTY' || code === 'EEXIST' || code === 'ENOTDIR') {
      throw new SegueError('ALREADY_EXISTS', `${target} exists already: choose another folder`, error);
    }
    throw SegueError.from(error);
  }
  await syncFolder(parent);
  return sums;
}

/** Makes a rename last through a power cut. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
