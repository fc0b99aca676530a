/** A folder for one test, which goes with it. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

interface Test {
  teardown(end: () => Promise<void>): void;
}

export async function temporaryFolder(t: Test): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'segue-actor-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  return folder;
}
