/**
 * What a disk may hold after a power loss: everything that was synced, and of what was written since then any part, sector by sector, whatever
 * order it was written in. Built from the recorded system calls of a process, or from a file before and after a commit.
 * It knows where LMDB keeps its meta pages and nothing else of the format.
 */
import { readFileSync } from 'node:fs';
import type { SeededRandom } from '@segue/core';

/** What a disk writes whole or not at all, in bytes. */
const sectorBytes = 512;
const pageBytes = 4_096;

/** A call that changed the file, or waited for the disk. */
interface FileCall {
  /** Unix time at which it began, in ms. */
  readonly atMs: number;
  readonly kind: 'write' | 'sync' | 'named';
  readonly offset: number;
  readonly bytes: Buffer;
  /** Returns only when its own bytes are on the disk. */
  readonly isSynchronous: boolean;
}

/** Arguments for strace that record what `readTrace` reads, into one file per thread: `<prefix>.<thread>`. */
export function straceArgs(prefix: string): string[] {
  const calls = 'openat,rename,renameat,renameat2,lseek,write,pwrite64,writev,pwritev,ftruncate,fsync,fdatasync';
  // A detached tracer: the process that is started is the traced one, and gets the signals.
  const how = ['-D', '-ff', '--seccomp-bpf', '-f', '-ttt', '-y', '-xx', '-s', String(1 << 24)];
  return [...how, '-e', `trace=${calls}`, '-o', prefix];
}

/** The calls on the file whose name ends in `name`, before and after it got that name, as a thread made them. Throws on a call of which it cannot tell what it does. */
export function readTrace(path: string, name: string): FileCall[] {
  const calls: FileCall[] = [];
  const synchronous = new Set<string>();
  const positions = new Map<string, number>();
  const hexName = Buffer.from(name).toString('hex').replaceAll(/../g, '\\x$&');
  for (const line of readFileSync(path, 'latin1').split('\n')) {
    const match = /^(\d+\.\d+) (\w+)\((.*)\) += (-?\d+)/.exec(line);
    if (match === null || !(line.includes(hexName) || line.includes(`${name}>`))) continue;
    const [, seconds = '', call = '', args = '', result = ''] = match;
    const atMs = Number(seconds) * 1000;
    const fd = /^(\d+)/.exec(args)?.[1] ?? '';
    const data = Buffer.from(
      [...args.matchAll(/"((?:\\x[0-9a-f]{2})*)"/g)]
        .map(([, hex]) => hex)
        .join('')
        .replaceAll('\\x', ''),
      'hex',
    );
    const written = (offset: number) => {
      if (data.length !== Number(result)) throw new Error(`${call} of ${data.length} bytes wrote ${result}`);
      calls.push({ atMs, kind: 'write', offset, bytes: data, isSynchronous: synchronous.has(fd) });
    };
    const lastNumber = Number(/(\d+)$/.exec(args)?.[1]);
    if (call === 'openat') {
      positions.set(result, 0);
      if (args.includes('O_DSYNC') || args.includes('O_SYNC')) synchronous.add(result);
      else synchronous.delete(result);
    } else if (call === 'lseek') positions.set(fd, Number(result));
    else if (call === 'pwrite64' || call === 'pwritev') written(lastNumber);
    else if (call === 'write' || call === 'writev') {
      const offset = positions.get(fd);
      if (offset === undefined) throw new Error(`${call} at an unknown position`);
      written(offset);
      positions.set(fd, offset + data.length);
    } else if (call === 'fsync' || call === 'fdatasync') {
      calls.push({ atMs, kind: 'sync', offset: 0, bytes: Buffer.alloc(0), isSynchronous: false });
    } else if (call.startsWith('rename')) {
      calls.push({ atMs, kind: 'named', offset: 0, bytes: Buffer.alloc(0), isSynchronous: false });
    } else if (call === 'ftruncate') throw new Error('the file was cut or made longer: not modelled');
  }
  return calls;
}

/**
 * The file after a power loss in the moment in which call `crashAt` begins: what was synced, and a random part of the sectors that were not.
 * null: it had no name yet.
 */
export function imageAt(calls: readonly FileCall[], crashAt: number, random: SeededRandom): Buffer | null {
  const before = calls.slice(0, crashAt);
  if (!before.some(({ kind }) => kind === 'named')) return null;
  const lastSync = before.findLastIndex(({ kind }) => kind === 'sync');
  const size = Math.max(0, ...before.map(({ offset, bytes }) => offset + bytes.length));
  const image = Buffer.alloc(size);
  before.forEach(({ offset, bytes, isSynchronous }, i) => {
    for (let at = 0; at < bytes.length; ) {
      const length = Math.min(bytes.length - at, sectorBytes - ((offset + at) % sectorBytes));
      const isSafe = i < lastSync || isSynchronous;
      if (isSafe || random.next() < 0.5) bytes.copy(image, offset + at, at, at + length);
      at += length;
    }
  });
  return image;
}

/** The meta pages: two, and the place where the library notes what it has synced, in the middle of the first. */
function isMetaSector(sector: number): boolean {
  const at = sector * sectorBytes;
  return at === 0 || at === pageBytes || at === pageBytes / 2;
}

/**
 * The file after a power loss in the middle of a commit, before its meta page is written: any part of the new pages.
 * @param metaToo a disk that was not waited for, which may write the meta page before the rest
 */
export function imageBetween(before: Buffer, after: Buffer, random: SeededRandom, metaToo = false): Buffer {
  const image = Buffer.alloc(after.length);
  before.copy(image);
  for (let sector = 0; sector * sectorBytes < after.length; sector++) {
    const from = sector * sectorBytes;
    const isTaken = isMetaSector(sector) ? metaToo : random.next() < 0.5;
    if (isTaken) after.copy(image, from, from, from + sectorBytes);
  }
  return image;
}
