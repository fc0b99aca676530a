/**
 * The page's own files: read once, when first asked for, from the folder beside this package's sources and from what was compiled for the browser. A
 * name that is not in the list is not there, so no path of a request ever reaches the disk.
 */
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { dirname, extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { SegueError } from '@segue/core';

export interface PageFile {
  readonly type: string;
  readonly body: Buffer;
}

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
};

/** All files of the page by name; `index.html` is the page itself. */
export async function readPageFiles(): Promise<ReadonlyMap<string, PageFile>> {
  const files = new Map<string, PageFile>();
  for (const folder of folders()) {
    for (const name of await readdir(folder)) {
      const type = types[extname(name)];
      if (type !== undefined) files.set(name, { type, body: await readFile(join(folder, name)) });
    }
  }
  return files;
}

function folders(): string[] {
  for (let folder = dirname(fileURLToPath(import.meta.url)); folder !== dirname(folder); folder = dirname(folder)) {
    const page = join(folder, 'page');
    if (existsSync(join(page, 'index.html'))) return [page, join(folder, 'dist/browser')];
  }
  throw new SegueError('NOT_FOUND', `the page's files are in no folder above ${fileURLToPath(import.meta.url)}`);
}
