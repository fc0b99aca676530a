/**
 * A process between the engine and a server of somebody else's: it starts the server and ends it when the engine says so or is gone, be it by SIGKILL, so that no
 * server outlives its engine. Then it removes the server's files. Knows nothing of what the server does.
 *
 * Arguments: milliseconds from SIGTERM to SIGKILL, folder to remove at the end, command, its arguments.
 */
import { spawn } from 'node:child_process';
import { rmSync } from 'node:fs';
import { constants } from 'node:os';

const [graceMs = '0', folder = '', command = '', ...args] = process.argv.slice(2);

// A group of its own: Ctrl-C in a terminal is for the supervisor, and helpers of the server end with it.
const server = spawn(command, args, { stdio: ['ignore', 'inherit', 'inherit'], detached: true });

function signal(name: NodeJS.Signals): void {
  if (server.pid === undefined) return;
  try {
    process.kill(-server.pid, name);
  } catch {
    // It is gone.
  }
}

let ending = false;
function end(): void {
  if (ending) return;
  ending = true;
  signal('SIGTERM');
  setTimeout(() => signal('SIGKILL'), Number(graceMs)).unref();
}

function leave(code: number): never {
  rmSync(folder, { recursive: true, force: true });
  process.exit(code);
}

process.on('message', end);
process.on('disconnect', end);
process.on('SIGTERM', end);
process.on('SIGINT', () => undefined);
server.once('spawn', () => process.send?.({ pid: server.pid }));
server.once('error', (error) => {
  process.stderr.write(`${command} cannot be started: ${error.message}\n`);
  leave(127);
});
server.once('exit', (code, name) => {
  // Helpers that it leaves behind.
  signal('SIGKILL');
  if (name) process.stderr.write(`${command} was ended by ${name}\n`);
  leave(code ?? 128 + (name ? constants.signals[name] : 0));
});
// The engine may have gone before this line.
if (!process.connected) end();
