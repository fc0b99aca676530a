/**
 * The weights of a model as constants of inference graphs: mapped from the checkpoint's file where it holds them as the graphs
 * need them, else copied from memory. Knows nothing of versions, and checks no sums: who hands over a folder has done that.
 */
import { realpath, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Builder } from '../graph/builder.js';
import type { FilePlace, Value } from '../graph/value.js';
import { type Checkpoint, readCheckpoint, readConfig, weightsFile } from './checkpoint.js';
import { type ParameterBlock, type ParameterLayout, parameterLayout, viewOf } from './layout.js';
import { findTensors } from './safetensors.js';

export interface ModelWeights {
  readonly layout: ParameterLayout;
  /** Which file this is: another one under the same name has another identity. */
  readonly identity: string;
  /** Folder of the file that the constants lie in; null when they hold their content. */
  readonly filesFolder: string | null;
  /** Graphs over weights of the same signature are the same, but for the folder; null when they hold the weights. */
  readonly signature: string | null;
  constantOf(b: Builder, block: ParameterBlock): Value;
}

const { BYTES_PER_ELEMENT: elementBytes } = Float32Array;

/** The weights of a checkpoint, mapped where that can be. */
export async function openWeights(folder: string): Promise<ModelWeights> {
  return (await weightsInFile(folder)) ?? (await weightsInMemory(folder));
}

/** Weights whose graphs hold a copy of the parameters. */
export async function weightsInMemory(folder: string): Promise<ModelWeights> {
  const { layout, parameters }: Checkpoint = await readCheckpoint(folder);
  return {
    layout,
    identity: await identityOf(folder),
    filesFolder: null,
    signature: null,
    constantOf: (b, block) => b.constant('float32', block.shape, viewOf(parameters, block)),
  };
}

/**
 * Weights that stay in the file: graphs of a few kilobytes, and pages that all sessions and processes of a host share. The file must not be
 * changed while a session lives; it may be removed.
 * @returns null when the tensors of a block do not lie side by side
 */
export async function weightsInFile(folder: string): Promise<ModelWeights | null> {
  const layout = parameterLayout(await readConfig(folder));
  const begins = await findTensors(join(folder, weightsFile), layout.tensors);
  const places = new Map<ParameterBlock, FilePlace>();
  for (const block of layout.blocks) {
    const offsetBytes = begins.get(block.tensors[0]!.name)!;
    const adjoins = block.tensors.every(({ name, offset }) => {
      return begins.get(name) === offsetBytes + (offset - block.offset) * elementBytes;
    });
    if (!adjoins || offsetBytes % elementBytes !== 0) return null;
    places.set(block, { file: weightsFile, offsetBytes, bytes: block.size * elementBytes });
  }
  return {
    layout,
    identity: await identityOf(folder),
    filesFolder: await realpath(folder),
    signature: JSON.stringify([layout.config, [...places.values()]]),
    constantOf: (b, block) => b.constantInFile('float32', block.shape, places.get(block)!),
  };
}

async function identityOf(folder: string): Promise<string> {
  const { dev, ino, size, mtimeNs } = await stat(join(folder, weightsFile), { bigint: true });
  return [dev, ino, size, mtimeNs].join(':');
}
