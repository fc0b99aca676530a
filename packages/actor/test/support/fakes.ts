/**
 * Stand-ins for what an actor talks to, each a dozen lines: an engine that counts, a queue in memory, a store that
 * knows one prompt.
 */
import type { Lease, LostTries, Registration } from '@segue/bus';
import {
  type ChunkReport,
  type EndReason,
  type Engine,
  type EngineStatus,
  joinWaiting,
  type PolicyLocation,
  type RolloutTask,
  type Segment,
  SegueError,
  type SequenceRequest,
  type SequenceResult,
  type Trajectory,
} from '@segue/core';
import { CallQueue } from '../../../engine/dist/generate/call-queue.js';

/** Lets everything that waits for nothing but promises come to rest. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 50; i++) await new Promise((resolve) => setImmediate(resolve));
}

/** Waits for a condition that other work brings about. */
export async function until(holds: () => boolean, what: string): Promise<void> {
  for (let i = 0; i < 2_000; i++) {
    if (holds()) return;
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  throw new Error(`never happened: ${what}`);
}

interface FakeSequence {
  readonly request: SequenceRequest;
  readonly tokens: number[];
}

/**
 * Writes the position of each token, `chunkTokens` per chunk; a response stops at `stopAt` tokens. A chunk runs when
 * the test lets it, or at once (`free`); what is called meanwhile comes after it, before the chunk after.
 */
export class FakeEngine implements Engine {
  readonly slots: number;
  readonly waitingRoom: number;
  sharesWeights = false;
  version: number | null = null;
  loads: number[] = [];
  /** null: what was ready was let go of. */
  readonly preparations: (number | null)[] = [];
  /** How many sequences ran in each chunk. */
  readonly chunks: number[] = [];
  /** Chunks that have been called, whether they have begun or not. */
  chunkCalls = 0;
  /** Calls for a cut, whether they have begun or not. */
  cuts = 0;
  stopAt = Number.POSITIVE_INFINITY;
  chunkTokens = 4;
  failNext: SegueError | null = null;
  failAdmission: SegueError | null = null;
  stopped = false;
  readonly running = new Map<string, FakeSequence>();
  readonly waiting: SequenceRequest[] = [];
  readonly admitted: string[] = [];
  readonly #calls = new CallQueue();
  #free = true;
  #gate: (() => void) | null = null;

  /** Whether chunks run at once; else each waits for `step`. */
  get free(): boolean {
    return this.#free;
  }
  set free(free: boolean) {
    this.#free = free;
    if (free) this.#gate?.();
  }

  constructor(slots: number) {
    this.slots = slots;
    this.waitingRoom = Math.ceil(slots / 2);
  }

  async start(): Promise<void> {}

  async loadVersion({ version }: PolicyLocation): Promise<void> {
    if (this.running.size > 0) throw new SegueError('FAILED_PRECONDITION', 'sequences run');
    this.version = version;
    this.loads.push(version);
  }

  async prepareVersion(policy: PolicyLocation | null): Promise<void> {
    this.preparations.push(policy?.version ?? null);
  }

  admit(requests: readonly SequenceRequest[]): Promise<void> {
    return this.#calls.perform(async () => {
      if (this.failAdmission) throw this.failAdmission;
      const bad = requests.find(({ promptTokens, id }) => promptTokens[0] === 99 || this.running.has(id));
      if (bad) throw new SegueError('INVALID_INPUT', `sequence ${bad.id} is refused`);
      const inside = this.running.size + this.waiting.length;
      if (inside + requests.length > this.slots + this.waitingRoom) {
        throw new SegueError('RESOURCE_EXHAUSTED', 'too many');
      }
      this.admitted.push(...requests.map(({ id }) => id));
      for (const request of requests) joinWaiting(this.waiting, request, (one) => one);
      this.#fillSlots();
    });
  }

  /** Lets one chunk run. */
  async step(): Promise<void> {
    await until(() => this.#gate !== null, 'a chunk that waits');
    this.#gate?.();
    await settle();
  }

  generateChunk(): Promise<ChunkReport> {
    this.chunkCalls++;
    return this.#calls.perform(() => this.#chunk(), true);
  }

  async #chunk(): Promise<ChunkReport> {
    const ids = [...this.running.keys()];
    if (ids.length > 0) this.chunks.push(ids.length);
    if (!this.#free && ids.length > 0) {
      await new Promise<void>((resolve) => {
        this.#gate = resolve;
      });
      this.#gate = null;
    }
    await new Promise((resolve) => setImmediate(resolve));
    const failure = this.failNext;
    this.failNext = null;
    if (failure) throw failure;
    const finished: SequenceResult[] = [];
    let tokens = 0;
    for (const { request, tokens: written } of [...this.running.values()]) {
      let reason: SequenceResult['endReason'] | null = null;
      for (let i = 0; i < this.chunkTokens && !reason; i++) {
        const position = request.responseTokens.length + written.length;
        written.push(position);
        tokens++;
        if (position + 1 >= this.stopAt) reason = 'stop';
        else if (position + 1 >= request.capTokens) reason = 'length';
        else if (written.length >= request.budgetTokens) reason = request.lastSpan ? 'length' : 'budget';
      }
      if (reason) finished.push(this.#end(request.id, reason));
    }
    this.#fillSlots();
    return {
      finished,
      ids,
      running: this.running.size,
      rows: ids.length,
      tokens,
      steps: this.chunkTokens,
      durationMs: 8,
      prefillMs: 0,
      loopMs: 8,
    };
  }

  cut(ids?: readonly string[]): Promise<SequenceResult[]> {
    this.cuts++;
    return this.#calls.perform(async () => {
      const isCut = (id: string) => !ids || ids.includes(id);
      const waiting = this.waiting.splice(0);
      this.waiting.push(...waiting.filter(({ id }) => !isCut(id)));
      const unbegun = waiting
        .filter(({ id }) => isCut(id))
        .map((request) => resultOf({ request, tokens: [] }, 'yield'));
      const begun = [...this.running.keys()].filter(isCut).map((id) => this.#end(id, 'yield'));
      this.#fillSlots();
      return [...begun, ...unbegun];
    });
  }

  async status(): Promise<EngineStatus> {
    const { slots, version: policyVersion } = this;
    return {
      policyVersion,
      device: 'cpu',
      slots,
      running: this.running.size,
      vocabularySize: 64,
      maxContextTokens: 64,
    };
  }

  /** Lets the chunk that runs end, and the one that was called ahead. */
  stop(): Promise<void> {
    this.stopped = true;
    this.free = true;
    return this.#calls.perform(async () => undefined);
  }

  #fillSlots(): void {
    for (const request of this.waiting.splice(0, this.slots - this.running.size)) {
      this.running.set(request.id, { request, tokens: [] });
    }
  }

  #end(id: string, endReason: Exclude<EndReason, 'error'>): SequenceResult {
    const sequence = this.running.get(id)!;
    this.running.delete(id);
    // As the engine does where the sequence may not go on in a later iteration.
    return resultOf(sequence, endReason === 'yield' && sequence.request.lastSpan ? 'length' : endReason);
  }
}

function resultOf({ request, tokens }: FakeSequence, endReason: Exclude<EndReason, 'error'>): SequenceResult {
  return {
    id: request.id,
    tokens: Int32Array.from(tokens),
    logProbs: new Float32Array(tokens.length).fill(-1),
    endReason,
    promptTokens: request.promptTokens.length,
    reprefillTokens: request.responseTokens.length,
    startedAtMs: 1,
    endedAtMs: 2,
  };
}

export const prompt = Int32Array.of(7, 8, 9);

export function evaluationRequest(id: string, capTokens = 6): SequenceRequest {
  return {
    id,
    promptKey: 'k',
    promptTokens: prompt,
    responseTokens: new Int32Array(0),
    seed: 1,
    sampling: { temperature: 1, topK: 0, topP: 1 },
    stopTokens: [2],
    budgetTokens: capTokens,
    capTokens,
    lastSpan: true,
    repeat: null,
  };
}

export function rolloutTask(member: number, more: Partial<RolloutTask> = {}): RolloutTask {
  return {
    runId: 'r',
    iteration: 3,
    policyVersion: 5,
    groupId: 'r-g0',
    trajectoryId: `r-g0-t${member}`,
    problemId: 'p',
    segmentIndex: 0,
    attempt: 0,
    seed: 1,
    sampling: { temperature: 1, topK: 0, topP: 1 },
    budgetTokens: 10,
    capTokens: 30,
    lastSpan: false,
    ...more,
  };
}

/** A lease that remembers what was done with it. */
export class FakeLease implements Lease<RolloutTask> {
  readonly value: RolloutTask;
  readonly deliveryCount: number;
  readonly #lost: number;
  readonly leaseMs = 9_000;
  extensions = 0;
  acked = false;
  givenBack: number | null = null;
  /** What was said of it, in order. */
  readonly notes: ('hold' | 'begin' | 'lose' | 'excuse')[] = [];

  constructor(value: RolloutTask, deliveryCount = 1, lost = deliveryCount - 1) {
    this.value = value;
    this.deliveryCount = deliveryCount;
    this.#lost = lost;
  }
  async lostDeliveries(): Promise<number> {
    return this.#lost;
  }
  extend(): void {
    this.extensions++;
  }
  async ack(): Promise<void> {
    this.acked = true;
  }
  giveBack(delayMs = 0): void {
    this.givenBack = delayMs;
  }
  hold(): void {
    this.notes.push('hold');
  }
  async begin(): Promise<void> {
    this.notes.push('begin');
  }
  lose(): void {
    this.notes.push('lose');
  }
  excuse(): void {
    this.notes.push('excuse');
  }
  get lost(): boolean {
    return this.notes.includes('lose');
  }
  async discard(): Promise<void> {}
}

/** A queue and a stream of segments in memory. */
export class FakeBus {
  readonly waiting: FakeLease[] = [];
  readonly pulls: number[] = [];
  readonly segments: Segment[] = [];
  /** Publications that fail before one goes through. */
  failures = 0;
  /** Holds publications back until it is called. */
  release: (() => void) | null = null;
  #held: Promise<void> | null = null;
  /** Lost tries by trajectory, beside those of earlier tasks. */
  readonly lostBefore = new Map<string, LostTries>();

  async markLostTries(task: RolloutTask, tries: number): Promise<void> {
    const { trajectoryId, segmentIndex } = task;
    const before = this.lostBefore.get(trajectoryId)?.tries ?? 0;
    this.lostBefore.set(trajectoryId, { trajectoryId, segmentIndex, tries: Math.max(before, tries) });
  }

  /** No other actor is known. */
  async registrations(): Promise<Registration[]> {
    return [];
  }

  async lostTries(): Promise<LostTries[]> {
    return [...this.lostBefore.values()];
  }

  put(...leases: FakeLease[]): FakeLease[] {
    this.waiting.push(...leases);
    return leases;
  }

  hold(): void {
    this.#held = new Promise((resolve) => {
      this.release = () => {
        this.#held = null;
        resolve();
      };
    });
  }

  async takeRolloutTasks(max: number, { waitMs, signal }: { waitMs: number; signal?: AbortSignal | undefined }) {
    this.pulls.push(max);
    for (let waited = 0; this.waiting.length === 0 && waited < waitMs && !signal?.aborted; waited += 2) {
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    return this.waiting.splice(0, max);
  }

  async publishSegment(_runId: string, segment: Segment): Promise<void> {
    await this.#held;
    if (this.failures-- > 0) throw new SegueError('UNAVAILABLE', 'the server is away');
    this.segments.push(segment);
  }
}

export function storedTrajectory(id: string, segments: readonly Int32Array[] = []): Trajectory {
  return {
    id,
    groupId: 'r-g0',
    problemId: 'p',
    promptTokens: prompt,
    state: segments.length > 0 ? 'unfinished' : 'pending',
    segments: segments.map((tokens, index) => ({
      id: `${id}-s${index}`,
      trajectoryId: id,
      index,
      attempt: 0,
      iteration: index,
      policyVersion: index,
      actorId: 'b',
      prefixHash: '',
      tokens,
      logProbs: new Float32Array(tokens.length),
      origins: null,
      lossMask: null,
      endReason: 'budget',
      error: null,
      meter: { promptTokens: 0, reprefillTokens: 0, startedAtMs: 0, endedAtMs: 0 },
    })),
    score: null,
  };
}
