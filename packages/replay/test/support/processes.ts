/** The replay store as a real process, started on a real nats-server and killed without warning. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { connectReplay } from '@segue/bus';

const program = fileURLToPath(new URL('../../dist/main.js', import.meta.url));
/** The same process, made to kill itself right after a commit. */
export const mortalProgram = fileURLToPath(new URL('./mortal-replay.ts', import.meta.url));

export interface StartOptions {
  readonly natsUrl: string;
  readonly dataFolder: string;
  /** Another program than the service's own. */
  readonly entry?: string;
  readonly environment?: Readonly<Record<string, string>>;
  /** Command, with its arguments, that starts the process in place of the test. */
  readonly wrapper?: readonly string[];
}

export interface ReplayProcess {
  readonly client: ReturnType<typeof connectReplay>;
  readonly pid: number;
  /** Resolves when the process is gone, to the signal that ended it. */
  readonly gone: Promise<NodeJS.Signals | null>;
  /** SIGKILL. */
  kill(): Promise<void>;
  /** SIGTERM; resolves to the exit code. */
  stop(): Promise<number | null>;
}

/** Resolves when the process is ready. */
export async function startReplay(options: StartOptions): Promise<ReplayProcess> {
  const { natsUrl, dataFolder, entry = program, environment = {}, wrapper = [] } = options;
  const settings = { natsUrl, dataFolder, port: 0, metricsPort: 0, reconcileIntervalMs: 100, logLevel: 'error' };
  const flags = Object.entries(settings).flatMap(([key, value]) => ['--set', `${key}=${value}`]);
  // What the test itself is loaded with makes a start twice as dear: only sources need it.
  const loader = entry.endsWith('.ts') ? process.execArgv : [];
  const [command = process.execPath, ...args] = [...wrapper, process.execPath, ...loader, entry, ...flags];
  const child = spawn(command, args, {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, ...environment },
  });
  const gone = new Promise<NodeJS.Signals | null>((resolve) => child.once('exit', (_, signal) => resolve(signal)));
  const client = connectReplay(await addressOf(child));
  const end = async (signal: NodeJS.Signals) => {
    child.kill(signal);
    await gone;
  };
  return {
    client,
    pid: child.pid ?? 0,
    gone,
    kill: () => end('SIGKILL'),
    stop: async () => {
      await end('SIGTERM');
      return child.exitCode;
    },
  };
}

async function addressOf(child: ChildProcess): Promise<string> {
  if (child.stdout === null) throw new Error('the process has no stdout');
  for await (const line of createInterface({ input: child.stdout })) {
    const message: { ready?: boolean; address?: string } = JSON.parse(line);
    if (message.ready && message.address !== undefined) return message.address;
  }
  throw new Error('the process ended before it was ready');
}
