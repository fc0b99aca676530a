/**
 * Telling a process from another one that has its number now, as after a restart of the machine: by when it began, or by what was started. It knows nothing of what the process is.
 */
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';

/** @param startedAt as `startOf` told it; left out where it could not be read */
export async function isRunning(pid: number, startedAt: string | null | undefined): Promise<boolean> {
  if (!(pid > 0) || !isAlive(pid)) return false;
  const found = startedAt ? await startOf(pid) : null;
  return found === null || found === startedAt;
}

/** When a process began, in clock ticks since the machine did; null where there is no /proc. */
export async function startOf(pid: number): Promise<string | null> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => null);
  // Field 22. The second, the name in brackets, may hold spaces and brackets itself; the third follows it.
  return text?.slice(text.lastIndexOf(')') + 2).split(' ')[22 - 3] ?? null;
}

/** The command with its arguments; empty when there is no such process. */
export async function commandOf(pid: number): Promise<string> {
  return readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => commandByPs(pid));
}

/** As `commandOf`, where there is no /proc. */
export async function commandByPs(pid: number): Promise<string> {
  // Twice wide: as long as it is, though nobody sees it on a terminal.
  const args = ['-ww', '-o', 'command=', '-p', String(pid)];
  const { stdout } = await promisify(execFile)('ps', args).catch(() => ({ stdout: '' }));
  return stdout.trim();
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
