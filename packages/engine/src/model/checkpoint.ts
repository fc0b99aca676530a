/**
 * A model on disk, in the folder layout of Hugging Face: config.json, model.safetensors, and companions such as tokenizer.json.
 * A folder appears whole or not at all. Knows nothing of policy versions.
 */
import { randomUUID } from 'node:crypto';
import { access, copyFile, mkdir, open, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { SegueError } from '@segue/core';
import { formatModelConfig, type ModelConfig, parseModelConfig } from './config.js';
import { type ParameterLayout, parameterLayout, requireLength } from './layout.js';
import { readSafetensors, writeSafetensors } from './safetensors.js';

export interface Checkpoint {
  readonly config: ModelConfig;
  readonly layout: ParameterLayout;
  /** Flat, as the layout says. */
  readonly parameters: Float32Array;
}

export const configFile = 'config.json';
export const weightsFile = 'model.safetensors';

/** Files that go with a model from version to version. */
const companionNames = [
  'tokenizer.json',
  'tokenizer_config.json',
  'special_tokens_map.json',
  'generation_config.json',
  'chat_template.jinja',
];

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

/** Paths of the companion files that a folder holds. */
export async function companionFiles(folder: string): Promise<string[]> {
  const paths = companionNames.map((name) => join(folder, name));
  const found = await Promise.all(paths.map(exists));
  return paths.filter((_, i) => found[i]);
}

/** NOT_FOUND without the folder, INVALID_INPUT for a config that is not supported, DATA_LOSS for weights that do not fit it. */
export async function readCheckpoint(folder: string): Promise<Checkpoint> {
  const config = await readConfig(folder);
  const layout = parameterLayout(config);
  const parameters = new Float32Array(layout.length);
  await readSafetensors(join(folder, weightsFile), layout.tensors, parameters);
  return { config, layout, parameters };
}

/** The model's shape alone. */
export async function readConfig(folder: string): Promise<ModelConfig> {
  return parseModelConfig(await readText(join(folder, configFile)), join(folder, configFile));
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
 * @throws ALREADY_EXISTS when the folder holds something
 */
export async function writeCheckpoint(
  folder: string,
  { config, layout, parameters }: Checkpoint,
  companions: readonly string[] = [],
): Promise<void> {
  requireLength(layout, parameters);
  const target = resolve(folder);
  const parent = dirname(target);
  const temporary = join(parent, `.${basename(target)}.${randomUUID()}`);
  await mkdir(temporary, { recursive: true });
  try {
    await writeFile(join(temporary, configFile), formatModelConfig(config), { flush: true });
    await writeSafetensors(join(temporary, weightsFile), layout.tensors, parameters);
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
