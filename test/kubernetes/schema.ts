/**
 * Kubernetes' own schemas, by way of the types that are made from them: each manifest becomes an object literal of its kind's type, and the compiler says
 * what does not fit, a misspelt field above all. Patches hold a part of their kind. No cluster is asked.
 */
import { resolve } from 'node:path';
import ts from 'typescript';
import { type Found, titleOf } from './manifests.js';

const patchType = `
type Patch<T> = T extends (infer E)[] ? Patch<E>[] : T extends object ? { [K in keyof T]?: Patch<T[K]> } & { $patch?: 'delete' } : T;
`;

/** A line for everything that does not fit. */
export function misfits(found: readonly Found[], form: 'whole' | 'patch'): string[] {
  const lines = found.map(({ manifest }, index) => {
    const type = `import(${JSON.stringify(moduleOf(manifest.apiVersion))}).${manifest.kind}`;
    return `export const d${index}: ${form === 'patch' ? `Patch<${type}>` : type} = ${JSON.stringify(manifest)};`;
  });
  const head = patchType.split('\n').length - 1;
  return check(`${patchType}${lines.join('\n')}\n`).map(({ line, message }) => {
    const of = found[line - head];
    return of === undefined ? message : `${titleOf(of)}: ${message}`;
  });
}

/** `networking.k8s.io/v1` lies in `networking/v1`, `v1` in `core/v1`. */
function moduleOf(apiVersion: string): string {
  const [version = '', group = 'core'] = apiVersion.split('/').reverse();
  return `kubernetes-types/${group.split('.')[0]}/${version}`;
}

function check(text: string): { readonly line: number; readonly message: string }[] {
  // Beside this file, so that the types are found where this repository has them.
  const path = resolve(import.meta.dirname, 'manifests-as-types.ts');
  const options: ts.CompilerOptions = {
    strict: true,
    noEmit: true,
    skipLibCheck: true,
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    types: [],
  };
  const host = ts.createCompilerHost(options);
  const { getSourceFile, fileExists, readFile } = host;
  const source = ts.createSourceFile(path, text, ts.ScriptTarget.ES2022, true);
  host.getSourceFile = (name, ...rest) => (name === path ? source : getSourceFile(name, ...rest));
  host.fileExists = (name) => name === path || fileExists(name);
  host.readFile = (name) => (name === path ? text : readFile(name));
  const program = ts.createProgram([path], options, host);
  return ts.getPreEmitDiagnostics(program, source).map(({ start = 0, messageText }) => ({
    line: source.getLineAndCharacterOfPosition(start).line,
    // JSON's keys stand in quotes of their own; what a patch of a pod may hold fills a page.
    message: ts.flattenDiagnosticMessageText(messageText, ' ').replace(/'"|"'/g, "'").slice(0, 300),
  }));
}
