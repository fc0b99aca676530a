/**
 * What the actor asks of an inference engine, so that another one can take its place.
 * An engine knows token ids, not text, network or reward. It generates in chunks: between two chunks sequences join and
 * leave.
 *
 * Calls may be made ahead: an engine performs one after the other, in the order of the calls, but a chunk that has not begun lets all others
 * pass. So an engine that has the call for its next chunk already waits for nobody between two chunks, and yet whoever joins or is cut waits for
 * no more than the chunk that runs.
 */
import type { EndReason, Sampling } from './domain.js';

/** Stop tokens that one sequence may have: they are compared in the graph at every step. */
export const maxStopTokens = 32;

/** Smallest sampling temperature beside 0, which is greedy: below it logits overflow or all but one token vanish. */
export const minTemperature = 0.01;

/** Where a policy version lies on this host. */
export interface PolicyLocation {
  readonly version: number;
  /** Folder in Hugging Face layout: config.json, model.safetensors, tokenizer.json. */
  readonly folder: string;
}

/** When to call a token sequence a repetition (see core/repeat.ts for the rule). */
export interface RepeatRule {
  /** Longest period that is looked for, in tokens. */
  readonly maxPeriod: number;
  /** A sequence repeats when its tail is periodic over at least this many periods... */
  readonly minRepeats: number;
  /** ...and over at least this many tokens. */
  readonly minTokens: number;
}

/** A sequence to begin or to go on with. */
export interface SequenceRequest {
  /** Trajectory id; with `seed` and the position it decides every random number. */
  readonly id: string;
  /** Sequences with the same key have the same prompt and may share its keys and values. */
  readonly promptKey: string;
  readonly promptTokens: Int32Array;
  /** Response tokens of earlier segments. */
  readonly responseTokens: Int32Array;
  readonly seed: number;
  readonly sampling: Sampling;
  readonly stopTokens: readonly number[];
  /** New tokens allowed now, at least 1. */
  readonly budgetTokens: number;
  /** Response tokens allowed in all, more than `responseTokens.length`. */
  readonly capTokens: number;
  readonly lastSpan: boolean;
  /** null switches repeat detection off. */
  readonly repeat: RepeatRule | null;
  /** Goes before sequences that wait for a slot and do not pass: somebody waits for its answer. */
  readonly passesWaiting?: boolean;
}

/** A sequence that left the engine. `tokens` are the new ones alone. */
export interface SequenceResult {
  readonly id: string;
  readonly tokens: Int32Array;
  /** Same length as `tokens`. */
  readonly logProbs: Float32Array;
  readonly endReason: Exclude<EndReason, 'error'>;
  /** Prompt tokens prefilled for this sequence; 0 when a sibling's were shared. */
  readonly promptTokens: number;
  readonly reprefillTokens: number;
  readonly startedAtMs: number;
  readonly endedAtMs: number;
}

export interface ChunkReport {
  readonly finished: readonly SequenceResult[];
  /** Sequences that held a slot in the chunk, be it to decode or to be prefilled. */
  readonly ids: readonly string[];
  /** Sequences in slots after the chunk; those that waited have taken the free ones. */
  readonly running: number;
  /** Sequences that decoded in the chunk: those whose context was there. */
  readonly rows: number;
  /** New tokens that count (not those past an end). */
  readonly tokens: number;
  readonly steps: number;
  /** Wall time of the chunk, prefill of the joined included. A chunk may be prefill alone: long contexts take several, without steps. */
  readonly durationMs: number;
  readonly prefillMs: number;
  /** Time inside the decode loop. The rest of the chunk is prefill, packing and accounting. */
  readonly loopMs: number;
}

export interface EngineStatus {
  readonly policyVersion: number | null;
  readonly device: string;
  readonly slots: number;
  /** Sequences in slots. */
  readonly running: number;
  readonly vocabularySize: number;
  /** Longest prompt plus response. */
  readonly maxContextTokens: number;
}

export interface Engine {
  /** Sequences that can run at once. */
  readonly slots: number;
  /** Sequences that may wait inside, beyond those that run: they take slots as these become free, first come, first served, but for those that pass. */
  readonly waitingRoom: number;
  /**
   * Whether another engine like it would load its version into the same server, in the place of this one's: it has no other beside it then. Left out: each has
   * weights of its own.
   */
  readonly sharesWeights?: boolean;
  start(): Promise<void>;
  /** Loads a version. Refused while sequences run or wait: cut them first. */
  loadVersion(policy: PolicyLocation): Promise<void>;
  /**
   * Makes a version ready, so that loading it is a switch; sequences may run. One version is kept ready, beside the one that is served: another
   * call, or loading another version, lets it go. What an engine cannot prepare it loads when it is told to.
   * @param policy null lets go of what is ready: its files are not what they should be
   */
  prepareVersion(policy: PolicyLocation | null): Promise<void>;
  /**
   * Sequences join at the next chunk, or wait. Refused past slots and waiting room, for a foreign token id, or past the context (INVALID_INPUT); with
   * UNIMPLEMENTED for what this engine cannot do and another may.
   */
  admit(requests: readonly SequenceRequest[]): Promise<void>;
  /** Runs one chunk; returns at once when nothing runs. */
  generateChunk(): Promise<ChunkReport>;
  /** Ends sequences (all when `ids` is left out) with `yield`, or `length` on the last span; those that wait come back without tokens. */
  cut(ids?: readonly string[]): Promise<SequenceResult[]>;
  status(): Promise<EngineStatus>;
  /** Drains, then frees the thread. */
  stop(): Promise<void>;
}
