/**
 * Reading configuration: validation with messages that name the key, overrides by environment, and the table of keys.
 * Pure: the caller reads files and the environment.
 */
import { z } from 'zod';
import { SegueError } from './error.js';
import { keyDocs } from './key-docs.js';
import { type RunConfig, runConfigSchema } from './run-config.js';

/** A schema whose valid values are `C`. */
export type ConfigSchema<C> = z.ZodType<C>;

/** Validates `input` against `schema`; throws INVALID_CONFIG with one line per wrong key. @param source file or flag, for the message */
export function parseConfig<T extends z.ZodType>(schema: T, input: unknown, source: string): z.output<T> {
  const result = schema.safeParse(input);
  if (result.success) return result.data;
  const lines = result.error.issues.map((issue) => `${describePath(issue)} ${describeIssue(issue)}`);
  throw new SegueError('INVALID_CONFIG', `${source}: ${lines.join('; ')}`);
}

export function parseRunConfig(input: unknown, source: string): RunConfig {
  return parseConfig(runConfigSchema, input, source);
}

function describePath(issue: z.core.$ZodIssue): string {
  return issue.path.length > 0 ? issue.path.map(String).join('.') : 'the whole';
}

function describeIssue(issue: z.core.$ZodIssue): string {
  if (issue.code === 'unrecognized_keys')
    return `has unknown key ${issue.keys.map((k) => JSON.stringify(k)).join(', ')}`;
  if (issue.code === 'custom') return issue.message;
  return `is refused: ${issue.message}`;
}

/** Assigned, it would change what an object inherits in place of giving it a key. */
const reservedKey = '__proto__';

/** What a file holds, where it holds keys: a list or a text would be overridden whole, without a word. */
export function requireMap(value: unknown, source: string): unknown {
  if (!isRecord(value)) throw new SegueError('INVALID_CONFIG', `${source}: the whole is no map of keys and values`);
  refuseReserved(value, source);
  return value;
}

function refuseReserved(value: unknown, source: string): void {
  if (typeof value !== 'object' || value === null) return;
  if (Object.hasOwn(value, reservedKey)) {
    throw new SegueError('INVALID_CONFIG', `${source}: no key of a configuration is called ${reservedKey}`);
  }
  for (const part of Object.values(value)) refuseReserved(part, source);
}

/** Overrides `base` by `overrides`, key by key; lists and scalars are replaced whole. */
export function mergeConfig(base: unknown, overrides: unknown): unknown {
  if (!isRecord(base) || !isRecord(overrides)) return overrides === undefined ? base : overrides;
  const merged: Record<string, unknown> = { ...base };
  for (const [name, value] of Object.entries(overrides)) {
    if (name === reservedKey) {
      throw new SegueError('INVALID_CONFIG', `no key of a configuration is called ${reservedKey}`);
    }
    merged[name] = mergeConfig(Object.hasOwn(base, name) ? base[name] : undefined, value);
  }
  return merged;
}

/**
 * `SEGUE_RUN_ROLLOUT__TOKEN_BUDGET=64` becomes `{ rollout: { tokenBudget: '64' } }`, with numbers, booleans and null read as JSON.
 * @param prefix what the variables begin with, such as `SEGUE_RUN_`
 */
export function configFromEnvironment(
  environment: Readonly<Record<string, string | undefined>>,
  prefix: string,
): unknown {
  const result: Record<string, unknown> = {};
  for (const [name, text] of Object.entries(environment)) {
    if (!name.startsWith(prefix) || text === undefined) continue;
    const path = name.slice(prefix.length).split('__').map(camelCase);
    setPath(result, path, scalar(text));
  }
  return result;
}

/** `rollout.tokenBudget=64` as a nested override. */
export function configFromAssignment(assignment: string): unknown {
  const at = assignment.indexOf('=');
  if (at <= 0)
    throw new SegueError('INVALID_CONFIG', `${JSON.stringify(assignment)} is not of the form key.path=value`);
  const result: Record<string, unknown> = {};
  setPath(result, assignment.slice(0, at).split('.'), scalar(assignment.slice(at + 1)));
  return result;
}

function camelCase(name: string): string {
  return name.toLowerCase().replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}

function scalar(text: string): unknown {
  if (/^(true|false|null|-?\d+(\.\d+)?([eE][+-]?\d+)?)$/.test(text)) return JSON.parse(text);
  return text;
}

function setPath(target: Record<string, unknown>, path: readonly string[], value: unknown): void {
  const [head, ...rest] = path;
  if (head === undefined) return;
  if (head === reservedKey) {
    throw new SegueError('INVALID_CONFIG', `no key of a configuration is called ${reservedKey}`);
  }
  if (rest.length === 0) {
    target[head] = value;
    return;
  }
  const child = isRecord(target[head]) ? target[head] : {};
  target[head] = child;
  setPath(child, rest, value);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** One row of the table of keys. */
export interface ConfigKey {
  readonly path: string;
  readonly about: string;
  readonly unit: string;
  readonly alias: string;
  /** JSON of the default; empty for a section. */
  readonly default: string;
}

/** Every key of a schema in order, with its documentation and default. */
export function listConfigKeys(schema: z.ZodObject, prefix = ''): ConfigKey[] {
  const rows: ConfigKey[] = [];
  for (const [name, field] of Object.entries(schema.shape)) {
    const docs = keyDocs.get(field as z.ZodType);
    const section = sectionOf(field as z.ZodType);
    const path = prefix + name;
    const fallback = section ? '' : JSON.stringify((field as z.ZodType).safeParse(undefined).data);
    rows.push({
      path,
      about: docs?.about ?? '',
      unit: docs?.unit ?? '',
      alias: docs?.alias ?? '',
      default: fallback ?? '',
    });
    if (section) rows.push(...listConfigKeys(section, `${path}.`));
  }
  return rows;
}

/** The object schema inside a field with a default, or null for a plain value. */
function sectionOf(field: z.ZodType): z.ZodObject | null {
  let inner: z.ZodType = field;
  while (inner instanceof z.ZodPrefault || inner instanceof z.ZodDefault) inner = inner.unwrap() as z.ZodType;
  return inner instanceof z.ZodObject ? inner : null;
}
