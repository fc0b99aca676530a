/**
 * An engine on a thread of its own, so that the service that owns it always answers: `session.run` blocks the thread it
 * is called on. Knows nothing of graphs; it passes calls on and translates errors.
 *
 * Ending the process or the thread inside a run aborts the whole process, so the thread is never terminated: `stop()`
 * queues behind the call in flight and the thread ends by itself. A process that owns a WorkerEngine awaits `stop()` before it exits.
 */
import { Worker } from 'node:worker_threads';
import {
  type ChunkReport,
  type Engine,
  type EngineStatus,
  type PolicyLocation,
  SegueError,
  type SequenceRequest,
  type SequenceResult,
} from '@segue/core';
import { setMatrixPrecision } from '../graph/cuda.js';
import { type EngineOptions, type EngineSettings, engineSettings } from './engine-options.js';
import {
  type CallMessage,
  type EngineArguments,
  type EngineMethod,
  type EngineValue,
  ownedRequest,
  type ReplyMessage,
  requestBuffers,
} from './worker-protocol.js';

interface PendingCall {
  readonly resolve: (value: EngineValue<EngineMethod>) => void;
  readonly reject: (error: SegueError) => void;
}

const threadEntry = new URL('./engine-thread.js', import.meta.url);

export class WorkerEngine implements Engine {
  readonly #settings: EngineSettings;
  readonly #entry: URL;
  #worker: Worker | null = null;
  #exited: Promise<void> = Promise.resolve();
  /** Why calls are refused: not started, stopped, or the thread died. */
  #refusal: SegueError | null = new SegueError('FAILED_PRECONDITION', 'the engine has not been started');
  #nextCall = 0;
  readonly #pending = new Map<number, PendingCall>();
  #stopping: Promise<void> | null = null;

  /** @param entry what the thread runs; another one is for tests */
  constructor(options: EngineOptions, entry: URL = threadEntry) {
    this.#settings = engineSettings(options);
    this.#entry = entry;
  }

  get slots(): number {
    return this.#settings.slots;
  }

  get waitingRoom(): number {
    return this.#settings.waitingRoom;
  }

  async start(): Promise<void> {
    if (this.#worker) throw new SegueError('FAILED_PRECONDITION', 'the engine has been started before');
    const { device, precision } = this.#settings;
    if (device === 'cuda') setMatrixPrecision(precision === 'tf32' ? 'tf32' : 'float32');
    const worker = new Worker(this.#entry, { workerData: this.#settings });
    this.#worker = worker;
    this.#refusal = null;
    worker.on('message', (reply: ReplyMessage) => this.#settle(reply));
    worker.on('error', (error) => this.#fail(`the engine's thread failed: ${error.message}`, error));
    this.#exited = new Promise((resolve) => {
      worker.once('exit', (code) => {
        this.#fail(`the engine's thread has ended (exit code ${code})`);
        resolve();
      });
    });
    await this.#call('start', []);
  }

  loadVersion(policy: PolicyLocation): Promise<void> {
    return this.#call('loadVersion', [policy]);
  }

  prepareVersion(policy: PolicyLocation | null): Promise<void> {
    return this.#call('prepareVersion', [policy]);
  }

  admit(requests: readonly SequenceRequest[]): Promise<void> {
    const owned = requests.map(ownedRequest);
    return this.#call('admit', [owned], requestBuffers(owned));
  }

  generateChunk(): Promise<ChunkReport> {
    return this.#call('generateChunk', []);
  }

  cut(ids?: readonly string[]): Promise<SequenceResult[]> {
    return this.#call('cut', ids ? [ids] : []);
  }

  status(): Promise<EngineStatus> {
    return this.#call('status', []);
  }

  /** Waits for the calls before it, then frees the sessions and the thread. Calls after it are refused. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  async #stop(): Promise<void> {
    if (this.#worker && !this.#refusal) {
      const stopped = this.#call('stop', []);
      this.#refusal = new SegueError('FAILED_PRECONDITION', 'the engine has been stopped');
      await stopped;
    }
    await this.#exited;
  }

  async #call<M extends EngineMethod>(
    method: M,
    args: EngineArguments<M>,
    transfer: ArrayBuffer[] = [],
  ): Promise<EngineValue<M>> {
    const worker = this.#worker;
    if (this.#refusal || !worker) throw this.#refusal ?? new SegueError('INTERNAL', 'the engine has no thread');
    const call = this.#nextCall++;
    const message: CallMessage<M> = { call, method, args };
    const value = await new Promise<EngineValue<EngineMethod>>((resolve, reject) => {
      this.#pending.set(call, { resolve, reject });
      worker.postMessage(message, transfer);
    });
    // The thread answers a call with its own method's value.
    return value as EngineValue<M>;
  }

  #settle(reply: ReplyMessage): void {
    const pending = this.#pending.get(reply.call);
    this.#pending.delete(reply.call);
    if (reply.ok) pending?.resolve(reply.value);
    else pending?.reject(new SegueError(reply.code, reply.message));
  }

  /** Refuses every waiting and later call. */
  #fail(message: string, cause?: unknown): void {
    this.#refusal ??= new SegueError('UNAVAILABLE', message, cause);
    for (const pending of this.#pending.values()) pending.reject(new SegueError('UNAVAILABLE', message, cause));
    this.#pending.clear();
  }
}
