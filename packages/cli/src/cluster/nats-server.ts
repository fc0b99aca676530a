/**
 * The broker of a local cluster: where its binary is, and how it is started. Installing it is the job of scripts/setup.mjs.
 */
import { constants } from 'node:fs';
import { access, readFile, rm } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { SegueError } from '@segue/core';
import type { ChildSpec } from './child.js';
import { commandOf } from './process-identity.js';

/** Debian puts servers into sbin, which is not on every user's PATH. */
const extraFolders = ['/usr/sbin', '/usr/local/sbin', '/opt/homebrew/bin', '/usr/local/bin'];

/** Path of nats-server; UNAVAILABLE with what to do when there is none. */
export async function findNatsServer(dataFolder: string): Promise<string> {
  // The set-up scripts name the one that they found or installed.
  if (process.env.SEGUE_NATS_SERVER) return process.env.SEGUE_NATS_SERVER;
  const folders = [
    ...(process.env.PATH ?? '').split(delimiter),
    join(dataFolder, 'bin'),
    '.segue/bin',
    ...extraFolders,
  ];
  for (const folder of folders) {
    const candidate = join(folder, 'nats-server');
    try {
      await access(candidate, constants.X_OK);
      return candidate;
    } catch {
      // Not in this folder.
    }
  }
  throw new SegueError(
    'UNAVAILABLE',
    process.env.SEGUE_NATS_URL === undefined
      ? 'nats-server is not installed: run `npm run setup`, put it on PATH, or set SEGUE_NATS_URL to a server with JetStream'
      : 'nats-server is not installed: a store that is read alone has one of its own, not that of SEGUE_NATS_URL; run `npm run setup`, or put it on PATH',
  );
}

export interface NatsOptions {
  readonly binary: string;
  readonly storeFolder: string;
  readonly logFile: string;
  /** Users and TLS; null: whoever reaches it may do anything. */
  readonly configFile: string | null;
}

/** Go's collector lets a heap double before it collects; half as much garbage costs a server that has so little to do nothing. Another value in the environment is kept. */
const { GOGC = '50' } = process.env;

export function natsSpec(options: NatsOptions): Omit<ChildSpec, 'readyTimeoutMs' | 'restarts' | 'isHindered'> {
  let address = '';
  return {
    name: 'nats',
    command: options.binary,
    args: (before) => [
      '--jetstream',
      ...['--store_dir', options.storeFolder],
      // -1 picks a free port; after that it stays, since clients come back to it.
      ...['--addr', '127.0.0.1', '--port', before?.address.split(':').at(-1) ?? '-1'],
      ...['--pid', pidFile(options.storeFolder)],
      ...(options.configFile === null ? [] : ['--config', options.configFile]),
    ],
    logFile: options.logFile,
    env: { GOGC },
    ready: (line) => {
      address = /Listening for client connections on (\S+)/.exec(line)?.[1] ?? address;
      return line.includes('Server is ready') ? { address, metricsAddress: '' } : null;
    },
    leash: false,
  };
}

function pidFile(storeFolder: string): string {
  return join(storeFolder, 'nats-server.pid');
}

/**
 * Ends a server that a killed supervisor left behind on this store. The services end by themselves when their supervisor is
 * gone; the broker has no such leash.
 */
export async function endOrphan(storeFolder: string): Promise<void> {
  const pid = Number(await readFile(pidFile(storeFolder), 'utf8').catch(() => '0'));
  if (!(pid > 0)) return;
  const command = await commandOf(pid);
  if (command.includes('nats-server') && command.includes(storeFolder)) {
    process.kill(pid, 'SIGTERM');
    await waitUntilGone(pid);
  }
  await rm(pidFile(storeFolder), { force: true });
}

async function waitUntilGone(pid: number): Promise<void> {
  for (let tries = 0; tries < 100; tries++) {
    try {
      process.kill(pid, 0);
    } catch {
      // No such process any more.
      return;
    }
    await sleep(50);
  }
  process.kill(pid, 'SIGKILL');
}
