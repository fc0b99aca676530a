/**
 * The peak of this process's resident memory, by phase. Linux keeps it and lets a process reset its own; elsewhere the peak since the
 * process began is told.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc');

/** Frees what nothing holds and begins a phase. */
export function beginPhase() {
  collect();
  try {
    // 5 resets the peak; see proc(5).
    writeFileSync('/proc/self/clear_refs', '5');
  } catch {
    // Without it the peak is that of the whole process.
  }
}

/** In GiB. */
export function peakMemory() {
  let kibibytes;
  try {
    kibibytes = Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync('/proc/self/status', 'utf8'))[1]);
  } catch {
    kibibytes = process.resourceUsage().maxRSS;
  }
  return Number((kibibytes / 2 ** 20).toFixed(2));
}
