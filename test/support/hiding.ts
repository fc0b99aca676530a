/**
 * A command that runs another one for which a folder is empty, as it would be on another host. Linux with user namespaces alone. The process stays the same
 * through all of it, so that signals reach the one that counts.
 */
import { spawnSync } from 'node:child_process';

const apart = ['unshare', '--map-root-user', '--mount'] as const;
const hide = 'mkdir -p "$0" && mount -t tmpfs none "$0" && exec "$@"';

/** Words to put before a command. */
export function hiding(folder: string): readonly string[] {
  return [...apart, 'sh', '-c', hide, folder];
}

/** Why nothing can be hidden here; null when it can. */
export function whyNoHiding(): string | null {
  const [command, ...args] = apart;
  const { status } = spawnSync(command, [...args, 'mount', '-t', 'tmpfs', 'none', '/mnt']);
  return status === 0 ? null : 'a process cannot have a view of the file system of its own here';
}
