/** Files that only their owner may read: made whole or not at all, never over an existing one unless that is meant. */
import { randomBytes } from 'node:crypto';
import { link, mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { SegueError } from '@segue/core';

const ownerOnly = 0o600;

/** A folder that only its owner may look into. */
export async function makeSecretFolder(path: string): Promise<void> {
  await mkdir(path, { recursive: true, mode: 0o700 });
}

/** Makes a new file; ALREADY_EXISTS when there is one. */
export async function createSecretFile(path: string, text: string): Promise<void> {
  await withDraft(path, text, async (draft) => {
    try {
      // Unlike a rename this fails when the name is taken.
      await link(draft, path);
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
      throw new SegueError(
        'ALREADY_EXISTS',
        `${path} is there already and is not overwritten: move it away, or choose another folder`,
      );
    } finally {
      await rm(draft, { force: true });
    }
  });
}

/** Takes the place of what is there, at once. */
export async function replaceSecretFile(path: string, text: string): Promise<void> {
  await withDraft(path, text, (draft) => rename(draft, path));
}

async function withDraft(path: string, text: string, place: (draft: string) => Promise<void>): Promise<void> {
  await makeSecretFolder(dirname(path));
  const draft = `${path}.${randomBytes(6).toString('hex')}`;
  const file = await open(draft, 'wx', ownerOnly);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
  await place(draft);
}
