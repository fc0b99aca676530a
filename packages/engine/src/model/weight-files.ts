/**
 * The weights of a model in a folder: one safetensors file, or several with an index that tells which tensor is where. All headers are
 * read and compared with the model before any weight is.
 */
import { access, readFile, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { SegueError } from '@segue/core';
import {
  type NamedTensor,
  readSafetensorsHeader,
  readTensors,
  requireTensors,
  type SafetensorsHeader,
  writeSafetensors,
} from './safetensors.js';
import { type WeightType, weightTypeOf, weightTypes } from './weight-types.js';

export const weightsFile = 'model.safetensors';
export const weightsIndexFile = 'model.safetensors.index.json';

/** What other software leaves when it has no safetensors. */
const otherFormats = ['pytorch_model.bin', 'pytorch_model.bin.index.json', 'consolidated.00.pth', 'model.gguf'];

export interface WriteOptions {
  /** Element type of what is written. Default float32. */
  readonly weightType?: WeightType;
  /** A file grows to at most this size, unless one tensor is larger. Default: all in one file. */
  readonly maxFileBytes?: number;
}

/** A file with the tensors that are read from it. */
interface Part {
  readonly header: SafetensorsHeader;
  readonly tensors: readonly NamedTensor[];
}

/**
 * Fills the tensors of a flat array from the weights in a folder.
 *
 * @param isSpare tells tensors that a file may hold beside them
 * @returns the element type that the first tensor came in
 * @throws NOT_FOUND without weights, DATA_LOSS naming the tensor or file that does not fit
 */
export async function readWeights(
  folder: string,
  tensors: readonly NamedTensor[],
  flat: Float32Array,
  isSpare: (name: string) => boolean,
): Promise<WeightType> {
  const parts = await openParts(folder, tensors, isSpare);
  for (const { header, tensors } of parts) await readTensors(header, tensors, flat);
  const first = parts.map(({ header }) => header.entries.get(tensors[0]?.name ?? '')).find((entry) => entry);
  return weightTypeOf(first?.dtype ?? '') ?? 'float32';
}

/** Where a tensor lies, and as what. */
export interface TensorPlace {
  /** Name of the file inside the folder. */
  readonly file: string;
  readonly offsetBytes: number;
  readonly type: WeightType;
}

/** Where each tensor lies, by name. Refuses what `readWeights` refuses, and reads no weight. */
export async function findWeights(
  folder: string,
  tensors: readonly NamedTensor[],
  isSpare: (name: string) => boolean,
): Promise<ReadonlyMap<string, TensorPlace>> {
  const places = new Map<string, TensorPlace>();
  for (const { header, tensors: own } of await openParts(folder, tensors, isSpare)) {
    for (const { name } of own) {
      const { begin, dtype } = header.entries.get(name)!;
      const offsetBytes = header.dataBegin + begin;
      places.set(name, { file: basename(header.path), offsetBytes, type: weightTypeOf(dtype)! });
    }
  }
  return places;
}

/** The files with their tensors, compared with the model. */
async function openParts(
  folder: string,
  tensors: readonly NamedTensor[],
  isSpare: (name: string) => boolean,
): Promise<Part[]> {
  const parts = await findParts(folder, tensors, isSpare);
  const names = new Set(tensors.map(({ name }) => name));
  for (const { header, tensors: own } of parts) {
    requireTensors(header, own);
    const here = new Set(own.map(({ name }) => name));
    for (const name of header.entries.keys()) {
      if (here.has(name) || isSpare(name)) continue;
      const what = names.has(name) ? `is in another file by ${weightsIndexFile}` : 'is not part of the model';
      throw new SegueError('DATA_LOSS', `${header.path}: tensor ${name} ${what}`);
    }
  }
  return parts;
}

async function findParts(
  folder: string,
  tensors: readonly NamedTensor[],
  isSpare: (name: string) => boolean,
): Promise<Part[]> {
  if (await exists(join(folder, weightsFile))) {
    return [{ header: await readSafetensorsHeader(join(folder, weightsFile)), tensors }];
  }
  const indexPath = join(folder, weightsIndexFile);
  if (!(await exists(indexPath))) {
    const found = await Promise.all(otherFormats.map((name) => exists(join(folder, name))));
    const other = otherFormats.find((_, i) => found[i]);
    const hint = other ? `; ${other} is not read: save the model as safetensors` : '';
    throw new SegueError('NOT_FOUND', `${folder} holds neither ${weightsFile} nor ${weightsIndexFile}${hint}`);
  }
  const fileOf = parseIndex(await readFile(indexPath, 'utf8'), indexPath);
  const refuse = (name: string, message: string) =>
    new SegueError('DATA_LOSS', `${indexPath}: tensor ${name} ${message}`);
  const expected = new Set(tensors.map(({ name }) => name));
  for (const { name } of tensors) if (!fileOf.has(name)) throw refuse(name, 'is missing');
  for (const name of fileOf.keys()) {
    if (!expected.has(name) && !isSpare(name)) throw refuse(name, 'is not part of the model');
  }
  const parts: Part[] = [];
  for (const file of new Set(fileOf.values())) {
    const path = join(folder, file);
    if (!(await exists(path))) throw new SegueError('NOT_FOUND', `${indexPath} names ${file}, which is not there`);
    const header = await readSafetensorsHeader(path);
    parts.push({ header, tensors: tensors.filter(({ name }) => fileOf.get(name) === file) });
  }
  return parts;
}

/** A name without folders: an index never leads out of its own. */
const plainFileName = /^[A-Za-z0-9_-][A-Za-z0-9._-]*\.safetensors$/;

/** The file of each tensor. */
function parseIndex(text: string, path: string): ReadonlyMap<string, string> {
  const broken = (message: string, cause?: unknown) => new SegueError('DATA_LOSS', `${path}: ${message}`, cause);
  let index: unknown;
  try {
    index = JSON.parse(text);
  } catch (error) {
    throw broken('is not JSON', error);
  }
  const map: unknown = typeof index === 'object' && index !== null && 'weight_map' in index ? index.weight_map : null;
  if (typeof map !== 'object' || map === null || Array.isArray(map)) throw broken('weight_map is missing');
  const fileOf = new Map<string, string>();
  for (const [name, file] of Object.entries(map)) {
    if (typeof file !== 'string' || !plainFileName.test(file)) {
      throw broken(`weight_map.${name} must be the plain name of a .safetensors file, not ${JSON.stringify(file)}`);
    }
    fileOf.set(name, file);
  }
  return fileOf;
}

/** SHA-256 of files by their names, for those that were written and not only copied. */
export type FileSums = Readonly<Record<string, string>>;

/** Writes the weights into a folder that holds none. @returns the sums of the files with weights */
export async function writeWeights(
  folder: string,
  tensors: readonly NamedTensor[],
  flat: Float32Array,
  { weightType = 'float32', maxFileBytes = Number.POSITIVE_INFINITY }: WriteOptions = {},
): Promise<FileSums> {
  const { bytes } = weightTypes[weightType];
  const groups: NamedTensor[][] = [];
  let room = 0;
  for (const tensor of tensors) {
    const needed = tensor.size * bytes;
    if (groups.length === 0 || needed > room) {
      groups.push([]);
      room = maxFileBytes;
    }
    groups.at(-1)!.push(tensor);
    room -= needed;
  }
  if (groups.length <= 1) {
    return { [weightsFile]: await writeSafetensors(join(folder, weightsFile), tensors, flat, weightType) };
  }
  const number = (n: number) => String(n).padStart(5, '0');
  const weightMap: Record<string, string> = {};
  const sums: Record<string, string> = {};
  for (const [i, group] of groups.entries()) {
    const file = `model-${number(i + 1)}-of-${number(groups.length)}.safetensors`;
    for (const { name } of group) weightMap[name] = file;
    sums[file] = await writeSafetensors(join(folder, file), group, flat, weightType);
  }
  const total = tensors.reduce((sum, { size }) => sum + size * bytes, 0);
  const index = { metadata: { total_size: total }, weight_map: weightMap };
  await writeFile(join(folder, weightsIndexFile), `${JSON.stringify(index, null, 2)}\n`, { flush: true });
  return sums;
}

export async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
