/**
 * The life of a server that the engine owns: started behind a guard (server-guard.ts), waited for until it answers, ended. Knows nothing of
 * completions, nor of what the server reads.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { createServer } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { SegueError, withoutMemorySettings } from '@segue/core';
import { modelNames } from './model-names.js';

const guardEntry = fileURLToPath(new URL('./server-guard.js', import.meta.url));
const lookEveryMs = 25;
/** Of what a server has written last, for messages. */
const maxTail = 1_500;

export interface ServerLaunch {
  /** With `{port}`, and `{name}` where the server can be told what to call the model. */
  readonly command: readonly string[];
  readonly name: string;
  /** Goes with the server. */
  readonly folder: string;
  readonly startTimeoutMs: number;
  readonly stopTimeoutMs: number;
}

export class ModelServer {
  readonly url: string;
  readonly #guard: ChildProcess;
  readonly #exited: Promise<void>;
  #pid: number | null = null;
  #tail = '';
  #ending = false;
  #exit: string | null = null;

  private constructor(command: readonly string[], port: number, { folder, stopTimeoutMs }: ServerLaunch) {
    this.url = `http://127.0.0.1:${port}`;
    this.#guard = fork(guardEntry, [String(stopTimeoutMs), folder, ...command], {
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      execArgv: [],
      // The server has it from the guard, and is not ours to set limits for.
      env: withoutMemorySettings(process.env),
    });
    for (const output of [this.#guard.stdout, this.#guard.stderr]) {
      output?.setEncoding('utf8').on('data', (text: string) => {
        this.#tail = (this.#tail + text).slice(-maxTail);
      });
    }
    this.#guard.on('message', (message: { readonly pid: number }) => {
      this.#pid = message.pid;
    });
    this.#exited = new Promise((resolve) => {
      this.#guard.once('close', (code, signal) => {
        this.#exit ??= signal ?? `exit code ${code}`;
        resolve();
      });
      // On, not once: an error that nobody hears of ends the process. One that comes later (a signal that cannot be sent) says nothing of the server.
      this.#guard.on('error', (error) => {
        if (this.#guard.pid !== undefined) return;
        this.#exit = `it cannot be started: ${error.message}`;
        resolve();
      });
    });
    this.#guard.once('exit', (_, signal) => {
      // A guard that was killed has left its server behind, which holds the pipes open.
      if (signal) this.#kill();
    });
  }

  /** Resolves when the server answers; the folder goes with one that does not. @throws UNAVAILABLE with its last words, DEADLINE_EXCEEDED, CANCELLED */
  static async start(launch: ServerLaunch, signal: AbortSignal): Promise<ModelServer> {
    const port = await freePort();
    const fill = (text: string) => text.replaceAll('{port}', String(port)).replaceAll('{name}', launch.name);
    const server = new ModelServer(launch.command.map(fill), port, launch);
    try {
      await server.#answers(launch, signal);
      return server;
    } catch (error) {
      await server.stop();
      throw error;
    }
  }

  /** Why it is of no use any more; null while it runs. */
  get lost(): SegueError | null {
    if (this.#exit === null || this.#ending) return null;
    const words = this.#tail.trim();
    return new SegueError(
      'UNAVAILABLE',
      `the inference server has ended (${this.#exit}); ${words === '' ? 'it has said nothing' : `its last words: ${words}`}`,
    );
  }

  /** SIGTERM, then SIGKILL; resolves when it is gone. */
  async stop(): Promise<void> {
    if (this.#exit === null) {
      this.#ending = true;
      // A message: after a disconnect from here the guard's end would not be heard of. One that cannot be sent finds it ending.
      this.#guard.send('end', () => undefined);
    }
    await this.#exited;
  }

  async #answers({ command, name, startTimeoutMs }: ServerLaunch, signal: AbortSignal): Promise<void> {
    const deadline = performance.now() + startTimeoutMs;
    const named = command.some((argument) => argument.includes('{name}'));
    while (!this.lost) {
      if (signal.aborted) throw new SegueError('CANCELLED', 'the engine stops');
      const leftMs = deadline - performance.now();
      if (leftMs <= 0) {
        throw new SegueError(
          'DEADLINE_EXCEEDED',
          `the inference server has not answered ${this.url}/health after ${startTimeoutMs} ms; its last words: ${this.#tail.trim()}`,
        );
      }
      const within = AbortSignal.any([signal, AbortSignal.timeout(Math.ceil(leftMs))]);
      const healthy = await fetch(`${this.url}/health`, { signal: within }).then(
        async (response) => {
          await response.body?.cancel();
          return response.ok;
        },
        () => false,
      );
      // Another program may have that port.
      if (healthy && (!named || (await modelNames(this.url, within).catch((): string[] => [])).includes(name))) return;
      await pause(lookEveryMs);
    }
    throw this.lost;
  }

  #kill(): void {
    if (this.#pid === null) return;
    try {
      process.kill(-this.#pid, 'SIGKILL');
    } catch {
      // It is gone.
    }
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() => resolve(typeof address === 'object' && address ? address.port : 0));
    });
  });
}
