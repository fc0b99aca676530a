/**
 * Reading and writing safetensors files: 8 bytes header length, a JSON header, then the raw little-endian data. Tensors are read straight
 * into the array that will hold them, as float32. A file is refused unless its header accounts for every byte. Knows nothing of models.
 */
import { createHash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import { SegueError } from '@segue/core';
import { narrowed, narrowPart, type WeightType, weightTypeOf, weightTypes, widen } from './weight-types.js';

/** A named stretch of a flat array. */
export interface NamedTensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly offset: number;
  readonly size: number;
}

interface Entry {
  readonly dtype: string;
  readonly shape: readonly number[];
  /** Bytes from the end of the header. */
  readonly begin: number;
  readonly end: number;
}

/** What a file says of itself. */
export interface SafetensorsHeader {
  readonly path: string;
  readonly entries: ReadonlyMap<string, Entry>;
  /** Where the data begins. */
  readonly dataBegin: number;
}

const lengthBytes = 8;
/** A line of a processor's cache. */
const alignmentBytes = 64;
/** A header says a name, shape and place per tensor; more than this is no header. */
const maxHeaderBytes = 100_000_000;
/** The system moves at most 2 GiB at once. */
const maxTransferBytes = 2 ** 30;

/** Writes the tensors in their order and flushes them to the disk. @returns the SHA-256 of the file: taken beside the writing, it costs no time of its own */
export async function writeSafetensors(
  path: string,
  tensors: readonly NamedTensor[],
  flat: Float32Array,
  weightType: WeightType = 'float32',
): Promise<string> {
  const { code, bytes } = weightTypes[weightType];
  let end = 0;
  const entries = tensors.map(({ name, shape, size }) => {
    const begin = end;
    end += size * bytes;
    return [name, { dtype: code, shape, data_offsets: [begin, end] }] as const;
  });
  const json = JSON.stringify({ __metadata__: { format: 'pt' }, ...Object.fromEntries(entries) });
  // Padded with spaces so that the data is aligned for whoever maps the file.
  const before = lengthBytes + Buffer.byteLength(json);
  const padding = Math.ceil(before / alignmentBytes) * alignmentBytes - before;
  const header = Buffer.from(json + ' '.repeat(padding));
  const length = Buffer.alloc(lengthBytes);
  length.writeBigUInt64LE(BigInt(header.length));
  const hash = createHash('sha256');
  const file = await open(path, 'wx');
  try {
    const write = async (part: Uint8Array) => {
      const written = writeAll(file, part);
      // The system writes on a thread of its own.
      hash.update(part);
      await written;
    };
    await write(length);
    await write(header);
    for (const { offset, size } of tensors) {
      await write(narrowed(weightType, flat.subarray(offset, offset + size)));
    }
    await file.sync();
  } finally {
    await file.close();
  }
  return hash.digest('hex');
}

async function writeAll(file: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let written = 0; written < bytes.length; ) {
    const length = Math.min(bytes.length - written, maxTransferBytes);
    written += (await file.write(bytes, written, length)).bytesWritten;
  }
}

/** Reads and checks the header alone. DATA_LOSS, naming the tensor, when it does not describe the file. */
export async function readSafetensorsHeader(path: string): Promise<SafetensorsHeader> {
  const file = await open(path, 'r');
  try {
    const fileBytes = (await file.stat()).size;
    const header = await readHeader(file, path, fileBytes);
    requireWholeFile(header, fileBytes - header.dataBegin);
    return header;
  } finally {
    await file.close();
  }
}

/** DATA_LOSS, naming the tensor, unless the file holds the tensors in their shapes, in a type that can be read. */
export function requireTensors({ path, entries }: SafetensorsHeader, tensors: readonly NamedTensor[]): void {
  const refuse = (name: string, message: string) => new SegueError('DATA_LOSS', `${path}: tensor ${name} ${message}`);
  for (const { name, shape } of tensors) {
    const entry = entries.get(name);
    if (!entry) throw refuse(name, 'is missing');
    const known = Object.values(weightTypes).map(({ code }) => code);
    if (!weightTypeOf(entry.dtype))
      throw refuse(name, `is of type ${entry.dtype}, which is none of ${known.join(', ')}`);
    if (entry.shape.join() !== shape.join())
      throw refuse(name, `has shape [${entry.shape}], the model needs [${shape}]`);
  }
}

/** Fills the tensors of a flat array from a file whose header has been read and found to hold them. */
export async function readTensors(
  header: SafetensorsHeader,
  tensors: readonly NamedTensor[],
  flat: Float32Array,
): Promise<void> {
  const file = await open(header.path, 'r');
  try {
    for (const { name, offset, size } of tensors) {
      const entry = header.entries.get(name)!;
      const type = weightTypeOf(entry.dtype)!;
      const floats = flat.subarray(offset, offset + size);
      await readAll(file, header.path, narrowPart(type, floats), header.dataBegin + entry.begin);
      widen(type, floats);
    }
  } finally {
    await file.close();
  }
}

async function readAll(file: FileHandle, path: string, bytes: Uint8Array, position: number): Promise<void> {
  for (let read = 0; read < bytes.length; ) {
    const length = Math.min(bytes.length - read, maxTransferBytes);
    const { bytesRead } = await file.read(bytes, read, length, position + read);
    if (bytesRead === 0) throw new SegueError('DATA_LOSS', `${path} ends in the middle of a tensor`);
    read += bytesRead;
  }
}

async function readHeader(file: FileHandle, path: string, fileBytes: number): Promise<SafetensorsHeader> {
  const broken = (message: string, cause?: unknown) => new SegueError('DATA_LOSS', `${path}: ${message}`, cause);
  if (fileBytes < lengthBytes) throw broken('is too short for a safetensors file');
  const length = Buffer.alloc(lengthBytes);
  await readAll(file, path, length, 0);
  const headerBytes = Number(length.readBigUInt64LE());
  if (headerBytes > Math.min(maxHeaderBytes, fileBytes - lengthBytes)) {
    throw broken(
      `has no safetensors header: its first bytes tell a length of ${headerBytes}, the file has ${fileBytes}`,
    );
  }
  const header = Buffer.alloc(headerBytes);
  await readAll(file, path, header, lengthBytes);
  let fields: unknown;
  try {
    fields = JSON.parse(header.toString('utf8'));
  } catch (error) {
    throw broken('its header is not JSON', error);
  }
  if (typeof fields !== 'object' || fields === null) throw broken('its header is not an object');
  const entries = new Map<string, Entry>();
  for (const [name, field] of Object.entries(fields)) {
    if (name === '__metadata__') continue;
    const entry = entryOf(field);
    if (!entry) throw broken(`tensor ${name} is not described as safetensors does`);
    entries.set(name, entry);
  }
  return { path, entries, dataBegin: lengthBytes + headerBytes };
}

function entryOf(field: unknown): Entry | null {
  if (typeof field !== 'object' || field === null) return null;
  const { dtype, shape, data_offsets: offsets } = field as Record<string, unknown>;
  const numbers = (list: unknown): list is number[] =>
    Array.isArray(list) && list.every((x) => Number.isSafeInteger(x) && x >= 0);
  if (typeof dtype !== 'string' || !numbers(shape) || !numbers(offsets) || offsets.length !== 2) return null;
  return { dtype, shape, begin: offsets[0]!, end: offsets[1]! };
}

/** Every byte belongs to one tensor, and every tensor has as many as its shape needs. */
function requireWholeFile({ path, entries }: SafetensorsHeader, dataBytes: number): void {
  const refuse = (name: string, message: string) => new SegueError('DATA_LOSS', `${path}: tensor ${name} ${message}`);
  const inOrder = [...entries].sort(([, a], [, b]) => a.begin - b.begin || a.end - b.end);
  let before: { readonly name: string; readonly end: number } = { name: 'the header', end: 0 };
  for (const [name, { dtype, shape, begin, end }] of inOrder) {
    if (begin < before.end) throw refuse(name, `overlaps ${before.name}`);
    if (begin > before.end) throw refuse(name, `begins ${begin - before.end} bytes after the end of ${before.name}`);
    const type = weightTypeOf(dtype);
    const needed = shape.reduce((product, dim) => product * dim, type ? weightTypes[type].bytes : 1);
    if (type && end - begin !== needed) {
      throw refuse(name, `has ${end - begin} bytes, its shape [${shape}] in ${dtype} needs ${needed}`);
    }
    if (end > dataBytes) throw refuse(name, `is cut off: it ends at byte ${end} of the data, which has ${dataBytes}`);
    before = { name, end };
  }
  if (before.end < dataBytes) {
    throw new SegueError('DATA_LOSS', `${path}: ${dataBytes - before.end} bytes at its end belong to no tensor`);
  }
}
