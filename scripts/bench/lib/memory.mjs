/**
 * The peak of a process's resident memory, and of this process by phase. Linux keeps it and lets a process reset its own; elsewhere this
 * process's peak since it began is told, and that of another is not known.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** Frees what nothing holds and begins a phase. */
export function beginPhase() {
  setFlagsFromString('--expose-gc');
  runInNewContext('gc')();
  try {
    // 5 resets the peak; see proc(5).
    writeFileSync('/proc/self/clear_refs', '5');
  } catch {
    // Without it the peak is that of the whole process.
  }
}

/** In bytes. @param {number} pid of a process that lives; this one by default */
export function peakBytes(pid = process.pid) {
  try {
    const [, kibibytes] = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
    return Number(kibibytes) * 1024;
  } catch {
    return pid === process.pid ? process.resourceUsage().maxRSS * 1024 : Number.NaN;
  }
}
