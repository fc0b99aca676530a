/**
 * An engine that lets a server of somebody else's generate, over the completions protocol of OpenAI with token ids and log-probs: slots, the
 * waiting room, chunks, cutting. Each sequence in a slot is a request that goes on between two chunks; why a sequence ends is decided here,
 * by the rules of our own engine, token by token (`Sequence` of @segue/engine).
 *
 * Other than with our own engine, the same seed does not give the same tokens, and log-probs are those of the server's arithmetic: docs/engines.md.
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
import { CallQueue, requireSequence, Sequence } from '@segue/engine';
import { Completion } from './completion.js';
import type { Dialect } from './dialect.js';
import { identityOf, type ModelHost, modelHost, type ServedModel } from './model-host.js';
import { dialects, type RemoteEngineOptions, type RemoteEngineSettings, remoteEngineSettings } from './options.js';
import { sweepServerFolders } from './server-folders.js';

interface Row {
  readonly sequence: Sequence;
  /** null until its first chunk. */
  completion: Completion | null;
  /** Tokens that chunks have reported. */
  reported: number;
}

const nothing: ChunkReport = {
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

export class RemoteEngine implements Engine {
  readonly #settings: RemoteEngineSettings;
  readonly #dialect: Dialect;
  readonly #host: ModelHost;
  readonly #calls = new CallQueue();
  readonly #end = new AbortController();
  #served: ServedModel | null = null;
  /** A version that is ready to be served. */
  #prepared: ServedModel | null = null;
  /** In slots. */
  #rows: Row[] = [];
  /** Admitted, without a slot yet, in the order they came. */
  #waiting: Row[] = [];
  #wake: () => void = () => undefined;

  constructor(options: RemoteEngineOptions) {
    this.#settings = remoteEngineSettings(options);
    this.#dialect = dialects[this.#settings.dialect];
    this.#host = modelHost(this.#settings);
  }

  get slots(): number {
    return this.#settings.slots;
  }

  get waitingRoom(): number {
    return this.#settings.waitingRoom;
  }

  /** A server that somebody else runs is told to load a version in the place of the one that it serves. */
  get sharesWeights(): boolean {
    return !this.#host.servesTwo;
  }

  /** Removes what servers of engines that were killed have left behind. */
  start(): Promise<void> {
    return sweepServerFolders(this.#settings.folder);
  }

  loadVersion(policy: PolicyLocation): Promise<void> {
    return this.#calls.perform(() => this.#load(policy));
  }

  prepareVersion(policy: PolicyLocation | null): Promise<void> {
    return this.#calls.perform(() => this.#prepare(policy));
  }

  admit(requests: readonly SequenceRequest[]): Promise<void> {
    return this.#calls.perform(async () => this.#admit(requests));
  }

  generateChunk(): Promise<ChunkReport> {
    return this.#calls.perform(() => this.#chunk(), true);
  }

  cut(ids?: readonly string[]): Promise<SequenceResult[]> {
    const chosen = ids && new Set(ids);
    return this.#calls.perform(async () => {
      this.#requireRunning();
      return this.#leave((row) => !chosen || chosen.has(row.sequence.id));
    });
  }

  async status(): Promise<EngineStatus> {
    const bounds = this.#served?.bounds;
    return {
      policyVersion: this.#served?.version ?? null,
      device: this.#settings.dialect,
      slots: this.slots,
      running: this.#rows.length,
      vocabularySize: bounds?.vocabularySize ?? 0,
      maxContextTokens: bounds?.maxContextTokens ?? 0,
    };
  }

  /** A chunk or a load under way ends at once; then the servers end. */
  stop(): Promise<void> {
    this.#end.abort();
    this.#wake();
    return this.#calls.perform(async () => {
      await this.#leave(() => true);
      const [served, prepared] = [this.#served, this.#prepared];
      this.#served = null;
      this.#prepared = null;
      await Promise.all([served?.close(), prepared?.close()]);
    });
  }

  async #load(policy: PolicyLocation): Promise<void> {
    this.#requireRunning();
    const inside = this.#rows.length + this.#waiting.length;
    if (inside > 0) {
      throw new SegueError(
        'FAILED_PRECONDITION',
        `${inside} sequences run under version ${this.#served?.version}: cut them before loading version ${policy.version}`,
      );
    }
    const previous = this.#served;
    // Read before the prepared server is taken: should that fail, it is still there to be closed.
    const identity = this.#prepared && (await identityOf(policy));
    const prepared = this.#prepared;
    this.#prepared = null;
    if (prepared && !prepared.lost && prepared.identity === identity) {
      this.#served = prepared;
    } else {
      await prepared?.close();
      // Where no two can be served, a load that fails leaves a server that nobody knows the version of.
      if (!this.#host.servesTwo) this.#served = null;
      this.#served = await this.#host.open(policy, this.#end.signal);
    }
    await previous?.close();
  }

  async #prepare(policy: PolicyLocation | null): Promise<void> {
    this.#requireRunning();
    if (!this.#host.servesTwo) return;
    const identity = policy && (await identityOf(policy));
    if (policy && identity === this.#served?.identity) return;
    if (policy && identity === this.#prepared?.identity && !this.#prepared.lost) return;
    await this.#prepared?.close();
    this.#prepared = null;
    if (policy) this.#prepared = await this.#host.open(policy, this.#end.signal);
  }

  #admit(requests: readonly SequenceRequest[]): void {
    const { bounds } = this.#requireServed();
    const inside = [...this.#rows, ...this.#waiting];
    if (inside.length + requests.length > this.slots + this.waitingRoom) {
      throw new SegueError(
        'RESOURCE_EXHAUSTED',
        `${requests.length} sequences cannot join the ${inside.length} that run or wait: the engine has ${this.slots} slots and room for ${this.waitingRoom} that wait`,
      );
    }
    // Everything is checked before anything joins.
    const ids = new Set(inside.map(({ sequence }) => sequence.id));
    for (const request of requests) {
      if (ids.has(request.id)) throw new SegueError('INVALID_INPUT', `sequence ${request.id} runs already`);
      ids.add(request.id);
      requireSequence(request, bounds);
      const refusal = this.#dialect.refusal(request.sampling);
      if (refusal !== null) throw new SegueError('UNIMPLEMENTED', `sequence ${request.id}: ${refusal}`);
    }
    for (const request of requests) {
      const row = { sequence: new Sequence(request), completion: null, reported: 0 };
      joinWaiting<Row>(this.#waiting, row, ({ sequence }) => sequence.request);
    }
    this.#fillSlots();
  }

  async #chunk(): Promise<ChunkReport> {
    const served = this.#requireServed();
    if (this.#rows.length === 0) return nothing;
    const begin = performance.now();
    const rows = [...this.#rows];
    for (const row of rows) this.#begin(row, served);
    const due = this.#settings.chunkTokens * rows.length;
    await this.#until(() => rows.some(({ sequence }) => sequence.end !== null) || unreported(rows) >= due);
    const counts = rows.map(({ sequence, reported }) => sequence.newTokens - reported);
    for (const row of rows) row.reported = row.sequence.newTokens;
    const finished = await this.#leave(({ sequence }) => sequence.end !== null);
    const durationMs = performance.now() - begin;
    return {
      finished,
      ids: rows.map(({ sequence }) => sequence.id),
      running: this.#rows.length,
      rows: counts.filter((count) => count > 0).length,
      tokens: counts.reduce((sum, count) => sum + count, 0),
      steps: Math.max(...counts),
      durationMs,
      // The server does not tell its prefill from its decoding.
      prefillMs: 0,
      loopMs: durationMs,
    };
  }

  #begin(row: Row, served: ServedModel): void {
    row.sequence.begin(Date.now());
    row.completion ??= new Completion(row.sequence, served, this.#dialect, () => this.#wake());
  }

  /** Waits until the condition holds or the engine stops. @throws what a completion has failed with, DEADLINE_EXCEEDED after a silence */
  async #until(holds: () => boolean): Promise<void> {
    const { silenceTimeoutMs } = this.#settings;
    while (!holds() && !this.#end.signal.aborted) {
      this.#requireWell();
      let timer: NodeJS.Timeout | undefined;
      const silent = await new Promise<boolean>((resolve) => {
        this.#wake = () => resolve(false);
        timer = setTimeout(() => resolve(true), silenceTimeoutMs);
      });
      clearTimeout(timer);
      if (!silent) continue;
      this.#requireWell();
      throw new SegueError(
        'DEADLINE_EXCEEDED',
        `no token of ${this.#rows.length} sequences has come from ${this.#served?.url} in ${silenceTimeoutMs} ms (server.silenceTimeoutMs)`,
      );
    }
  }

  #requireWell(): void {
    const failure = this.#rows.find(({ completion }) => completion?.failure)?.completion?.failure;
    // That the server has ended says more than that it cannot be reached.
    if (failure) throw this.#served?.lost ?? failure;
  }

  /** Takes rows out, and their requests back; those that wait take the free slots. */
  async #leave(leaves: (row: Row) => boolean): Promise<SequenceResult[]> {
    const left = [...this.#rows, ...this.#waiting].filter(leaves);
    if (left.length === 0) return [];
    const stays = (row: Row) => !left.includes(row);
    this.#rows = this.#rows.filter(stays);
    this.#waiting = this.#waiting.filter(stays);
    await Promise.all(left.map(({ completion }) => completion?.stop()));
    this.#fillSlots();
    const nowMs = Date.now();
    return left.map(({ sequence }) => sequence.result(nowMs));
  }

  #fillSlots(): void {
    this.#rows.push(...this.#waiting.splice(0, this.slots - this.#rows.length));
  }

  #requireRunning(): void {
    if (this.#end.signal.aborted) throw new SegueError('FAILED_PRECONDITION', 'the engine has been stopped');
  }

  #requireServed(): ServedModel {
    this.#requireRunning();
    if (!this.#served)
      throw new SegueError('FAILED_PRECONDITION', 'the engine serves no policy version: load one first');
    return this.#served;
  }
}

/** Tokens that no chunk has reported. */
function unreported(rows: readonly Row[]): number {
  return rows.reduce((sum, { sequence, reported }) => sum + sequence.newTokens - reported, 0);
}
