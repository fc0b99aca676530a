/**
 * Prefill of one long stretch, a block per run, so that its owner can do something else between two runs: at 131072 tokens it takes
 * minutes. Why a stretch is prefilled is decided in prefill.ts.
 */
import { tensor } from '../graph/session.js';
import { type KvBlock, type KvPiece, piecesLength } from './kv.js';
import { KvBlocks } from './kv-blocks.js';
import { kvOutputs } from './kv-tensors.js';
import { prefillBlock } from './long-prefill-graph.js';
import type { DecodePolicy } from './policy.js';

/** Tokens whose keys and values are wanted, and those of what comes before them. */
export interface Stretch {
  readonly tokens: Int32Array;
  readonly past: readonly KvPiece[];
}

export class LongFill {
  readonly #tokens: Int32Array;
  readonly #past: number;
  readonly #kv: KvBlocks;

  constructor(policy: DecodePolicy, { tokens, past }: Stretch) {
    this.#tokens = tokens;
    this.#past = piecesLength(past);
    this.#kv = new KvBlocks(policy.kvShape, prefillBlock, this.#past + tokens.length);
    this.#kv.append(past);
  }

  get done(): boolean {
    return this.#kv.length === this.#past + this.#tokens.length;
  }

  /** Tokens that are before the next one. */
  get length(): number {
    return this.#kv.length;
  }

  /** Keys and values of the stretch's own tokens. */
  get pieces(): readonly KvPiece[] {
    return this.#kv.piecesFrom(this.#past);
  }

  /** Prefills up to the end of a block. @param most tokens @returns the work it took */
  async run(policy: DecodePolicy, most: number): Promise<number> {
    const before = this.#kv.length;
    const begun = before - this.#past;
    const next = this.#tokens.subarray(begun, begun + Math.min(this.#kv.room, most));
    const outputs = await policy.runLongPrefill({
      tokens: tensor('int64', [1, next.length], BigInt64Array.from(next, BigInt)),
      first: tensor('int64', [1], BigInt64Array.of(BigInt(this.#kv.length))),
      ...this.#kv.feeds(),
    });
    const block: KvBlock = { arrays: kvOutputs(policy.kvShape, outputs), rows: 1, columns: next.length };
    this.#kv.append([{ block, row: 0, from: 0, length: next.length }]);
    return policy.prefillWork(next.length, before);
  }
}
