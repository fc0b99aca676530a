/**
 * The last line between two engines on one device of this host: a lock that the kernel takes back when its holder ends, however it ends. It is a name among
 * the abstract sockets, which the containers of one pod share and which leave no file behind. Linux alone has them.
 */
import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import { SegueError } from '@segue/core';

const tryEveryMs = 5;

/** Resolves once this process has the device, and keeps it until it ends; UNAVAILABLE after `waitMs`. */
export async function lockDevice(device: string, waitMs: number): Promise<Server> {
  if (process.platform !== 'linux') {
    throw new SegueError(
      'UNIMPLEMENTED',
      `training and rollout take turns on a device on Linux alone, not on ${process.platform}`,
    );
  }
  for (const untilMs = performance.now() + waitMs; ; ) {
    const server = await bind(`\0segue/device/${device}`);
    if (server) return server;
    if (performance.now() >= untilMs) {
      throw new SegueError(
        'UNAVAILABLE',
        `another process of this host has device ${device}, and kept it for ${waitMs} ms`,
      );
    }
    await new Promise((resolve) => setTimeout(resolve, tryEveryMs));
  }
}

/** null when another process has the name. */
async function bind(name: string): Promise<Server | null> {
  const server = createServer((socket) => socket.destroy());
  try {
    const listening = once(server, 'listening');
    server.listen(name);
    await listening;
    return server;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EADDRINUSE') return null;
    throw SegueError.from(error);
  }
}
