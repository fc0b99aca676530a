/** Processor time of other processes, thread by thread. Linux keeps it under /proc; elsewhere it is not known. */
import { readdir, readFile } from 'node:fs/promises';

/** The kernel tells it in hundredths of a second. */
const tickMs = 10;

/** Processor time of each thread of a process so far, in ms, by thread id; empty where it is not known. */
export async function threadTimes(pid) {
  const folder = `/proc/${pid}/task`;
  const threads = await readdir(folder).catch(() => []);
  const times = new Map();
  for (const thread of threads) {
    const stat = await readFile(`${folder}/${thread}/stat`, 'utf8').catch(() => null);
    // The name in parentheses may hold spaces; what follows it does not.
    const fields = stat?.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (fields) times.set(thread, tickMs * (Number(fields[11]) + Number(fields[12])));
  }
  return times;
}

/** What each thread took between two readings, in ms, the busiest first. */
export function timesBetween(before, after) {
  return [...after].map(([thread, ms]) => ms - (before.get(thread) ?? 0)).sort((a, b) => b - a);
}
