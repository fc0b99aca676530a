/**
 * A policy version as it is served: its weights and the sessions made from them. The decode graph has variants; each is
 * built when a batch first needs it. Knows nothing of sequences.
 *
 * Weights are mapped from the version's file, so that all sessions and processes of a host share its pages. The decode graphs
 * lay theirs out anew where that is asked for (a copy per graph, 5 to 20 % faster per step); graphs that take the weights first, and prefill,
 * which multiplies whole windows at once, gain nothing by it.
 */
import { assert, type PolicyLocation } from '@segue/core';
import type { Builder } from '../graph/builder.js';
import { addProductCheck } from '../graph/product-check.js';
import { Session, type Tensors } from '../graph/session.js';
import { type ModelWeights, openWeights } from '../model/weights.js';
import { type DecodeVariant, decodeGraph } from './decode-graph.js';
import type { EngineSettings } from './engine-options.js';
import type { GraphCache } from './graph-cache.js';
import type { KvShape, KvType } from './kv.js';
import { longPrefillGraph } from './long-prefill-graph.js';
import { prefillGraph } from './prefill-graph.js';
import { weightsFirstPays } from './weights-first.js';

function variantKey(variant: DecodeVariant): string {
  const flags = Object.entries(variant).filter(([, on]) => on);
  return ['decode', ...flags.map(([name]) => name)].join(' ');
}

/** Attention of narrower models takes no less time. */
const leastWidth = 128;
/** How much more prefill work a call takes on a GPU than on a core: some 1.4 s of an H100, about as long as it decodes a chunk, so that few slots wait for their turn. */
const cudaPrefill = 1024;
/** Models with more parameters prefill faster on several threads. */
const threadedParameters = 8_000_000;

interface DecodeSession {
  readonly variant: DecodeVariant;
  readonly session: Session;
  /** Whether a batch has needed it. */
  used: boolean;
}

export class DecodePolicy {
  readonly version: number;
  readonly kvShape: KvShape;
  readonly vocabularySize: number;
  readonly maxContextTokens: number;
  readonly #weights: ModelWeights;
  readonly #settings: EngineSettings;
  readonly #graphs: GraphCache;
  readonly #dtype: KvType;
  #prefill: Session | null = null;
  /** Built when a long context first needs it. */
  #longPrefill: Session | null = null;
  readonly #decode = new Map<string, DecodeSession>();
  #runtimeMs = 0;

  private constructor(version: number, weights: ModelWeights, settings: EngineSettings, graphs: GraphCache) {
    const { layers, kvHeads, headSize, vocabularySize, maxPositions } = weights.layout.config;
    this.version = version;
    this.#dtype = settings.precision === 'float16' ? 'float16' : 'float32';
    this.kvShape = { layers, kvHeads, headSize, dtype: this.#dtype };
    this.vocabularySize = vocabularySize;
    this.maxContextTokens = maxPositions;
    this.#weights = weights;
    this.#settings = settings;
    this.#graphs = graphs;
  }

  /** Opens and checks a version's files; builds nothing yet. */
  static async read(location: PolicyLocation): Promise<ModelWeights> {
    return openWeights(location.folder);
  }

  /**
   * Builds the sessions of a version.
   * @param variants decode variants to build at once rather than at first use: those that batches of the version before it needed
   */
  static async open(
    version: number,
    weights: ModelWeights,
    settings: EngineSettings,
    graphs: GraphCache,
    variants: readonly DecodeVariant[] = [],
  ): Promise<DecodePolicy> {
    const policy = new DecodePolicy(version, weights, settings, graphs);
    try {
      policy.#prefill = await policy.#session('prefill', (weights) => prefillGraph(weights, policy.#dtype), false);
      for (const variant of variants.length > 0 ? variants : [policy.#plain]) await policy.#decodeSession(variant);
    } catch (error) {
      await policy.release();
      throw error;
    }
    return policy;
  }

  /** The variant that nothing is asked of, for a full batch. */
  get #plain(): DecodeVariant {
    const weightsFirst = this.weightsFirst(this.#settings.slots);
    return { shared: false, greedy: false, filtered: false, manyStops: false, weightsFirst };
  }

  /** Whether a batch of that many rows takes the variant of that name. */
  weightsFirst(rows: number): boolean {
    const { weightsFirst, device } = this.#settings;
    if (weightsFirst !== 'auto') return weightsFirst === 'always';
    return weightsFirstPays(rows, this.#weights.layout.length, device);
  }

  /** Multiplications that tokens take in prefill, about: one per parameter, and half of those with the keys and values before, which run faster. */
  prefillWork(tokens: number, before: number): number {
    const { layers, heads, headSize } = this.#weights.layout.config;
    const width = Math.max(leastWidth, heads * headSize);
    return tokens * (this.#weights.layout.parameters + layers * width * (before + tokens / 2));
  }

  /** Prefill work of one call. Operators of a small model gain nothing by threads. */
  get prefillBudget(): number {
    const { device, threads, prefillWork } = this.#settings;
    if (device === 'cuda') return prefillWork * cudaPrefill;
    return prefillWork * (this.#weights.layout.parameters > threadedParameters ? threads : 1);
  }

  /** Whether this is what `weights` would make under that version. */
  isOf(version: number, weights: ModelWeights): boolean {
    return this.version === version && this.#weights.identity === weights.identity;
  }

  /** The decode variants that batches have needed. */
  get usedVariants(): readonly DecodeVariant[] {
    return [...this.#decode.values()].filter(({ used }) => used).map(({ variant }) => variant);
  }

  /** Time spent inside the runtime. */
  get runtimeMs(): number {
    return this.#runtimeMs;
  }

  async runPrefill(feeds: Tensors): Promise<Tensors> {
    assert(this.#prefill, 'the policy is open');
    return this.#run(this.#prefill, feeds);
  }

  async runLongPrefill(feeds: Tensors): Promise<Tensors> {
    this.#longPrefill ??= await this.#session(
      'long prefill',
      (weights) => longPrefillGraph(weights, this.#dtype),
      false,
    );
    return this.#run(this.#longPrefill, feeds);
  }

  async runDecode(variant: DecodeVariant, feeds: Tensors): Promise<Tensors> {
    const decode = await this.#decodeSession(variant);
    decode.used = true;
    return this.#run(decode.session, feeds);
  }

  /** Frees the sessions. */
  async release(): Promise<void> {
    const sessions = [this.#prefill, this.#longPrefill, ...[...this.#decode.values()].map(({ session }) => session)];
    this.#prefill = null;
    this.#longPrefill = null;
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

  async #decodeSession(variant: DecodeVariant): Promise<DecodeSession> {
    const key = variantKey(variant);
    const known = this.#decode.get(key);
    if (known) return known;
    const build = (weights: ModelWeights) => decodeGraph(weights, variant, this.#dtype);
    const session = await this.#session(key, build, this.#settings.packWeights);
    const made = { variant, session, used: false };
    this.#decode.set(key, made);
    return made;
  }

  #session(name: string, build: (weights: ModelWeights) => Builder, pack: boolean): Promise<Session> {
    const { device, precision, threads } = this.#settings;
    const { filesFolder } = this.#weights;
    const { model, externalData } = this.#graphs.emitted(name, this.#weights, (weights) => {
      const b = build(weights);
      if (device === 'cuda' && precision === 'float32') addProductCheck(b);
      return b;
    });
    return Session.create(model, {
      device,
      threads,
      externalData,
      // Weights that come from memory are copied anyway.
      prepack: pack || filesFolder === null,
      ...(filesFolder === null ? {} : { filesFolder }),
      name: `${name} of version ${this.version}`,
    });
  }
}
