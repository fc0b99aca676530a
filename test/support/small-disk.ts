/**
 * A disk of a few MB for one process: a tmpfs in a mount namespace of its own, which needs no root where the kernel lets users have namespaces. A filler takes
 * most of it until it is removed from outside, through /proc.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const unshare = ['unshare', '--user', '--map-root-user', '--mount'];

/** Why no small disk can be had here; false when one can. */
export function cannotMount(): string | false {
  const folder = mkdtempSync(join(tmpdir(), 'segue-mount-'));
  const [command = '', ...args] = [...unshare, 'mount', '-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', folder];
  const { status } = spawnSync(command, args);
  rmSync(folder, { recursive: true, force: true });
  return status === 0
    ? false
    : 'this machine lets nobody mount a tmpfs in a namespace of his own (Linux with unshare alone)';
}

/** Command, with its arguments, that runs a program on the disks that this process sees. */
export function beside(pid: number): readonly string[] {
  return ['nsenter', '-t', String(pid), '--user', '--mount', '--preserve-credentials'];
}

export interface SmallDisk {
  /** Where the process finds it. */
  readonly folder: string;
  /** Command, with its arguments, in front of the process's own. */
  readonly wrapper: readonly string[];
  /** Makes space. @param pid the process that was started */
  free(pid: number): void;
  /** Makes the disk as large as this; never smaller than what it holds. */
  resize(pid: number, bytes: number): void;
  /** Makes the disk as large as what it holds, and this. */
  fill(pid: number, leaveBytes: number): void;
  /** Where the test finds the folder. */
  outside(pid: number): string;
  remove(): void;
}

export function smallDisk(bytes: number, fillerBytes: number): SmallDisk {
  const folder = mkdtempSync(join(tmpdir(), 'segue-small-'));
  const mount = `mount -t tmpfs -o size=${bytes} tmpfs "$0"`;
  const remount = (pid: number, bytes: number) => {
    const [command = '', ...inside] = beside(pid);
    return spawnSync(command, [...inside, 'mount', '-o', `remount,size=${bytes}`, folder]);
  };
  const outside = (pid: number) => `/proc/${pid}/root${folder}`;
  const script = `${mount} && head -c ${fillerBytes} /dev/zero > "$0/filler" && exec "$@"`;
  return {
    folder,
    wrapper: [...unshare, 'sh', '-c', script, folder],
    free: (pid) => rmSync(`/proc/${pid}/root${folder}/filler`),
    resize: (pid, bytes) => {
      const { status, stderr } = remount(pid, bytes);
      if (status !== 0) throw new Error(`the disk could not be made ${bytes} bytes large: ${stderr}`);
    },
    fill: (pid, leaveBytes) => {
      // Somebody may write between the look and the mount, which is refused then.
      for (let tries = 0; tries < 1_000; tries++) {
        const { blocks, bfree, bsize } = statfsSync(outside(pid));
        if (remount(pid, (blocks - bfree) * bsize + leaveBytes).status === 0) return;
      }
      throw new Error(`the disk could not be made as large as what it holds and ${leaveBytes} bytes`);
    },
    outside,
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
