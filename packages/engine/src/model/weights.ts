/**
 * The weights of a model as constants of inference graphs: mapped from the checkpoint's files where these hold them as the graphs
 * need them, else read into memory. Knows nothing of versions, and checks no sums: who hands over a folder has done that.
 */
import { readdir, realpath, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Builder } from '../graph/builder.js';
import type { FilePlace, Value } from '../graph/value.js';
import { configFile, isSpareTensor, readCheckpoint, readConfig } from './checkpoint.js';
import { type ParameterBlock, type ParameterLayout, parameterLayout, viewOf } from './layout.js';
import { findWeights, weightsIndexFile } from './weight-files.js';

export interface ModelWeights {
  readonly layout: ParameterLayout;
  /** Which files these are: others under the same name have another identity. */
  readonly identity: string;
  /** What the constants are views of; null when they lie in files. */
  readonly memory: ArrayBufferLike | null;
  /** Folder of the files that the constants lie in; null when they lie in memory. */
  readonly filesFolder: string | null;
  /** Graphs over files of the same signature are the same, but for the folder. */
  readonly signature: string;
  constantOf(b: Builder, block: ParameterBlock): Value;
}

const { BYTES_PER_ELEMENT: elementBytes } = Float32Array;

/** The weights of a checkpoint, mapped where that can be. */
export async function openWeights(folder: string): Promise<ModelWeights> {
  return (await weightsInFiles(folder)) ?? (await weightsInMemory(folder));
}

/** Weights that have been read into memory. */
async function weightsInMemory(folder: string): Promise<ModelWeights> {
  const identity = await filesIdentity(folder);
  const { layout, parameters } = await readCheckpoint(folder);
  return {
    layout,
    identity,
    memory: parameters.buffer,
    filesFolder: null,
    signature: '',
    constantOf: (b, block) => b.constant('float32', block.shape, viewOf(parameters, block)),
  };
}

/**
 * Weights that stay in their files: pages that all sessions and processes of a host share. The files must not be changed while a session
 * lives; they may be removed once no further session is made from them.
 * @returns null when a block is not float32, or its tensors do not lie side by side
 */
export async function weightsInFiles(folder: string): Promise<ModelWeights | null> {
  const identity = await filesIdentity(folder);
  const { config } = await readConfig(folder);
  const layout = parameterLayout(config);
  const tensors = await findWeights(folder, layout.tensors, isSpareTensor(config));
  const places = new Map<ParameterBlock, FilePlace>();
  for (const block of layout.blocks) {
    const { file, offsetBytes } = tensors.get(block.tensors[0]!.name)!;
    const adjoins = block.tensors.every(({ name, offset }) => {
      const place = tensors.get(name)!;
      const expected = offsetBytes + (offset - block.offset) * elementBytes;
      return place.type === 'float32' && place.file === file && place.offsetBytes === expected;
    });
    if (!adjoins || offsetBytes % elementBytes !== 0) return null;
    places.set(block, { file, offsetBytes, bytes: block.size * elementBytes });
  }
  return {
    layout,
    identity,
    memory: null,
    filesFolder: await realpath(folder),
    signature: JSON.stringify([config, [...places.values()]]),
    constantOf: (b, block) => b.constantInFile('float32', block.shape, places.get(block)!),
  };
}

/**
 * Names the content of a checkpoint's folder, shape and weights: any file of it that was written anew, in place or not, gives another name. Taken before
 * the files are read, so that what is read is at least as new as its name.
 */
export async function filesIdentity(folder: string): Promise<string> {
  // A folder that is not there is told by who reads it.
  const names = await readdir(folder).catch((): string[] => []);
  const parts = names.filter(
    (name) => name === configFile || name === weightsIndexFile || name.endsWith('.safetensors'),
  );
  const files = parts.sort().map(async (name) => {
    const { dev, ino, size, mtimeNs, ctimeNs } = await stat(join(folder, name), { bigint: true });
    return [name, dev, ino, size, mtimeNs, ctimeNs].join(':');
  });
  return (await Promise.all(files)).join(' ');
}
