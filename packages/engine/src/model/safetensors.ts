/**
 * Reading and writing safetensors files: 8 bytes header length, a JSON header, then the raw little-endian data. float32 only.
 * Tensors are read straight into the array that will hold them. Knows nothing of models.
 */
import { type FileHandle, open } from 'node:fs/promises';
import { SegueError } from '@segue/core';

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

const lengthBytes = 8;
/** A header says a name, shape and place per tensor; more than this is no header. */
const maxHeaderBytes = 100_000_000;
const elementBytes = 4;
/** A line of a processor's cache. */
const alignmentBytes = 64;

/** Writes the tensors in their order and flushes them to the disk. */
export async function writeSafetensors(
  path: string,
  tensors: readonly NamedTensor[],
  flat: Float32Array,
  metadata: Readonly<Record<string, string>> = {},
): Promise<void> {
  let end = 0;
  const entries = tensors.map(({ name, shape, size }) => {
    const begin = end;
    end += size * elementBytes;
    return [name, { dtype: 'F32', shape, data_offsets: [begin, end] }] as const;
  });
  const json = JSON.stringify({ __metadata__: { format: 'pt', ...metadata }, ...Object.fromEntries(entries) });
  // Padded with spaces so that the data is aligned for whoever maps the file.
  const before = lengthBytes + Buffer.byteLength(json);
  const padding = Math.ceil(before / alignmentBytes) * alignmentBytes - before;
  const header = Buffer.from(json + ' '.repeat(padding));
  const length = Buffer.alloc(lengthBytes);
  length.writeBigUInt64LE(BigInt(header.length));
  const file = await open(path, 'wx');
  try {
    await writeAll(file, length);
    await writeAll(file, header);
    for (const { offset, size } of tensors) {
      await writeAll(file, new Uint8Array(flat.buffer, flat.byteOffset + offset * elementBytes, size * elementBytes));
    }
    await file.sync();
  } finally {
    await file.close();
  }
}

async function writeAll(file: FileHandle, bytes: Uint8Array): Promise<void> {
  let written = 0;
  while (written < bytes.length) written += (await file.write(bytes, written)).bytesWritten;
}

/** Fills the tensors of a flat array. DATA_LOSS, naming the tensor, when the file does not hold exactly these. */
export async function readSafetensors(
  path: string,
  tensors: readonly NamedTensor[],
  flat: Float32Array,
): Promise<void> {
  const file = await openFile(path);
  try {
    const begins = await findIn(file, path, tensors);
    for (const { name, offset, size } of tensors) {
      const bytes = new Uint8Array(flat.buffer, flat.byteOffset + offset * elementBytes, size * elementBytes);
      await readAll(file, path, bytes, begins.get(name)!);
    }
  } finally {
    await file.close();
  }
}

/** Where each tensor begins in the file, in bytes. Refuses what `readSafetensors` refuses, without reading the data. */
export async function findTensors(path: string, tensors: readonly NamedTensor[]): Promise<ReadonlyMap<string, number>> {
  const file = await openFile(path);
  try {
    return await findIn(file, path, tensors);
  } finally {
    await file.close();
  }
}

async function openFile(path: string): Promise<FileHandle> {
  try {
    return await open(path, 'r');
  } catch (error) {
    throw new SegueError('NOT_FOUND', `${path} cannot be opened: ${SegueError.from(error).rawMessage}`, error);
  }
}

async function findIn(file: FileHandle, path: string, tensors: readonly NamedTensor[]): Promise<Map<string, number>> {
  const fileBytes = (await file.stat()).size;
  const { entries, dataBegin } = await readHeader(file, path, fileBytes);
  requireTensors(path, entries, tensors, fileBytes - dataBegin);
  return new Map(tensors.map(({ name }) => [name, dataBegin + entries.get(name)!.begin]));
}

async function readAll(file: FileHandle, path: string, bytes: Uint8Array, position: number): Promise<void> {
  let read = 0;
  while (read < bytes.length) {
    const { bytesRead } = await file.read(bytes, read, bytes.length - read, position + read);
    if (bytesRead === 0) throw new SegueError('DATA_LOSS', `${path} ends in the middle of a tensor`);
    read += bytesRead;
  }
}

async function readHeader(
  file: FileHandle,
  path: string,
  fileBytes: number,
): Promise<{ entries: ReadonlyMap<string, Entry>; dataBegin: number }> {
  const broken = (message: string, cause?: unknown) => new SegueError('DATA_LOSS', `${path}: ${message}`, cause);
  if (fileBytes < lengthBytes) throw broken('is too short for a safetensors file');
  const length = Buffer.alloc(lengthBytes);
  await readAll(file, path, length, 0);
  const headerBytes = Number(length.readBigUInt64LE());
  if (headerBytes > Math.min(maxHeaderBytes, fileBytes - lengthBytes)) throw broken('has no safetensors header');
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
  return { entries, dataBegin: lengthBytes + headerBytes };
}

function entryOf(field: unknown): Entry | null {
  if (typeof field !== 'object' || field === null) return null;
  const { dtype, shape, data_offsets: offsets } = field as Record<string, unknown>;
  const numbers = (list: unknown): list is number[] =>
    Array.isArray(list) && list.every((x) => Number.isSafeInteger(x) && x >= 0);
  if (typeof dtype !== 'string' || !numbers(shape) || !numbers(offsets) || offsets.length !== 2) return null;
  return { dtype, shape, begin: offsets[0]!, end: offsets[1]! };
}

function requireTensors(
  path: string,
  entries: ReadonlyMap<string, Entry>,
  tensors: readonly NamedTensor[],
  dataBytes: number,
): void {
  const refuse = (name: string, message: string) => new SegueError('DATA_LOSS', `${path}: tensor ${name} ${message}`);
  for (const { name, shape, size } of tensors) {
    const entry = entries.get(name);
    if (!entry) throw refuse(name, 'is missing');
    if (entry.dtype !== 'F32') throw refuse(name, `is of type ${entry.dtype}; convert the checkpoint to float32 (F32)`);
    if (entry.shape.join() !== shape.join())
      throw refuse(name, `has shape [${entry.shape}], the model needs [${shape}]`);
    if (entry.end - entry.begin !== size * elementBytes || entry.end > dataBytes) throw refuse(name, 'is cut off');
  }
  const known = new Set(tensors.map(({ name }) => name));
  for (const name of entries.keys()) if (!known.has(name)) throw refuse(name, 'is not part of the model');
}
