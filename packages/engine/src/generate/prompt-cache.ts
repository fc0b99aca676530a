/**
 * The prompts of the running sequences: each distinct one is prefilled once and its keys and values kept once while any sibling
 * lives. Also lays the siblings out for the decode graph's shared-prompt part, and judges whether that part pays.
 */
import { SegueError } from '@segue/core';
import type { KvPiece, KvShape } from './kv.js';

/** A prompt that running sequences share. */
export interface Prompt {
  readonly key: string;
  readonly tokens: Int32Array;
  /** Keys and values of all its tokens but the last, which each sibling reads itself; null until prefilled. */
  kv: KvPiece | null;
  /** Sequences that hold it. */
  members: number;
}

export class PromptCache {
  readonly #prompts = new Map<string, Prompt>();

  get size(): number {
    return this.#prompts.size;
  }

  /** Refuses a key that stands for another prompt. */
  requireSame(key: string, tokens: Int32Array): void {
    const known = this.#prompts.get(key);
    if (known && !sameTokens(known.tokens, tokens)) {
      throw new SegueError('INVALID_INPUT', `promptKey ${JSON.stringify(key)} names two different prompts`);
    }
  }

  /** Takes hold of a prompt for one sequence. */
  hold(key: string, tokens: Int32Array): Prompt {
    this.requireSame(key, tokens);
    let prompt = this.#prompts.get(key);
    if (!prompt) {
      prompt = { key, tokens, kv: null, members: 0 };
      this.#prompts.set(key, prompt);
    }
    prompt.members++;
    return prompt;
  }

  /** Lets go of it; with the last sibling its keys and values go. */
  release(prompt: Prompt): void {
    prompt.members--;
    if (prompt.members === 0) this.#prompts.delete(prompt.key);
  }
}

function sameTokens(a: Int32Array, b: Int32Array): boolean {
  return a.length === b.length && a.every((token, i) => token === b[i]);
}

/** Rows in groups of siblings: a grid of groups x members, with holes where a group has fewer. */
export interface SharedLayout {
  readonly prompts: readonly Prompt[];
  /** Members of the largest group. */
  readonly members: number;
  /** [groups * kvHeads, members]: which row (row * kvHeads + head) is read into each cell; holes read row 0. */
  readonly rowOfCell: BigInt64Array;
  /** [rows * kvHeads]: which cell holds each row's result. */
  readonly cellOfRow: BigInt64Array;
}

/** @param rows the prompt of each row of the batch */
export function sharedLayout(rows: readonly Prompt[], kvHeads: number): SharedLayout {
  const groups = new Map<Prompt, number[]>();
  rows.forEach((prompt, row) => {
    const members = groups.get(prompt);
    if (members) members.push(row);
    else groups.set(prompt, [row]);
  });
  const members = Math.max(...[...groups.values()].map((group) => group.length));
  const rowOfCell = new BigInt64Array(groups.size * kvHeads * members);
  const cellOfRow = new BigInt64Array(rows.length * kvHeads);
  [...groups.values()].forEach((group, g) => {
    group.forEach((row, member) => {
      for (let head = 0; head < kvHeads; head++) {
        const cell = (g * kvHeads + head) * members + member;
        rowOfCell[cell] = BigInt(row * kvHeads + head);
        cellOfRow[row * kvHeads + head] = BigInt(cell);
      }
    });
  });
  return { prompts: [...groups.keys()], members, rowOfCell, cellOfRow };
}

/**
 * Floats of prompt keys whose reading must be saved per step and layer before the shared part's extra operators pay: a fixed cost and
 * one per row. Measured with an earlier benchmark over batches of 8 to 32 and prompts of 16 to 256 tokens.
 */
const worthwhileSavedFloats = (rows: number) => 32_000 + 1_500 * rows;

/** Whether reading each prompt's keys and values once per group is cheaper than a private copy in every row. */
export function sharingPays(rows: readonly Prompt[], shape: KvShape): boolean {
  const distinct = new Set(rows);
  let privateColumns = 0;
  let longest = 0;
  for (const prompt of rows) privateColumns += prompt.tokens.length - 1;
  for (const prompt of distinct) longest = Math.max(longest, prompt.tokens.length - 1);
  const savedColumns = privateColumns - distinct.size * longest;
  return savedColumns * shape.kvHeads * shape.headSize >= worthwhileSavedFloats(rows.length);
}
