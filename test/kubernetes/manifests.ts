/**
 * The manifests of deploy/kubernetes as the tests see them: documents with the file that they stand in, and what an overlay names. It knows YAML, and what
 * kustomize does with the keys that are used here; building an overlay is kustomize's own business.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { parse, parseAllDocuments } from 'yaml';

export const folder = resolve(import.meta.dirname, '../../deploy/kubernetes');

/** Any object of Kubernetes, as far as everything has it. */
export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly labels?: Readonly<Record<string, string>> };
  readonly $patch?: string;
  // Kinds have little in common below this.
  readonly spec?: Readonly<Record<string, unknown>>;
}

export interface Found {
  /** Where it stands, from the folder. */
  readonly file: string;
  readonly manifest: Manifest;
}

interface Kustomization {
  readonly resources?: readonly string[];
  readonly patches?: readonly {
    readonly path: string;
    readonly target?: { readonly kind: string; readonly name: string };
  }[];
  readonly images?: readonly { readonly name: string }[];
}

export interface Overlay {
  readonly name: string;
  readonly file: string;
  readonly keys: readonly string[];
  readonly resources: readonly string[];
  readonly images: readonly string[];
  /** Patches in the form of the object that they change. */
  readonly merges: readonly Found[];
  /** Lists of operations, with what they are done to. */
  readonly operations: readonly {
    readonly file: string;
    readonly kind: RegExp;
    readonly name: RegExp;
    readonly ops: readonly Operation[];
  }[];
  /** Files that are named and not there. */
  readonly missing: readonly string[];
}

export interface Operation {
  readonly op: string;
  readonly path: string;
  readonly value?: unknown;
}

export function documentsOf(path: string): Found[] {
  const file = relative(folder, path);
  return documents(readFileSync(path, 'utf8'), file);
}

export function documents(text: string, file: string): Found[] {
  return parseAllDocuments(text).map((document) => {
    if (document.errors.length > 0) throw new Error(`${file}: ${document.errors[0]?.message}`);
    return { file, manifest: document.toJS() };
  });
}

/** @param name `base` or `overlays/local` */
export function readOverlay(name: string): Overlay {
  const file = join(name, 'kustomization.yaml');
  const content = parse(readFileSync(join(folder, file), 'utf8'));
  const { resources = [], patches = [], images = [] }: Kustomization = content;
  const at = (path: string) => join(folder, name, path);
  const named = [...resources, ...patches.map(({ path }) => path)];
  const there = patches.filter(({ path }) => existsSync(at(path)));
  return {
    name,
    file,
    keys: Object.keys(content),
    resources: resources.map(at),
    images: images.map((image) => image.name),
    merges: there.filter(({ target }) => target === undefined).flatMap(({ path }) => documentsOf(at(path))),
    operations: there.flatMap(({ path, target }) =>
      target === undefined
        ? []
        : [
            {
              file: join(name, path),
              kind: new RegExp(`^(${target.kind})$`),
              name: new RegExp(`^(${target.name})$`),
              ops: parse(readFileSync(at(path), 'utf8')),
            },
          ],
    ),
    missing: named.filter((path) => !existsSync(at(path))),
  };
}

export const titleOf = ({ file, manifest }: Found) => `${file}: ${manifest.kind} ${manifest.metadata?.name}`;
