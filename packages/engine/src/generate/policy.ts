/**
 * A policy version as it is served: the checkpoint's parameters and the sessions made from them. The decode graph has variants; each is
 * built when a batch first needs it. Knows nothing of sequences.
 */
import { assert, type PolicyLocation } from '@segue/core';
import { emitBeside } from '../graph/emit.js';
import { Session, type Tensors } from '../graph/session.js';
import { type Checkpoint, readCheckpoint } from '../model/checkpoint.js';
import { type DecodeVariant, decodeGraph } from './decode-graph.js';
import type { EngineSettings } from './engine-options.js';
import type { KvShape } from './kv.js';
import { prefillGraph } from './prefill-graph.js';

const plain: DecodeVariant = { shared: false, greedy: false, filtered: false, manyStops: false };

function variantKey(variant: DecodeVariant): string {
  const flags = Object.entries(variant).filter(([, on]) => on);
  return ['decode', ...flags.map(([name]) => name)].join(' ');
}

export class DecodePolicy {
  readonly version: number;
  readonly kvShape: KvShape;
  readonly vocabularySize: number;
  readonly maxContextTokens: number;
  readonly #checkpoint: Checkpoint;
  readonly #settings: EngineSettings;
  #prefill: Session | null = null;
  readonly #decode = new Map<string, { readonly variant: DecodeVariant; readonly session: Session }>();
  #runtimeMs = 0;

  private constructor(version: number, checkpoint: Checkpoint, settings: EngineSettings) {
    const { layers, kvHeads, headSize, vocabularySize, maxPositions } = checkpoint.config;
    this.version = version;
    this.kvShape = { layers, kvHeads, headSize };
    this.vocabularySize = vocabularySize;
    this.maxContextTokens = maxPositions;
    this.#checkpoint = checkpoint;
    this.#settings = settings;
  }

  /** Reads and checks a version's files; builds nothing yet. */
  static async read(location: PolicyLocation): Promise<Checkpoint> {
    return readCheckpoint(location.folder);
  }

  /**
   * Builds the sessions of a version.
   * @param variants decode variants to build at once rather than at first use: those that the version before it needed
   */
  static async open(
    version: number,
    checkpoint: Checkpoint,
    settings: EngineSettings,
    variants: readonly DecodeVariant[] = [plain],
  ): Promise<DecodePolicy> {
    const policy = new DecodePolicy(version, checkpoint, settings);
    try {
      policy.#prefill = await policy.#session('prefill', prefillGraph);
      for (const variant of variants) await policy.#decodeSession(variant);
    } catch (error) {
      await policy.release();
      throw error;
    }
    return policy;
  }

  /** The decode variants that have been built. */
  get variants(): readonly DecodeVariant[] {
    return [...this.#decode.values()].map(({ variant }) => variant);
  }

  /** Time spent inside the runtime. */
  get runtimeMs(): number {
    return this.#runtimeMs;
  }

  async runPrefill(feeds: Tensors): Promise<Tensors> {
    assert(this.#prefill, 'the policy is open');
    return this.#run(this.#prefill, feeds);
  }

  async runDecode(variant: DecodeVariant, feeds: Tensors): Promise<Tensors> {
    return this.#run(await this.#decodeSession(variant), feeds);
  }

  /** Frees the sessions. */
  async release(): Promise<void> {
    const sessions = [this.#prefill, ...[...this.#decode.values()].map(({ session }) => session)];
    this.#prefill = null;
    this.#decode.clear();
    for (const session of sessions) await session?.dispose();
  }

  async #run(session: Session, feeds: Tensors): Promise<Tensors> {
    const begin = performance.now();
    try {
      return await session.run(feeds);
    } finally {
      this.#runtimeMs += performance.now() - begin;
    }
  }

  async #decodeSession(variant: DecodeVariant): Promise<Session> {
    const key = variantKey(variant);
    const known = this.#decode.get(key);
    if (known) return known.session;
    const session = await this.#session(key, (layout, parameters) => decodeGraph(layout, parameters, variant));
    this.#decode.set(key, { variant, session });
    return session;
  }

  #session(name: string, build: typeof prefillGraph): Promise<Session> {
    const { layout, parameters } = this.#checkpoint;
    const { device, threads } = this.#settings;
    const { model, externalData } = emitBeside(build(layout, parameters), parameters.buffer, name);
    return Session.create(model, {
      device,
      threads,
      externalData,
      name: `${name} of version ${this.version}`,
    });
  }
}
