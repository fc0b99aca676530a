/**
 * The repository as the house tests see it: its packages, its source files, and what each of them imports.
 * Reads files alone; the rules are in the tests.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

export const root = resolve(dirname(fileURLToPath(import.meta.url)), '../..');

/** Folders that are made, not written. */
const madeFolders = new Set(['node_modules', 'dist', '.git', '.tap', '.segue', 'coverage', 'gen']);

/** Paths from the root of all files under a folder whose name ends in one of `endings`, sorted. */
export function filesUnder(folder: string, endings: readonly string[]): string[] {
  const path = join(root, folder);
  if (!existsSync(path)) return [];
  return readdirSync(path, { withFileTypes: true })
    .flatMap((entry) => {
      const name = folder === '' ? entry.name : `${folder}/${entry.name}`;
      if (entry.isDirectory()) return madeFolders.has(entry.name) ? [] : filesUnder(name, endings);
      return endings.some((ending) => entry.name.endsWith(ending)) ? [name] : [];
    })
    .sort();
}

export function read(path: string): string {
  return readFileSync(join(root, path), 'utf8');
}

export const packageNames = readdirSync(join(root, 'packages')).filter((name) =>
  existsSync(join(root, 'packages', name, 'package.json')),
);

export interface Import {
  /** Importing file, from the root. */
  readonly file: string;
  readonly specifier: string;
}

/** Every import of a file: static, dynamic, and of types. */
export function importsOf(file: string): Import[] {
  return ts.preProcessFile(read(file), true, true).importedFiles.map(({ fileName }) => ({ file, specifier: fileName }));
}

/** Every import in the source of a package. */
export function importsOfPackage(name: string): Import[] {
  return filesUnder(`packages/${name}/src`, ['.ts']).flatMap(importsOf);
}

/** Path of the source file that a relative import means. */
export function targetOf({ file, specifier }: Import): string {
  return normalize(join(dirname(file), specifier)).replace(/\.js$/, '.ts');
}

export function isRelative({ specifier }: Import): boolean {
  return specifier.startsWith('.');
}

/** `@scope/name/sub/path` -> `@scope/name`; `name/sub` -> `name`. */
export function moduleName(specifier: string): string {
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
}

/** Short name of the workspace package that an import names, or null. */
export function workspaceName({ specifier }: Import): string | null {
  return specifier.startsWith('@segue/') ? (specifier.split('/')[1] ?? null) : null;
}
