/**
 * A lock on a folder that only one process can take, at whatever moment several try, and that a killed process does not leave behind: one cluster per data
 * folder, unless told otherwise.
 *
 * The lock is the newest of the files `cluster.lock.<n>`, which names its owner. Taking it means making the file of the next number,
 * whole and only if nobody else has; so of all that find the same owner dead one gets it. Older files are removed by the new owner, and
 * one who comes late and makes an old number again sees that it is not the newest.
 */
import { link, mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { SegueError } from '@segue/core';
import { isRunning, startOf } from './process-identity.js';

const prefix = 'cluster.lock.';

export interface LockRule {
  /** What is said to those who come while it is taken. */
  readonly taken: (folder: string, owner: number) => SegueError;
  /** How long a lock is believed in whose owner cannot be seen, in ms: in another container that shares the folder he may live all the same. */
  readonly unseenMs: number;
  /** Of its files. Who cannot read one takes the lock for free. */
  readonly mode: number;
}

const oneCluster: LockRule = {
  taken: (folder, owner) =>
    new SegueError(
      'FAILED_PRECONDITION',
      `a cluster already runs on ${folder} (process ${owner}); stop it or choose another --data folder`,
    ),
  unseenMs: 0,
  mode: 0o666,
};

/** Written over the owner when the lock is given back. */
const nobody = '0\n';

export class FolderLock {
  readonly #path: string;

  private constructor(path: string) {
    this.#path = path;
  }

  /** Takes the folder; FAILED_PRECONDITION, or what the rule says, with the owner when it is taken. */
  static async take(folder: string, rule: LockRule = oneCluster): Promise<FolderLock> {
    await mkdir(folder, { recursive: true });
    for (;;) {
      const numbers = await lockNumbers(folder);
      const newest = numbers.at(-1) ?? 0;
      const owner = newest === 0 ? null : await ownerOf(join(folder, `${prefix}${newest}`), rule.unseenMs);
      if (owner !== null) throw rule.taken(folder, owner);
      const path = join(folder, `${prefix}${newest + 1}`);
      if (!(await makeOnce(path, await describeSelf(), rule.mode))) continue;
      if ((await lockNumbers(folder)).at(-1) !== newest + 1) {
        await rm(path, { force: true });
        continue;
      }
      for (const number of numbers) await rm(join(folder, `${prefix}${number}`), { force: true });
      return new FolderLock(path);
    }
  }

  /** Gives the folder back. */
  async release(): Promise<void> {
    await writeFile(this.#path, nobody);
  }
}

/** Numbers of the lock's files, ascending. */
async function lockNumbers(folder: string): Promise<number[]> {
  const names = await readdir(folder);
  const numbers = names.filter((name) => name.startsWith(prefix)).map((name) => Number(name.slice(prefix.length)));
  return numbers.filter((number) => Number.isSafeInteger(number) && number > 0).sort((a, b) => a - b);
}

/** The living process that a lock file names; null when it names none. */
async function ownerOf(path: string, unseenMs: number): Promise<number | null> {
  // A newer owner may have removed it in between: then the next look sees that one's.
  const [first, startedAt] = (await readFile(path, 'utf8').catch(() => nobody)).trim().split(' ');
  const pid = Number(first);
  if (!(pid > 0)) return null;
  if (await isRunning(pid, startedAt)) return pid;
  const madeAtMs = (await stat(path).catch(() => null))?.mtimeMs ?? 0;
  // Either way: one of an hour to come is of a clock that was set back since.
  return Math.abs(Date.now() - madeAtMs) < unseenMs ? pid : null;
}

/** This process as a lock names it: its number and, where that can be read, when it began. */
async function describeSelf(): Promise<string> {
  const startedAt = await startOf(process.pid);
  return startedAt === null ? `${process.pid}\n` : `${process.pid} ${startedAt}\n`;
}

/** Makes the file with its content at once; false when it is there already. */
async function makeOnce(path: string, content: string, mode: number): Promise<boolean> {
  const draft = `${path}.draft-${process.pid}-${Math.random().toString(36).slice(2)}`;
  await writeFile(draft, content, { mode });
  try {
    await link(draft, path);
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false;
    throw SegueError.from(error);
  } finally {
    await rm(draft, { force: true });
  }
}
