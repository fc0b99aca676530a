/**
 * One supervised process: spawned, watched until it says that it is ready, restarted when it dies, asked to stop.
 * It knows the ready line of a service and nothing of what the service does.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { SegueError } from '@segue/core';
import { LogFile } from './log-file.js';

export interface ChildSpec {
  readonly name: string;
  readonly command: string;
  /** @param before what it announced when it was last ready; null at the first start */
  readonly args: (before: ReadyLine | null) => readonly string[];
  /** File that gets the process's stderr (and stdout after the ready line). */
  readonly logFile: string;
  /** Decides from a line of stdout or stderr whether the process is ready; returns what it announced. */
  readonly ready: (line: string) => ReadyLine | null;
  readonly readyTimeoutMs: number;
  /** Keeps stdin open as a leash: a service that is told so ends when its supervisor is gone. */
  readonly leash: boolean;
  readonly env?: Readonly<Record<string, string>>;
  readonly restarts: RestartRules;
  /** Whether something that passes, such as a full disk, keeps it from living now: what fails then counts for nothing. */
  readonly isHindered: () => Promise<boolean>;
}

/** How a process that dies is started again. */
export interface RestartRules {
  /** Restarts in a row after which it is given up, but for those that it needed because it was hindered. */
  readonly maxInARow: number;
  /** A process that lived this long after it was ready has its restarts forgiven, in ms. */
  readonly healthyAfterMs: number;
  /** How long a process of this name stays down, in ms. */
  readonly pauseMs: (name: string, restartsInARow: number) => number;
}

export interface ReadyLine {
  readonly address: string;
  readonly metricsAddress: string;
}

/** Pauses double up to it. */
const longestPauseMs = 10_000;
export const defaultRestartRules: RestartRules = {
  maxInARow: 10,
  healthyAfterMs: 10_000,
  pauseMs: (_, inARow) => Math.min(longestPauseMs, 500 * 2 ** inARow),
};

export class Child {
  readonly spec: ChildSpec;
  readonly #onGivenUp: (error: SegueError) => void;
  #process: ChildProcess | null = null;
  #log: LogFile | null = null;
  #ready: ReadyLine | null = null;
  #stopping = false;
  #startedAtMs = 0;
  #wasHindered: Promise<boolean> = Promise.resolve(false);
  #restarts = 0;
  #restartsInARow = 0;
  /** Those of them that count. */
  #unhinderedInARow = 0;
  #restartTimer: NodeJS.Timeout | null = null;
  #lastWords: string[] = [];

  /** @param onGivenUp called when the process, which had been ready, keeps dying or does not start again */
  constructor(spec: ChildSpec, onGivenUp: (error: SegueError) => void) {
    this.spec = spec;
    this.#onGivenUp = onGivenUp;
  }

  get pid(): number | null {
    return this.#process?.pid ?? null;
  }

  get address(): ReadyLine {
    if (!this.#ready) throw new SegueError('FAILED_PRECONDITION', `${this.spec.name} is not ready`);
    return this.#ready;
  }

  /** Times that the process was started again after it had died. */
  get restarts(): number {
    return this.#restarts;
  }

  /** When it was last started, by `performance.now()`; 0 when it never was. */
  get startedAtMs(): number {
    return this.#startedAtMs;
  }

  /**
   * Starts the process and waits for its ready line; UNAVAILABLE with its last words when it ends or stays silent.
   * @param signal ends a process that is not ready yet, and the wait for it
   */
  async start(signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    const { spec } = this;
    this.#log ??= new LogFile(spec.logFile);
    this.#startedAtMs = performance.now();
    this.#wasHindered = spec.isHindered().catch(() => false);
    // Its own process group: a Ctrl-C in the terminal reaches the supervisor alone.
    const child = spawn(spec.command, spec.args(this.#ready), {
      stdio: [spec.leash ? 'pipe' : 'ignore', 'pipe', 'pipe'],
      detached: true,
      // A client's token is the client's alone.
      env: { ...process.env, SEGUE_TOKEN: undefined, ...spec.env },
    });
    this.#process = child;
    this.#lastWords = [];
    let abandon = () => {};
    const announced = new Promise<ReadyLine>((resolve, reject) => {
      const timer = setTimeout(() => {
        child.kill('SIGKILL');
        reject(
          new SegueError(
            'DEADLINE_EXCEEDED',
            `${spec.name} was not ready after ${spec.readyTimeoutMs} ms; see ${spec.logFile}`,
          ),
        );
      }, spec.readyTimeoutMs);
      abandon = () => {
        child.kill('SIGKILL');
        clearTimeout(timer);
        reject(SegueError.from(signal?.reason));
      };
      signal?.addEventListener('abort', abandon, { once: true });
      const listen = (line: string) => {
        this.#keep(line);
        const ready = spec.ready(line);
        if (ready) {
          clearTimeout(timer);
          resolve(ready);
        }
      };
      for (const stream of [child.stdout, child.stderr]) if (stream) createInterface(stream).on('line', listen);
      child.once('error', (error) => {
        clearTimeout(timer);
        reject(new SegueError('UNAVAILABLE', `${spec.name} could not be started: ${error.message}`, error));
      });
      // 'close' comes after the last line was read, 'exit' may come before.
      child.once('close', (code, signal) => {
        clearTimeout(timer);
        reject(new SegueError('UNAVAILABLE', this.#describeEnd(code, signal)));
      });
    });
    this.#ready = await announced.finally(() => signal?.removeEventListener('abort', abandon));
    const readyAtMs = performance.now();
    child.once('close', (code, signal) => {
      if (performance.now() - readyAtMs >= spec.restarts.healthyAfterMs) {
        this.#restartsInARow = 0;
        this.#unhinderedInARow = 0;
      }
      void this.#onEnd(new SegueError('UNAVAILABLE', this.#describeEnd(code, signal)));
    });
  }

  /** After a death, or a start that failed. */
  async #onEnd(why: SegueError): Promise<void> {
    this.#process = null;
    const { restarts, name, isHindered } = this.spec;
    // What hindered it may have gone between its start and its end.
    const isExcused = (await this.#wasHindered) || (await isHindered().catch(() => false));
    if (this.#stopping) return;
    const counted = this.#unhinderedInARow;
    if (!isExcused && counted >= restarts.maxInARow) {
      this.#onGivenUp(new SegueError(why.code, `${why.rawMessage}; gave up after ${counted} restarts in a row`, why));
      return;
    }
    const inARow = this.#restartsInARow;
    this.#restarts += 1;
    this.#restartsInARow += 1;
    if (!isExcused) this.#unhinderedInARow += 1;
    this.#restartTimer = setTimeout(
      () => {
        this.start().catch((error: unknown) => this.#onEnd(SegueError.from(error, 'UNAVAILABLE')));
      },
      restarts.pauseMs(name, inARow),
    );
  }

  #keep(line: string): void {
    this.#log?.write(line);
    this.#lastWords.push(line);
    if (this.#lastWords.length > 3) this.#lastWords.shift();
  }

  #describeEnd(code: number | null, signal: NodeJS.Signals | null): string {
    const how = signal ? `was ended by ${signal}` : `ended with code ${code}`;
    const words = this.#lastWords.at(-1);
    return `${this.spec.name} ${how}${words ? `: ${messageOf(words)}` : ''} (log: ${this.spec.logFile})`;
  }

  /** Ends the process, which is then started again like any that died. @param why for its log */
  restart(why: string): void {
    this.#log?.write(`segue starts ${this.spec.name} again: ${why}`);
    this.#process?.kill('SIGKILL');
  }

  /** Ends the process at once, before this returns; it is not started again. What it has started itself ends with it, as after any death. */
  kill(): void {
    this.#stopping = true;
    if (this.#restartTimer) clearTimeout(this.#restartTimer);
    this.#process?.kill('SIGKILL');
  }

  /** SIGTERM, then SIGKILL after `timeoutMs`. */
  async stop(timeoutMs: number): Promise<void> {
    this.#stopping = true;
    if (this.#restartTimer) clearTimeout(this.#restartTimer);
    const child = this.#process;
    if (child && child.exitCode === null && child.signalCode === null) {
      const ended = once(child, 'exit');
      child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), timeoutMs);
      await ended;
      clearTimeout(timer);
    }
    this.#process = null;
    const log = this.#log;
    this.#log = null;
    await log?.close();
  }
}

/** The message of a JSON log line, or the line itself. */
function messageOf(line: string): string {
  try {
    const parsed: unknown = JSON.parse(line);
    if (typeof parsed === 'object' && parsed !== null && 'msg' in parsed) return String(parsed.msg);
  } catch {
    // Not JSON: a plain line is its own message.
  }
  return line;
}
