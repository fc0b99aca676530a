/**
 * An engine's process as its owner sees it: started, called, measured, killed. It is always killed: that alone gives all of its memory back, and
 * an engine inside a run hears nothing else. The process ends by itself when its owner is gone. What it computes is not known here.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import {
  type ErrorCode,
  errorCodes,
  type ProcessCallMessage,
  type ProcessPort,
  type ProcessReply,
  SegueError,
} from '@segue/core';

interface PendingCall {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: SegueError) => void;
}

export class EngineProcess implements ProcessPort {
  /** Resolves when it has ended, with how. */
  readonly ended: Promise<string>;
  readonly #child: ChildProcess;
  readonly #pending = new Map<number, PendingCall>();
  #next = 0;
  #end: SegueError | null = null;

  /** @param entry program of the process */
  constructor(entry: URL) {
    // What it prints is no business of who reads our stdout.
    const stdio = ['ignore', process.stderr, process.stderr, 'ipc'] as const;
    this.#child = fork(fileURLToPath(entry), [], { serialization: 'advanced', stdio: [...stdio] });
    this.#child.on('message', (reply) => this.#settle(reply as ProcessReply));
    this.ended = new Promise((resolve) => {
      const end = (how: string) => {
        this.#fail(new SegueError('UNAVAILABLE', `the engine's process ${how}`));
        resolve(how);
      };
      this.#child.once('exit', (code, signal) => end(signal ? `was ended by ${signal}` : `ended with code ${code}`));
      this.#child.once('error', (error) => {
        // A child that could not be started has no exit.
        if (this.#child.pid === undefined) end(`could not be started: ${error.message}`);
      });
    });
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  get hasEnded(): boolean {
    return this.#end !== null;
  }

  call(call: object): Promise<unknown> {
    if (this.#end) return Promise.reject(this.#end);
    const id = this.#next++;
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve, reject });
      const message: ProcessCallMessage = { id, call };
      this.#child.send(message, (error) => {
        if (error)
          this.#fail(new SegueError('UNAVAILABLE', `the engine's process cannot be reached: ${error.message}`));
      });
    });
  }

  /** Resolves when the process is gone, and its memory with it. */
  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.ended;
  }

  /** What it holds in memory: pages of its own, and all with those of files that others may share. Zero once it is gone. */
  resident(): Promise<ResidentMemory> {
    return residentOf(this.pid);
  }

  #settle(reply: ProcessReply): void {
    const pending = this.#pending.get(reply.id);
    this.#pending.delete(reply.id);
    if (reply.ok) pending?.resolve(reply.value);
    else pending?.reject(new SegueError(isCode(reply.code) ? reply.code : 'INTERNAL', reply.message));
  }

  #fail(error: SegueError): void {
    this.#end ??= error;
    for (const { reject } of this.#pending.values()) reject(this.#end);
    this.#pending.clear();
  }
}

/** Memory of a process, in bytes. */
export interface ResidentMemory {
  readonly totalBytes: number;
  readonly ownBytes: number;
}

/** Zero for a process that is not there. */
export async function residentOf(pid: number): Promise<ResidentMemory> {
  const text = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  const bytes = (name: string) => 1024 * Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(text)?.[1] ?? 0);
  return { totalBytes: bytes('VmRSS'), ownBytes: bytes('RssAnon') };
}

function isCode(code: string): code is ErrorCode {
  return Object.hasOwn(errorCodes, code);
}
