/**
 * Loads protos/segue/v1 at run time. The folder is looked for from this file upwards, so that it is found from src, from
 * dist, and in an image that holds the repository's layout.
 */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { loadSync, type MethodDefinition, type Options, type PackageDefinition } from '@grpc/proto-loader';
import { SegueError } from '@segue/core';

const files = ['common', 'controller', 'actor', 'trainer', 'reward', 'scorers', 'replay', 'tables'].map(
  (name) => `segue/v1/${name}.proto`,
);

/** One RPC as the protos define it; messages are plain objects. */
export type ProtoMethod = MethodDefinition<object, object>;

let loaded: PackageDefinition | null = null;

/** Everything that the protos define, by full name. */
export function loadProtos(): PackageDefinition {
  loaded ??= readProtos();
  return loaded;
}

/** Reads the protos anew. @param changes of the options that the types in gen/ were made with */
export function readProtos(changes: Options = {}): PackageDefinition {
  const includeDirs = [findUpwards('protos/segue/v1/common.proto', 'protos')];
  return loadSync(files, { ...readOptions(), ...changes, includeDirs });
}

/** The RPCs of a service by name (`GetRun`). */
export function protoMethods(service: string): ReadonlyMap<string, ProtoMethod> {
  const definition = loadProtos()[service];
  if (!definition || 'format' in definition)
    throw new SegueError('INTERNAL', `the protos define no service ${service}`);
  return new Map(Object.entries(definition));
}

/** The options that the types in gen/ were made with; they must agree. */
function readOptions(): Options {
  const file = findUpwards('src/proto-options.json', 'src/proto-options.json');
  const options = Object.entries(JSON.parse(readFileSync(file, 'utf8')));
  return Object.fromEntries(options.map(([name, value]) => [name, constructors.get(value) ?? value]));
}

/** The generator takes names where the loader takes constructors. */
const constructors = new Map<unknown, unknown>([
  ['Number', Number],
  ['String', String],
]);

/** The path of `result` in the nearest folder, from here upwards, that holds `mark`. */
function findUpwards(mark: string, result: string): string {
  for (let folder = dirname(fileURLToPath(import.meta.url)); ; folder = dirname(folder)) {
    if (existsSync(join(folder, mark))) return join(folder, result);
    if (folder === dirname(folder)) {
      throw new SegueError('NOT_FOUND', `${mark} is in no folder above ${fileURLToPath(import.meta.url)}`);
    }
  }
}
