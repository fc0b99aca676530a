/** What processes hold in memory once what nobody uses any more is collected: this one, and services that were started by collecting-service.mjs. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** Of this process, in bytes. */
export function residentBytes(): number {
  setFlagsFromString('--expose-gc');
  const collect: unknown = runInNewContext('gc');
  if (typeof collect === 'function') for (let i = 0; i < 3; i++) collect();
  return process.memoryUsage.rss();
}

/** Asks a service to collect and answers what it holds then. @param folder where it writes it */
export async function residentBytesOf(pid: number, folder: string, order: number): Promise<number> {
  process.kill(pid, 'SIGUSR2');
  const file = join(folder, `${pid}-${order}`);
  for (;;) {
    try {
      return Number(readFileSync(file, 'utf8'));
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}
