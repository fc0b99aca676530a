/**
 * Emitted graphs, kept from version to version: where weights lie in files of the same shape, only the folder differs, and that is no part
 * of the graph. Those of weights in memory are not kept.
 */
import type { Builder } from '../graph/builder.js';
import { type EmittedModel, emit, emitBeside } from '../graph/emit.js';
import type { ModelWeights } from '../model/weights.js';

/** Prefill, that of long contexts, and every decode variant: shared, greedy, filtered, manyStops, weightsFirst, each or not. */
const maxGraphs = 2 + 2 ** 5;

export class GraphCache {
  #signature = '';
  readonly #graphs = new Map<string, EmittedModel>();

  /** The named graph over these weights. */
  emitted(name: string, weights: ModelWeights, build: (weights: ModelWeights) => Builder): EmittedModel {
    const { memory, signature } = weights;
    if (memory) return emitBeside(build(weights), memory, name);
    if (signature !== this.#signature) this.#graphs.clear();
    this.#signature = signature;
    const known = this.#graphs.get(name);
    if (known) return known;
    if (this.#graphs.size >= maxGraphs) this.#graphs.clear();
    const emitted = { model: emit(build(weights), name), externalData: [] };
    this.#graphs.set(name, emitted);
    return emitted;
  }
}
