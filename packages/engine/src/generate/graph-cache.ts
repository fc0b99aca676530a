/**
 * Emitted graphs, kept from version to version: where weights lie in files of the same shape, only the folder differs, and that is no part
 * of the graph. Graphs that hold their weights are not kept.
 */
import type { Builder } from '../graph/builder.js';
import { emit } from '../graph/emit.js';
import type { ModelWeights } from '../model/weights.js';

/** Prefill and every decode variant. */
const maxGraphs = 17;

export class GraphCache {
  #signature = '';
  readonly #graphs = new Map<string, Uint8Array>();

  /** The ModelProto of the named graph over these weights. */
  emitted(name: string, weights: ModelWeights, build: (weights: ModelWeights) => Builder): Uint8Array {
    if (weights.signature === null) return emit(build(weights), name);
    if (weights.signature !== this.#signature || this.#graphs.size >= maxGraphs) this.#graphs.clear();
    this.#signature = weights.signature;
    const known = this.#graphs.get(name);
    if (known) return known;
    const graph = emit(build(weights), name);
    this.#graphs.set(name, graph);
    return graph;
  }
}
