/** The replay store as a real process, started on a real nats-server and killed without warning. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { type Bus, connectBus, connectReplay } from '@segue/bus';
import type { Test } from 'tap';
import { startNats, type TestNats } from '../../../../test/support/nats.js';
import { removeFolder, temporaryFolder } from './fixtures.js';

const program = fileURLToPath(new URL('../../dist/main.js', import.meta.url));
/** The same process, made to kill itself right after a commit. */
export const mortalProgram = fileURLToPath(new URL('./mortal-replay.ts', import.meta.url));

export interface StartOptions {
  readonly natsUrl: string;
  readonly dataFolder: string;
  /** 100 unless told. */
  readonly reconcileIntervalMs?: number;
  /** Another program than the service's own. */
  readonly entry?: string;
  readonly environment?: Readonly<Record<string, string>>;
  /** Command, with its arguments, that starts the process in place of the test. */
  readonly wrapper?: readonly string[];
}

export interface ReplayProcess {
  readonly client: ReturnType<typeof connectReplay>;
  readonly pid: number;
  /** What a gauge or counter without labels says now. */
  readonly metric: (name: string) => Promise<number>;
  /** Resolves when the process is gone, to the signal that ended it. */
  readonly gone: Promise<NodeJS.Signals | null>;
  /** SIGKILL. */
  kill(): Promise<void>;
  /** SIGTERM; resolves to the exit code. */
  stop(): Promise<number | null>;
}

/** Resolves when the process is ready. */
export async function startReplay(options: StartOptions): Promise<ReplayProcess> {
  const { natsUrl, dataFolder, reconcileIntervalMs = 100, entry = program, environment = {}, wrapper = [] } = options;
  const settings = { natsUrl, dataFolder, port: 0, metricsPort: 0, reconcileIntervalMs, logLevel: 'error' };
  const flags = Object.entries(settings).flatMap(([key, value]) => ['--set', `${key}=${value}`]);
  // What the test itself is loaded with makes a start twice as dear: only sources need it.
  const loader = entry.endsWith('.ts') ? process.execArgv : [];
  const [command = process.execPath, ...args] = [...wrapper, process.execPath, ...loader, entry, ...flags];
  const child = spawn(command, args, {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, ...environment },
  });
  const gone = new Promise<NodeJS.Signals | null>((resolve) => child.once('exit', (_, signal) => resolve(signal)));
  const { address, metricsAddress } = await readyLineOf(child);
  const client = connectReplay(address);
  const end = async (signal: NodeJS.Signals) => {
    child.kill(signal);
    await gone;
  };
  return {
    client,
    pid: child.pid ?? 0,
    metric: async (name) => {
      const text = await (await fetch(`http://${metricsAddress}/metrics`)).text();
      const value = new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)$`, 'm').exec(text)?.[1];
      if (value === undefined) throw new Error(`the store tells no ${name}`);
      return Number(value);
    },
    gone,
    kill: () => end('SIGKILL'),
    stop: async () => {
      await end('SIGTERM');
      return child.exitCode;
    },
  };
}

export interface StoreWorld {
  readonly folder: string;
  readonly nats: TestNats;
  readonly bus: Bus;
  /** Starts the store over the folder, once more when it was killed. */
  readonly start: (options?: Omit<StartOptions, 'natsUrl' | 'dataFolder'>) => Promise<ReplayProcess>;
}

/** What a store's process lives on, gone at the end of the test with every process that was started. */
export async function newWorld(t: Test): Promise<StoreWorld> {
  const folder = temporaryFolder();
  const nats = await startNats();
  const bus = await connectBus({ url: nats.url, name: 'test' });
  const started: ReplayProcess[] = [];
  t.teardown(async () => {
    for (const replay of started) {
      await replay.kill();
      replay.client.close();
    }
    await bus.close();
    await nats.stop();
    removeFolder(folder);
  });
  return {
    folder,
    nats,
    bus,
    start: async (options = {}) => {
      const replay = await startReplay({ ...options, natsUrl: nats.url, dataFolder: folder });
      started.push(replay);
      return replay;
    },
  };
}

interface ReadyLine {
  readonly address: string;
  readonly metricsAddress: string;
}

async function readyLineOf(child: ChildProcess): Promise<ReadyLine> {
  if (child.stdout === null) throw new Error('the process has no stdout');
  for await (const line of createInterface({ input: child.stdout })) {
    const { ready, address, metricsAddress }: Partial<ReadyLine> & { ready?: boolean } = JSON.parse(line);
    if (ready && address !== undefined && metricsAddress !== undefined) return { address, metricsAddress };
  }
  throw new Error('the process ended before it was ready');
}
