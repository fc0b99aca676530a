/** The tiny service as a child process: its ready line, its log, its end. */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Test } from 'tap';

const program = fileURLToPath(new URL('./tiny-service.mjs', import.meta.url));

/** One line of the log; the keys that tests look at. */
export interface LogLine {
  readonly level: string;
  readonly msg: string;
  readonly step?: string;
  readonly aborted?: boolean;
  readonly reason?: string;
  readonly code?: string;
  readonly stack?: string;
  readonly config?: Readonly<Record<string, unknown>>;
}

export interface ReadyLine {
  readonly ready: boolean;
  readonly id: string;
  readonly service: string;
  readonly address: string;
  readonly metricsAddress: string;
}

export interface TinyProcess {
  /** Rejects when the process ends before it is ready. */
  readonly ready: Promise<ReadyLine>;
  /** Everything on stdout and stderr so far. */
  readonly stdout: string[];
  readonly log: LogLine[];
  signal(name: NodeJS.Signals): void;
  endStdin(): void;
  /** Exit code, or the signal that ended it. */
  readonly ended: Promise<number | NodeJS.Signals | null>;
}

/** Starts it; the test's end kills what is left. */
export function startTiny(
  t: Test,
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): TinyProcess {
  const child = spawn(process.execPath, [program, ...args], { env: { ...process.env, ...environment } });
  const stdout: string[] = [];
  const log: LogLine[] = [];
  createInterface({ input: child.stderr }).on('line', (line) => log.push(JSON.parse(line)));
  // `close` comes after the last byte of both streams, `exit` may come before.
  const ended = new Promise<number | NodeJS.Signals | null>((resolve) =>
    child.once('close', (code, signal) => resolve(code ?? signal)),
  );
  const ready = new Promise<ReadyLine>((resolve, reject) => {
    createInterface({ input: child.stdout }).on('line', (line) => {
      stdout.push(line);
      if (stdout.length === 1) resolve(JSON.parse(line));
    });
    void ended.then((code) =>
      reject(new Error(`ended with ${code} before it was ready: ${JSON.stringify(log.at(-1))}`)),
    );
  });
  // Tests of a start that is refused wait for the end alone.
  ready.catch(() => {});
  t.teardown(async () => {
    child.kill('SIGKILL');
    await ended;
  });
  return {
    ready,
    stdout,
    log,
    signal: (name) => void child.kill(name),
    endStdin: () => void child.stdin.end(),
    ended,
  };
}
