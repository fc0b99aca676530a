/** A real nats-server for tests: on a free port, with its data in a folder of its own, which goes when it stops. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join, resolve } from 'node:path';
import { isExecutable } from '../../scripts/lib/find-program.mjs';

export interface TestNats {
  readonly url: string;
  readonly port: number;
  /** SIGKILL: nothing is flushed. */
  kill(): Promise<void>;
  /** Starts again on the same port and data. */
  restart(): Promise<void>;
  /** Ends it and removes its data. */
  stop(): Promise<void>;
}

/** Where a server runs that does not run like any other. */
export interface NatsPlace {
  /** Users and TLS. */
  readonly configFile?: string;
  /** Left out: it has. */
  readonly hasJetStream?: boolean;
  /** Of its data; left out: one of its own. */
  readonly folder?: string;
  /** Command, with its arguments, that becomes the server. */
  readonly wrapper?: readonly string[];
}

export async function startNats(place: NatsPlace = {}): Promise<TestNats> {
  const folder = place.folder ?? mkdtempSync(join(tmpdir(), 'segue-nats-'));
  const command = [...(place.wrapper ?? []), findNatsServer(), '--store_dir', folder];
  if (place.hasJetStream !== false) command.push('--jetstream');
  if (place.configFile !== undefined) command.push('--config', place.configFile);
  const first = await startAnywhere(command);
  const { port } = first;
  let { server } = first;
  const end = async () => {
    if (server.exitCode !== null || server.signalCode !== null) return;
    const gone = new Promise((done) => server.once('exit', done));
    server.kill('SIGKILL');
    await gone;
  };
  return {
    url: `nats://127.0.0.1:${port}`,
    port,
    kill: end,
    restart: async () => {
      server = await start(command, port);
    },
    stop: async () => {
      await end();
      await rm(folder, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

/** Another program may take a port between the look and the start: then there is another port. */
async function startAnywhere(command: readonly string[]): Promise<{ port: number; server: ChildProcess }> {
  for (let tries = 1; ; tries++) {
    const port = await freePort();
    try {
      return { port, server: await start(command, port) };
    } catch (error) {
      if (tries === 3) throw error;
    }
  }
}

async function start([program = '', ...args]: readonly string[], port: number): Promise<ChildProcess> {
  const server = spawn(program, [...args, '--addr', '127.0.0.1', '--port', String(port)], { stdio: 'ignore' });
  for (let tries = 0; tries < 200; tries++) {
    if (server.exitCode !== null) break;
    if (await answers(port)) return server;
    await new Promise((done) => setTimeout(done, 50));
  }
  server.kill('SIGKILL');
  throw new Error(`${program} did not come up on port ${port}`);
}

/** A port that was free a moment ago. */
export function freePort(): Promise<number> {
  return new Promise((done, fail) => {
    const server = createServer();
    server.once('error', fail);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => done(typeof address === 'object' && address ? address.port : 0));
    });
  });
}

function answers(port: number): Promise<boolean> {
  return new Promise((done) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('data', () => {
      socket.destroy();
      done(true);
    });
    socket.once('error', () => done(false));
  });
}

/** SEGUE_NATS_SERVER, PATH, the usual folders, and where `npm run setup` puts it. */
function findNatsServer(): string {
  const named = process.env.SEGUE_NATS_SERVER;
  if (named) return named;
  const folders = [
    ...(process.env.PATH ?? '').split(delimiter),
    '/usr/sbin',
    '/usr/local/bin',
    '/opt/homebrew/bin',
    resolve(import.meta.dirname, '../../.segue/bin'),
  ];
  const paths = folders.filter((name) => name !== '').map((folder) => join(folder, 'nats-server'));
  const path = paths.find(isExecutable);
  if (path === undefined) throw new Error('no nats-server: run npm run setup, or name one in SEGUE_NATS_SERVER');
  return path;
}
