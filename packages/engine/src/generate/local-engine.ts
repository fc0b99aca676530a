/**
 * The engine itself, on the thread that calls it: slots, the waiting room, the chunk (prefill, pack, decode, account), cutting.
 * Continuous batching lives here; the graphs live in `policy.ts` and below; why a sequence ends lives in `sequence.ts`.
 *
 * A sequence's tokens do not depend on the batch around it: its random numbers come from its own id and positions, and
 * its rows of every product are computed from its own values (up to ties in float rounding).
 */
import {
  type ChunkReport,
  type Engine,
  type EngineStatus,
  joinWaiting,
  type PolicyLocation,
  SegueError,
  type SequenceRequest,
  type SequenceResult,
} from '@segue/core';
import { setMatrixPrecision } from '../graph/cuda.js';
import type { ModelWeights } from '../model/weights.js';
import { CallQueue } from './call-queue.js';
import { type DecodeRow, runDecode } from './decode-run.js';
import { type EngineOptions, type EngineSettings, engineSettings } from './engine-options.js';
import { GraphCache } from './graph-cache.js';
import { KvPacker } from './kv.js';
import { DecodePolicy } from './policy.js';
import { Prefiller } from './prefill.js';
import { PromptCache, sharingPays } from './prompt-cache.js';
import { requireSequence, Sequence } from './sequence.js';

/** The policy that is served, with the buffers that have its shape. */
interface Serving {
  readonly policy: DecodePolicy;
  readonly packer: KvPacker;
}

export class LocalEngine implements Engine {
  readonly #settings: EngineSettings;
  readonly #graphs = new GraphCache();
  #serving: Serving | null = null;
  /** A version that is ready to be served. */
  #prepared: DecodePolicy | null = null;
  readonly #prefiller = new Prefiller();
  #prompts = new PromptCache();
  /** In slots. */
  #rows: DecodeRow[] = [];
  /** Admitted, without a slot yet, in the order in which they get one. */
  #waiting: DecodeRow[] = [];
  readonly #calls = new CallQueue();
  #stopped = false;
  #runtimeMs = 0;

  constructor(options: EngineOptions) {
    this.#settings = engineSettings(options);
    const { device, precision } = this.#settings;
    if (device === 'cuda') setMatrixPrecision(precision === 'tf32' ? 'tf32' : 'float32');
  }

  get slots(): number {
    return this.#settings.slots;
  }

  get waitingRoom(): number {
    return this.#settings.waitingRoom;
  }

  /** Time spent inside ONNX Runtime since the start; the rest of a chunk is this engine's own. */
  get runtimeMs(): number {
    return this.#runtimeMs;
  }

  async start(): Promise<void> {}

  loadVersion(location: PolicyLocation): Promise<void> {
    return this.#calls.perform(() => this.#load(location));
  }

  prepareVersion(location: PolicyLocation | null): Promise<void> {
    return this.#calls.perform(() => this.#prepare(location));
  }

  admit(requests: readonly SequenceRequest[]): Promise<void> {
    return this.#calls.perform(() => this.#admit(requests));
  }

  generateChunk(): Promise<ChunkReport> {
    return this.#calls.perform(() => this.#chunk(), true);
  }

  cut(ids?: readonly string[]): Promise<SequenceResult[]> {
    const chosen = ids && new Set(ids);
    return this.#calls.perform(async () => {
      this.#requireRunning();
      return this.#leave((row) => !chosen || chosen.has(row.sequence.id), Date.now());
    });
  }

  async status(): Promise<EngineStatus> {
    const policy = this.#serving?.policy;
    return {
      policyVersion: policy?.version ?? null,
      device: this.#settings.device,
      slots: this.slots,
      running: this.#rows.length,
      vocabularySize: policy?.vocabularySize ?? 0,
      maxContextTokens: policy?.maxContextTokens ?? 0,
    };
  }

  stop(): Promise<void> {
    return this.#calls.perform(async () => {
      this.#stopped = true;
      this.#rows = [];
      this.#waiting = [];
      this.#prompts = new PromptCache();
      const serving = this.#serving;
      this.#serving = null;
      await serving?.policy.release();
      await this.#dropPrepared();
    });
  }

  async #load(location: PolicyLocation): Promise<void> {
    this.#requireRunning();
    if (this.#rows.length > 0) {
      throw new SegueError(
        'FAILED_PRECONDITION',
        `${this.#rows.length + this.#waiting.length} sequences run under version ${this.#serving?.policy.version}: cut them before loading version ${location.version}`,
      );
    }
    const previous = this.#serving?.policy ?? null;
    const weights = await DecodePolicy.read(location);
    if (this.#prepared?.isOf(location.version, weights)) {
      this.#serve(this.#prepared);
      this.#prepared = null;
      await previous?.release();
      return;
    }
    // Freed first, so that two versions' packed weights never lie in memory together.
    await this.#dropPrepared();
    this.#serving = null;
    await previous?.release();
    this.#serve(await this.#open(location.version, weights, previous));
  }

  async #prepare(location: PolicyLocation | null): Promise<void> {
    this.#requireRunning();
    if (location === null) return this.#dropPrepared();
    const weights = await DecodePolicy.read(location);
    const served = this.#serving?.policy ?? null;
    if (served?.isOf(location.version, weights) || this.#prepared?.isOf(location.version, weights)) return;
    await this.#dropPrepared();
    this.#prepared = await this.#open(location.version, weights, served);
  }

  async #admit(requests: readonly SequenceRequest[]): Promise<void> {
    const { policy } = this.#requireServing();
    const inside = [...this.#rows, ...this.#waiting];
    if (inside.length + requests.length > this.slots + this.waitingRoom) {
      throw new SegueError(
        'RESOURCE_EXHAUSTED',
        `${requests.length} sequences cannot join the ${inside.length} that run or wait: the engine has ${this.slots} slots and room for ${this.waitingRoom} that wait`,
      );
    }
    // Everything is checked before anything joins.
    const ids = new Set(inside.map((row) => row.sequence.id));
    const prompts = new PromptCache();
    for (const request of requests) {
      if (ids.has(request.id)) throw new SegueError('INVALID_INPUT', `sequence ${request.id} runs already`);
      ids.add(request.id);
      requireSequence(request, policy);
      this.#prompts.requireSame(request.promptKey, request.promptTokens);
      prompts.hold(request.promptKey, request.promptTokens);
    }
    for (const request of requests) {
      const prompt = this.#prompts.hold(request.promptKey, request.promptTokens);
      const row = { sequence: new Sequence(request), prompt, own: [], ready: false };
      joinWaiting<DecodeRow>(this.#waiting, row, ({ sequence }) => sequence.request);
    }
    this.#fillSlots();
  }

  async #chunk(): Promise<ChunkReport> {
    const { policy, packer } = this.#requireServing();
    const begin = performance.now();
    if (this.#rows.length === 0) {
      return {
        finished: [],
        ids: [],
        running: 0,
        rows: 0,
        tokens: 0,
        steps: 0,
        durationMs: 0,
        prefillMs: 0,
        loopMs: 0,
      };
    }
    const beginMs = Date.now();
    const runtimeBefore = policy.runtimeMs;
    const ids = this.#rows.map((row) => row.sequence.id);
    for (const { sequence } of this.#rows) sequence.begin(beginMs);
    await this.#prefiller.advance(policy, this.#rows, this.#settings.prefillTokens);
    // A row whose long context is not prefilled yet lets the others go on.
    const ready = this.#rows.filter((row) => row.ready);
    const prefilled = performance.now();
    const { sharePrompts, chunkTokens, idleSteps } = this.#settings;
    const prompts = ready.map((row) => row.prompt);
    const shared = sharePrompts === 'always' || (sharePrompts === 'auto' && sharingPays(prompts, policy.kvShape));
    const { tokens, steps, loopMs } = await runDecode(policy, packer, ready, { chunkTokens, idleSteps, shared });
    const endMs = Date.now();
    const finished = this.#leave((row) => row.sequence.end !== null, endMs);
    this.#runtimeMs += policy.runtimeMs - runtimeBefore;
    return {
      finished,
      ids,
      running: this.#rows.length,
      rows: ready.length,
      tokens,
      steps,
      durationMs: performance.now() - begin,
      prefillMs: prefilled - begin,
      loopMs,
    };
  }

  #open(version: number, weights: ModelWeights, previous: DecodePolicy | null): Promise<DecodePolicy> {
    return DecodePolicy.open(version, weights, this.#settings, this.#graphs, previous?.usedVariants);
  }

  #serve(policy: DecodePolicy): void {
    this.#serving = { policy, packer: new KvPacker(policy.kvShape) };
  }

  async #dropPrepared(): Promise<void> {
    const prepared = this.#prepared;
    this.#prepared = null;
    await prepared?.release();
  }

  /** Takes rows out; the others move up, so that the next batch holds running sequences alone, and those that wait take the free slots. */
  #leave(leaves: (row: DecodeRow) => boolean, nowMs: number): SequenceResult[] {
    const left = [...this.#rows, ...this.#waiting].filter(leaves);
    if (left.length === 0) return [];
    const stays = (row: DecodeRow) => !left.includes(row);
    this.#rows = this.#rows.filter(stays);
    this.#waiting = this.#waiting.filter(stays);
    for (const row of left) this.#prompts.release(row.prompt);
    this.#fillSlots();
    return left.map((row) => row.sequence.result(nowMs));
  }

  #fillSlots(): void {
    this.#rows.push(...this.#waiting.splice(0, this.slots - this.#rows.length));
  }

  #requireRunning(): void {
    if (this.#stopped) throw new SegueError('FAILED_PRECONDITION', 'the engine has been stopped');
  }

  #requireServing(): Serving {
    this.#requireRunning();
    if (!this.#serving)
      throw new SegueError('FAILED_PRECONDITION', 'the engine serves no policy version: load one first');
    return this.#serving;
  }
}
