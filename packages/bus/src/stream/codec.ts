/**
 * Message bodies: msgpack maps with a version, number arrays as raw little-endian bytes with their dtype and length, and a
 * checksum that travels beside the body. Any msgpack decoder reads them; what comes in is checked field by field, since a
 * body may come from anywhere. The one file that knows msgpackr: typed arrays given to it bare would be corrupted.
 */
import { hash } from 'node:crypto';
import { isId, SegueError } from '@segue/core';
import { Packr } from 'msgpackr';
import { float32FromBytes, int32FromBytes, littleEndian } from '../convert/bytes.js';

/** Version of all bodies. Readers ignore keys that they do not know, so that it grows only when a meaning changes. */
export const bodyVersion = 1;
/** Larger bodies are refused unread. */
export const maxBodyBytes = 64 * 1024 * 1024;

const packr = new Packr({ useRecords: false });

/** What a body may hold, before it is packed. */
export type BodyValue = string | number | boolean | null | Int32Array | Float32Array | Uint8Array | Body;
export interface Body {
  readonly [name: string]: BodyValue;
}

export function encodeBody(body: Body): Uint8Array {
  return packr.pack({ ...packable(body), v: body.v ?? bodyVersion });
}

/** Itself where nothing changes, else a copy in which that is set: making each object anew, field by field, takes twice as long, and every message is written here. */
function packable(body: Body): Body {
  let packed: Record<string, BodyValue> | null = null;
  for (const name of Object.keys(body)) {
    const value = body[name];
    if (typeof value !== 'object' || value === null) continue;
    const after = packableValue(value);
    if (after === value) continue;
    packed ??= { ...body };
    packed[name] = after;
  }
  return packed ?? body;
}

function packableValue(value: Int32Array | Float32Array | Uint8Array | Body): Body {
  if (value instanceof Int32Array) return { dtype: 'int32', n: value.length, data: littleEndian(value) };
  if (value instanceof Float32Array) return { dtype: 'float32', n: value.length, data: littleEndian(value) };
  if (value instanceof Uint8Array) return { dtype: 'uint8', n: value.length, data: value };
  return packable(value);
}

/** First 16 hex digits of sha256: against rotten disks and cut messages, not against an attacker. */
export function checksum(body: Uint8Array): string {
  return hash('sha256', body).slice(0, 16);
}

/** @param expected from the message's header; null where none travels. Throws DATA_LOSS or INVALID_INPUT */
export function decodeBody(body: Uint8Array, expected: string | null): FieldReader {
  if (body.byteLength > maxBodyBytes) throw invalid(`the body has ${body.byteLength} bytes, more than ${maxBodyBytes}`);
  if (expected !== null && checksum(body) !== expected) {
    throw new SegueError('DATA_LOSS', `the body's checksum is ${checksum(body)}, its header says ${expected}`);
  }
  const fields = new FieldReader(unpack(body), '');
  const version = fields.count('v');
  if (version !== bodyVersion) throw invalid(`version ${version} is unknown; this process reads ${bodyVersion}`);
  return fields;
}

/** Several bodies as one; one alone stays as it is. */
export function encodeBodies(bodies: readonly Uint8Array[]): Uint8Array {
  const [first, ...others] = bodies;
  return first !== undefined && others.length === 0 ? first : packr.pack({ v: bodyVersion, bodies });
}

/** One of the bodies that travelled together. */
export interface OpenBody {
  readonly body: Uint8Array;
  /** Throws INVALID_INPUT */
  fields(): FieldReader;
}

/** The bodies that `encodeBodies` was given. @param expected of the whole. Throws DATA_LOSS or INVALID_INPUT */
export function decodeBodies(body: Uint8Array, expected: string | null): OpenBody[] {
  const whole = decodeBody(body, expected);
  if (!whole.has('bodies')) return [{ body, fields: () => whole }];
  return whole.byteStrings('bodies').map((one) => ({ body: one, fields: () => decodeBody(one, null) }));
}

function unpack(body: Uint8Array): unknown {
  try {
    return packr.unpack(body);
  } catch (error) {
    throw new SegueError('INVALID_INPUT', `${body.byteLength} bytes are not one msgpack value`, error);
  }
}

/** Reads a decoded map by name and type; INVALID_INPUT names the field that is missing or wrong. */
export class FieldReader {
  readonly #values: Readonly<Record<string, unknown>>;
  readonly #path: string;

  constructor(value: unknown, path: string) {
    if (!isMap(value)) throw invalid(`${path || 'the body'} is not a map`);
    this.#values = value;
    this.#path = path;
  }

  text(name: string): string {
    const value = this.#values[name];
    return typeof value === 'string' ? value : this.#refuse(name, 'text');
  }

  /** Text that is safe in a subject. */
  id(name: string): string {
    const value = this.text(name);
    return isId(value) ? value : this.#refuse(name, 'an id');
  }

  oneOf<Name extends string>(name: string, names: readonly Name[]): Name {
    const value = this.#values[name];
    return names.find((known) => known === value) ?? this.#refuse(name, `one of ${names.join(', ')}`);
  }

  flag(name: string): boolean {
    const value = this.#values[name];
    return typeof value === 'boolean' ? value : this.#refuse(name, 'true or false');
  }

  real(name: string): number {
    const value = this.#values[name];
    return typeof value === 'number' && Number.isFinite(value) ? value : this.#refuse(name, 'a finite number');
  }

  /** An integer from 0 that a double holds exactly. */
  count(name: string): number {
    const value = this.#values[name];
    return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
      ? value
      : this.#refuse(name, 'an integer from 0');
  }

  int32(name: string): Int32Array {
    return int32FromBytes(this.#bytes(name, 'int32', 4), this.#path + name);
  }

  float32(name: string): Float32Array {
    return float32FromBytes(this.#bytes(name, 'float32', 4), this.#path + name);
  }

  uint8(name: string): Uint8Array {
    return Uint8Array.from(this.#bytes(name, 'uint8', 1));
  }

  /** Views into the body. */
  byteStrings(name: string): Uint8Array[] {
    const value = this.#values[name];
    const areBytes = Array.isArray(value) && value.length > 0 && value.every((item) => item instanceof Uint8Array);
    return areBytes ? value : this.#refuse(name, 'a list of bytes');
  }

  /** null as it is, else what `read` gives. */
  orNull<T>(name: string, read: (name: string) => T): T | null {
    return this.#values[name] === null ? null : read.call(this, name);
  }

  map(name: string): FieldReader {
    return new FieldReader(this.#values[name], `${this.#path}${name}.`);
  }

  has(name: string): boolean {
    return Object.hasOwn(this.#values, name);
  }

  get names(): string[] {
    return Object.keys(this.#values);
  }

  #bytes(name: string, dtype: string, bytesPerValue: number): Uint8Array {
    const array = this.map(name);
    const found = array.text('dtype');
    if (found !== dtype) throw invalid(`${this.#path}${name} is ${found.slice(0, 20)}, not ${dtype}`);
    const data = array.#values.data;
    if (!(data instanceof Uint8Array)) return array.#refuse('data', 'bytes');
    const expected = array.count('n') * bytesPerValue;
    if (data.byteLength !== expected) {
      throw invalid(`${this.#path}${name} has ${data.byteLength} bytes where its length says ${expected}`);
    }
    return data;
  }

  #refuse(name: string, wanted: string): never {
    const state = this.has(name) ? 'is not' : 'is missing; it should be';
    throw invalid(`${this.#path}${name} ${state} ${wanted}`);
  }
}

/** As it was unpacked. No format has a field by the name of what every object has. */
function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array);
}

function invalid(message: string): SegueError {
  return new SegueError('INVALID_INPUT', message);
}
