/**
 * What a converter is, and the checks that all converters share. A converter turns one of core's values into the plain
 * object that protobuf encodes, and back; what does not fit is refused with INVALID_INPUT by the name of its field.
 */
import { requireId, SegueError } from '@segue/core';

/** Between core's T and the plain object of one protobuf message. */
export interface Converter<T> {
  toWire(value: T): object;
  fromWire(message: object): T;
}

/**
 * Makes a converter from two functions over a message's generated types. The loader decodes exactly what the generator
 * describes (same options, checked by a test), so this is the one place where a decoded object is given its type.
 */
export function converter<T, Input extends object, Output extends object>(
  toWire: (value: T) => Input,
  fromWire: (message: Output) => T,
): Converter<T> {
  return { toWire, fromWire: (message) => fromWire(message as Output) };
}

/** Between one field of core and the field of the same name on the wire. */
export interface Field<T, Wire> {
  toWire(value: T, name: string): unknown;
  fromWire(wire: Wire, name: string): T;
}

/** A field per key of T; the compiler checks each against the generated type of the message. */
export type FieldTable<T, Output> = {
  readonly [K in keyof T]-?: K extends keyof Output ? Field<T[K], Output[K]> : never;
};

/** The converter of a message whose fields have core's names: one row per field. */
export function fields<T extends object, Output extends object>(table: FieldTable<T, Output>): Converter<T> {
  const rows = Object.entries(table) as [string, Field<unknown, unknown>][];
  const translate = (way: 'toWire' | 'fromWire', source: object) => {
    const target: Record<string, unknown> = {};
    for (const [name, field] of rows) target[name] = field[way](Reflect.get(source, name), name);
    return target;
  };
  return { toWire: (value) => translate('toWire', value), fromWire: (message) => translate('fromWire', message) as T };
}

function sameField<T>(check: (value: T, name: string) => T): Field<T, T> {
  return { toWire: check, fromWire: check };
}

export const text = sameField<string>((value) => value);
/** Text that is safe in a path and in a subject. */
export const idText = sameField<string>(requireId);
export const flag = sameField<boolean>((value) => value);
/** A double. */
export const real = sameField<number>((value) => value);
/** 32 bits, unsigned. */
export const uint = sameField<number>(uint32);
/** A count that fits a double exactly. */
export const count = sameField<number>(uint53);
/** Counts by name. */
export const counts: Field<Readonly<Record<string, number>>, Record<string, number>> = {
  toWire: (value, name) => Object.fromEntries(Object.entries(value).map(([key, each]) => [key, uint53(each, name)])),
  fromWire: (wire) => wire,
};
export const texts: Field<readonly string[], string[]> = { toWire: (value) => value, fromWire: (wire) => wire };

/** null here, absent there. */
export function optional<T, Wire>(field: Field<T, Wire>): Field<T | null, Wire | null | undefined> {
  return {
    toWire: (value, name) => (value === null ? undefined : field.toWire(value, name)),
    fromWire: (wire, name) => (wire === null || wire === undefined ? null : field.fromWire(wire, name)),
  };
}

/** 0 on the wire means `value`. */
export function zeroMeans(value: number): Field<number, number> {
  return { toWire: uint32, fromWire: (wire) => (wire === 0 ? value : wire) };
}

/** One of core's names, as an enum. */
export function enumField<Name extends string, Wire extends string | number>(
  names: EnumConverter<Name, unknown>,
): Field<Name, Wire> {
  return { toWire: (value) => names.toWire(value), fromWire: (wire, name) => names.fromWire(wire, name) };
}

/** One of core's names, as text. */
export function nameField<Name extends string>(names: readonly Name[]): Field<Name, string> {
  return { toWire: (value) => value, fromWire: (wire, name) => oneOf(names, wire, name) };
}

/** A message inside the message. */
export function nested<T>(inner: Converter<T>): Field<T, object | null | undefined> {
  return { toWire: inner.toWire, fromWire: (wire, name) => inner.fromWire(required(wire, name)) };
}

/** Any number of messages. */
export function listOf<T>(inner: Converter<T>): Field<readonly T[], object[]> {
  return {
    toWire: (values) => values.map(inner.toWire),
    fromWire: (wires) => wires.map(inner.fromWire),
  };
}

/** For requests and responses without fields. */
export const emptyConverter: Converter<Record<never, never>> = { toWire: () => ({}), fromWire: () => ({}) };

/** Names of core against names on the wire: `{ stop: 'END_REASON_STOP' }`. */
export interface EnumConverter<Name extends string, Wire> {
  toWire(name: Name): Wire;
  /** Refuses what has no name here: an unknown number, or UNSPECIFIED. */
  fromWire(wire: string | number, field: string): Name;
}

export function enumConverter<Name extends string, Wire extends string>(
  table: Readonly<Record<Name, Wire>>,
): EnumConverter<Name, Wire> {
  const names = new Map<string | number, Name>();
  for (const name in table) names.set(table[name], name);
  return {
    // What is read from a disk may have no name here, and would go out as UNSPECIFIED without a word.
    toWire: (name) => table[name] ?? refuse('a name', `is not one of ${Object.keys(table).join(', ')}`, name),
    fromWire: (wire, field) =>
      names.get(wire) ?? refuse(field, `is not one of ${[...names.values()].join(', ')}`, wire),
  };
}

/** A message inside a message that must be there. */
export function required<T extends object>(message: T | null | undefined, field: string): T {
  return message ?? refuse(field, 'is missing', message);
}

/** A number that protobuf would otherwise cut down to 32 bits without a word. */
export function uint32(value: number, field: string): number {
  if (Number.isInteger(value) && value >= 0 && value <= 0xffffffff) return value;
  return refuse(field, 'must be an integer from 0 to 4294967295', value);
}

/** A count that fits a double exactly. */
export function uint53(value: number, field: string): number {
  if (Number.isSafeInteger(value) && value >= 0) return value;
  return refuse(field, 'must be an integer from 0 to 2^53 - 1', value);
}

/** One of a list of names that travel as text. */
export function oneOf<Name extends string>(names: readonly Name[], text: string, field: string): Name {
  return names.find((name) => name === text) ?? refuse(field, `is not one of ${names.join(', ')}`, text);
}

/** Counts by name, without the names that this version does not know. */
export function countsOf<Name extends string>(
  names: readonly Name[],
  counts: Readonly<Record<string, number>>,
): Partial<Record<Name, number>> {
  const result: Partial<Record<Name, number>> = {};
  for (const name of names) {
    const count = counts[name];
    if (count !== undefined) result[name] = count;
  }
  return result;
}

/** JSON text of an object; empty means {}. */
export function jsonObject(text: string, field: string): Record<string, unknown> {
  if (text === '') return {};
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { ...value };
  } catch {
    // Refused below, with the same words as any other text that is not an object.
  }
  return refuse(field, 'is not the JSON of an object', text);
}

/** A float32 as the shortest decimal that gives it: 0.7, not 0.699999988079071. */
export function shortestDecimal(value: number): number {
  return Number(value.toPrecision(7));
}

function refuse(field: string, what: string, value: unknown): never {
  const shown = value === undefined || value === null ? '' : `: ${JSON.stringify(value).slice(0, 80)}`;
  throw new SegueError('INVALID_INPUT', `${field} ${what}${shown}`);
}
