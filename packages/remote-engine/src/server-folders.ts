/**
 * Folders for the files of servers. Each names the process that made it, so that one whose process and guard were killed together, as with a container or the machine,
 * is found and removed by the next engine that uses the place. It knows nothing of what lies in them.
 */
import { mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';

const prefix = 'server-';
/** In the place of a time, where the system does not tell it. */
const unknown = '0';

/** A new one, which goes with its server. */
export async function makeServerFolder(parent: string): Promise<string> {
  await mkdir(parent, { recursive: true });
  const started = (await startOf(process.pid)) ?? unknown;
  return mkdtemp(join(parent, `${prefix}${process.pid}-${started}-`));
}

/** Removes those whose makers are gone, and those of earlier versions, which name none: an actor's folder is its own. */
export async function sweepServerFolders(parent: string): Promise<void> {
  // There is none before the first server.
  const names = await readdir(parent).catch((): string[] => []);
  for (const name of names.filter((one) => one.startsWith(prefix))) {
    const [, pid, started] = /^server-(\d+)-(\d+)-/.exec(name) ?? [];
    if (pid !== undefined && started !== undefined && (await isRunning(Number(pid), started))) continue;
    // What cannot be removed takes room and is in nobody's way.
    await rm(join(parent, name), { recursive: true, force: true }).catch(() => undefined);
  }
}

/** Another process may have the number by now: after a restart of its container, often. */
async function isRunning(pid: number, started: string): Promise<boolean> {
  if (!isAlive(pid)) return false;
  const found = await startOf(pid);
  return found === null || started === unknown || found === started;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // Somebody else's process is alive all the same.
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

/** When a process began, in clock ticks since the machine did; null where there is no /proc. */
async function startOf(pid: number): Promise<string | null> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => null);
  // Field 22; the second, a name in brackets, may hold spaces and brackets itself, and the third follows it.
  return text?.slice(text.lastIndexOf(')') + 2).split(' ')[22 - 3] ?? null;
}
