/**
 * The store's file, made whole: LMDB writes the first two pages of a new file without waiting for the disk, and a process that opens half of them
 * after a power loss dies. So an empty file is made under another name, synced, and given its name at once.
 */
import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { snapshotFileName } from '@segue/core';
import { open } from 'lmdb';

/** The library's own name for it. */
export const storeFileName = snapshotFileName;

/** Does nothing where the file is. */
export function createStoreFile(folder: string): void {
  const file = join(folder, storeFileName);
  if (existsSync(file)) return;
  mkdirSync(folder, { recursive: true });
  const empty = join(folder, 'empty.mdb');
  const staged = join(folder, `new-${storeFileName}`);
  for (const left of [empty, `${empty}-lock`, staged]) rmSync(left, { force: true });
  const environment = open({ path: empty, noSubdir: true });
  writeFileSync(staged, readFileSync(empty), { flush: true });
  void environment.close();
  for (const left of [empty, `${empty}-lock`]) rmSync(left, { force: true });
  renameSync(staged, file);
  syncFolder(folder);
  syncFolder(dirname(folder));
}

/** A name is on the disk when its folder is. */
function syncFolder(folder: string): void {
  const handle = openSync(folder, 'r');
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}
