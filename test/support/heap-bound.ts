/** Shows that a process bounds how far its heap grows (garbage.mjs makes the garbage in it). It knows nothing of what the process is for. */
import type { ChildProcess } from 'node:child_process';
import type { Test } from 'tap';

/** What such a process is started with: a small young generation, so that the old one is what is seen. */
export const garbageOptions = `--max-semi-space-size=1 --import ${new URL('garbage.mjs', import.meta.url)}`;

/** @param lines of its stdout, of which the next is its answer */
export async function requireHeapBound(
  t: Test,
  process: ChildProcess,
  lines: AsyncIterator<string, unknown>,
): Promise<void> {
  process.kill('SIGUSR2');
  const { value } = await lines.next();
  const { heldBytes, mostBytes } = JSON.parse(String(value ?? 'null'));
  const mebibytes = (bytes: number) => Math.round(bytes / 2 ** 20);
  t.ok(
    mostBytes < 2.5 * heldBytes,
    `a heap of ${mebibytes(mostBytes)} MiB at most, of which ${mebibytes(heldBytes)} were in use after a collection`,
  );
}
