/**
 * An engine in a process that somebody else owns, and may end at any time: its memory goes back with the process. The process is asked for when a
 * version is to be loaded; until then, and after it has ended, the engine serves nothing. It passes calls on and knows nothing of graphs.
 */
import {
  type ChunkReport,
  type Engine,
  type EngineStatus,
  type PolicyLocation,
  type ProcessPort,
  SegueError,
  type SequenceRequest,
  type SequenceResult,
} from '@segue/core';
import { type EngineOptions, type EngineSettings, engineSettings } from '../generate/engine-options.js';
import type { EngineArguments, EngineMethod, EngineValue } from '../generate/worker-protocol.js';
import type { ProcessCall, WarmUpCall } from './process-calls.js';

interface OpenEngine {
  readonly port: ProcessPort;
  readonly engine: number;
}

/** What a process that is to generate is told first. */
export function warmEngine(options: EngineOptions): WarmUpCall {
  return { name: 'warmEngine', settings: engineSettings(options) };
}

export class ProcessEngine implements Engine {
  readonly #settings: EngineSettings;
  readonly #acquire: () => Promise<ProcessPort>;
  #open: OpenEngine | null = null;
  #stopped = false;

  /** @param acquire the process with the device: at once while it has it */
  constructor(options: EngineOptions, acquire: () => Promise<ProcessPort>) {
    this.#settings = engineSettings(options);
    this.#acquire = acquire;
  }

  get slots(): number {
    return this.#settings.slots;
  }

  get waitingRoom(): number {
    return this.#settings.waitingRoom;
  }

  async start(): Promise<void> {}

  async loadVersion(policy: PolicyLocation): Promise<void> {
    await this.#opened();
    return this.#call('loadVersion', [policy]);
  }

  async prepareVersion(policy: PolicyLocation | null): Promise<void> {
    if (policy !== null) await this.#opened();
    else if (!this.#open) return;
    return this.#call('prepareVersion', [policy]);
  }

  admit(requests: readonly SequenceRequest[]): Promise<void> {
    return this.#call('admit', [requests]);
  }

  generateChunk(): Promise<ChunkReport> {
    return this.#call('generateChunk', []);
  }

  cut(ids?: readonly string[]): Promise<SequenceResult[]> {
    return this.#call('cut', ids ? [ids] : []);
  }

  async status(): Promise<EngineStatus> {
    if (this.#open) return this.#call('status', []);
    const { device, slots } = this.#settings;
    return { policyVersion: null, device, slots, running: 0, vocabularySize: 0, maxContextTokens: 0 };
  }

  /** Frees what it holds in the process; the process stays. */
  async stop(): Promise<void> {
    this.#stopped = true;
    if (!this.#open) return;
    try {
      await this.#call('stop', []);
    } catch (error) {
      // With the process everything has ended.
      if (SegueError.from(error).code !== 'UNAVAILABLE') throw error;
    } finally {
      this.#open = null;
    }
  }

  async #opened(): Promise<void> {
    if (this.#stopped) throw new SegueError('FAILED_PRECONDITION', 'the engine has been stopped');
    const port = await this.#acquire();
    if (this.#open?.port === port) return;
    const call: ProcessCall = { name: 'openEngine', settings: this.#settings };
    this.#open = { port, engine: (await port.call(call)) as number };
  }

  async #call<M extends EngineMethod>(method: M, args: EngineArguments<M>): Promise<EngineValue<M>> {
    if (!this.#open) {
      throw new SegueError('FAILED_PRECONDITION', 'the engine serves no policy version: load one first');
    }
    const { port, engine } = this.#open;
    const call: ProcessCall = { name: 'engine', engine, method, args };
    // The process answers a call with its own method's value.
    return (await port.call(call)) as EngineValue<M>;
  }
}
