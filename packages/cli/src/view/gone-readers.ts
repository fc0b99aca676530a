/**
 * Output that nobody takes any more: a reader that has seen enough, such as `head`, and a terminal that was closed are no failures. What is written then is lost; what
 * the command does goes on to its end. A disk that fails is one: a file that lacks something is not what was asked for.
 */

import type { Readable, Writable } from 'node:stream';
import { isatty } from 'node:tty';

export function outliveReaders(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      const isGone = error.code === 'EPIPE' || (error.code === 'EIO' && stream.isTTY);
      if (!isGone) throw error;
    });
  }
  // Node sets a terminal as it found it before it ends, and aborts, with a core dump, where it is gone: it ends as without a handler for SIGHUP, after all else is done.
  const terminals = [0, 1, 2].filter((descriptor) => isatty(descriptor));
  process.once('exit', () => {
    if (terminals.every((descriptor) => isatty(descriptor))) return;
    process.removeAllListeners('SIGHUP');
    process.kill(process.pid, 'SIGHUP');
  });
}

/** All that comes, to its end, whether somebody takes it or not: a pipe would stop reading, and who writes into it would stand still. */
export function passOn(from: Readable, to: Writable): void {
  from.on('data', (chunk: Buffer) => void to.write(chunk));
}
