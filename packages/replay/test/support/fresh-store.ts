/** A store that lives as long as one test, and the pattern of its refusals. */
import type { SegueError } from '@segue/core';
import type { ReplayStore } from '@segue/replay';
import type { Test } from 'tap';
import { openStore, removeFolder, temporaryFolder } from './fixtures.js';

/** A store in a folder of its own, gone with it at the end of the test. @param folder for a test that looks into it */
export function freshStore(
  t: Test,
  options: Parameters<typeof openStore>[1] = {},
  folder = temporaryFolder(),
): ReplayStore {
  const store = openStore(folder, options);
  t.teardown(async () => {
    await store.close();
    removeFolder(folder);
  });
  return store;
}

/** What a refusal with this code looks like. */
export const code = (expected: SegueError['code']) => ({ code: expected });
