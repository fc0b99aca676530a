/**
 * Values of any shape as bytes, for a store of one's own: msgpack with number arrays as in codec.ts, behind a checksum. Readable by any msgpack
 * decoder that passes over the first eight bytes. Unlike message bodies they come from this cluster's own disk: what is inside is not checked field
 * by field, only that it is what was written.
 */
import { hash } from 'node:crypto';
import { SegueError } from '@segue/core';
import { Packr, RESERVE_START_SPACE } from 'msgpackr';
import { float32FromBytes, int32FromBytes, littleEndian, uint32FromBytes } from '../convert/bytes.js';

const packr = new Packr({ useRecords: false });
const checksumBytes = 8;

/** Plain values, lists, objects with text keys, Int32Array, Uint32Array, Float32Array and Uint8Array, nested at will. */
export function encodeRow(row: unknown): Buffer {
  // Room in front for the checksum, so that nothing is copied.
  const bytes = packr.pack(packable(row), RESERVE_START_SPACE | checksumBytes);
  bytes.write(checksumOf(bytes.subarray(checksumBytes)), 0, checksumBytes, 'latin1');
  return bytes;
}

/** What `encodeRow` was given, with arrays of their own. @throws SegueError DATA_LOSS when the bytes are not those that were written */
export function decodeRow(bytes: Uint8Array): unknown {
  const body = bytes.subarray(checksumBytes);
  const sum = checksumOf(body);
  for (let i = 0; i < checksumBytes; i++) {
    if (bytes[i] === sum.charCodeAt(i)) continue;
    throw new SegueError('DATA_LOSS', `${bytes.byteLength} bytes do not match their checksum`);
  }
  return unpacked(packr.unpack(body));
}

/** A character for each byte: a short text costs less than a buffer. */
function checksumOf(body: Uint8Array): string {
  return hash('sha256', body, 'binary').slice(0, checksumBytes);
}

function packable(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(packable);
  if (value instanceof Int32Array) return { dtype: 'int32', n: value.length, data: littleEndian(value) };
  if (value instanceof Uint32Array) return { dtype: 'uint32', n: value.length, data: littleEndian(value) };
  if (value instanceof Float32Array) return { dtype: 'float32', n: value.length, data: littleEndian(value) };
  if (value instanceof Uint8Array) return { dtype: 'uint8', n: value.length, data: value };
  return withPackable(value);
}

/** The object with each item packable. Itself where it is plain and all are, as most rows are: copying all that is written would be much of the work. */
function withPackable(value: object): object {
  if (!isPlain(value)) return withPackable({ ...value });
  let copy: Record<string, unknown> | null = null;
  // A list of the names, and a call for each of them, would be half of the work. A plain object has none that it inherits.
  for (const name in value) {
    const item = value[name];
    if (typeof item !== 'object' || item === null) continue;
    const after = packable(item);
    if (after === item) continue;
    copy ??= { ...value };
    copy[name] = after;
  }
  return copy ?? value;
}

function isPlain(value: object): value is Record<string, unknown> {
  return Object.getPrototypeOf(value) === Object.prototype;
}

function unpacked(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(unpacked);
  // Bytes stand in array maps alone, so that no object of plain values is taken for one.
  if ('data' in value && value.data instanceof Uint8Array && 'dtype' in value) return arrayOf(value.dtype, value.data);
  // The object is ours, made a moment ago: what changes is set in it. Copied, the arrays of a segment took a third of their reading.
  for (const name of Object.keys(value)) {
    const item: unknown = Reflect.get(value, name);
    if (typeof item !== 'object' || item === null) continue;
    const after = unpacked(item);
    if (after !== item) Reflect.set(value, name, after);
  }
  return value;
}

function arrayOf(dtype: unknown, data: Uint8Array): Int32Array | Uint32Array | Float32Array | Uint8Array {
  switch (dtype) {
    case 'int32':
      return int32FromBytes(data, 'row');
    case 'uint32':
      return uint32FromBytes(data, 'row');
    case 'float32':
      return float32FromBytes(data, 'row');
    case 'uint8':
      return Uint8Array.from(data);
    default:
      throw new SegueError('DATA_LOSS', `a row holds an array of unknown type ${String(dtype)}`);
  }
}
