/** A real nats-server for tests: on a free port, with its data in a folder of its own, which goes when it stops. */
import { type ChildProcess, spawn } from 'node:child_process';
import { accessSync, constants, mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join, resolve } from 'node:path';

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

/** @param configFile users and TLS */
export async function startNats(configFile?: string): Promise<TestNats> {
  const program = findNatsServer();
  const folder = mkdtempSync(join(tmpdir(), 'segue-nats-'));
  const first = await startAnywhere(program, folder, configFile);
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
      server = await start(program, port, folder, configFile);
    },
    stop: async () => {
      await end();
      await rm(folder, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

/** Another program may take a port between the look and the start: then there is another port. */
async function startAnywhere(
  program: string,
  folder: string,
  configFile: string | undefined,
): Promise<{ port: number; server: ChildProcess }> {
  for (let tries = 1; ; tries++) {
    const port = await freePort();
    try {
      return { port, server: await start(program, port, folder, configFile) };
    } catch (error) {
      if (tries === 3) throw error;
    }
  }
}

async function start(program: string, port: number, folder: string, configFile?: string): Promise<ChildProcess> {
  const args = ['--addr', '127.0.0.1', '--port', String(port), '--jetstream', '--store_dir', folder];
  if (configFile !== undefined) args.push('--config', configFile);
  const server = spawn(program, args, { stdio: 'ignore' });
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
  for (const folder of folders.filter((name) => name !== '')) {
    const path = join(folder, 'nats-server');
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // Not here; the next one.
    }
  }
  throw new Error('no nats-server: run npm run setup, or name one in SEGUE_NATS_SERVER');
}
