/**
 * Rows of tokens into padded micro-batches: sorted by length to keep padding small, bounded by padded tokens, and never a row
 * split. Knows nothing of losses: callers add their own per-token and per-row arrays.
 */
import { SegueError } from '@segue/core';
import { type Tensors, tensor } from '../graph/session.js';
import type { ModelConfig } from '../model/config.js';
import { attentionBlocks, longBlock, longestPadded } from './graphs.js';

/** One response with its prompt. Per-token arrays are as long as `tokens`; entry t belongs to token t. */
export interface TokenRow {
  /** Prompt, then response. */
  readonly tokens: Int32Array;
  /** 1 where the log-probability of the token is wanted. Token 0 has none. */
  readonly mask: Uint8Array;
}

/** A response with what the objective needs. Per-token arrays are as long as `tokens`. */
export interface PolicyRow extends TokenRow {
  /** Reward minus baseline. */
  readonly advantage: number;
  /** log pi of policy i for the masked tokens, at the sampling temperature; see `logProbs`. */
  readonly referenceLogProbs: Float32Array;
  /** Truncated importance weights; 1 for every token when left out. */
  readonly weights?: Float32Array;
}

export interface BatchLimits {
  /** Rows times padded length of a micro-batch; a longer row goes alone. */
  readonly maxTokens: number;
  /** Lengths are rounded up to a multiple, so that few sizes of memory are asked for. */
  readonly lengthMultiple: number;
  /** Longer rows are for the graph that computes in blocks. */
  readonly longRowTokens: number;
  /** Of the model: short rows are padded no further than its longest sequence needs. */
  readonly maxPositions: number;
}

export interface MicroBatch {
  /** Where the rows stand in the caller's list. */
  readonly indices: readonly number[];
  /** Padded length. */
  readonly length: number;
  /** Whether it is for the graph that computes in blocks of `longBlock` tokens. */
  readonly long: boolean;
  /** Trained tokens. */
  readonly tokens: number;
}

/** Throws INVALID_INPUT naming the row. */
export function requireRows(rows: readonly TokenRow[], { vocabularySize, maxPositions }: ModelConfig): void {
  rows.forEach(({ tokens, mask }, row) => {
    const refuse = (message: string) => new SegueError('INVALID_INPUT', `row ${row}: ${message}`);
    if (tokens.length < 2) throw refuse('has fewer than two tokens');
    if (tokens.length > maxPositions) throw refuse(`has ${tokens.length} tokens, the model takes ${maxPositions}`);
    if (mask.length !== tokens.length) throw refuse(`has ${tokens.length} tokens but a mask of ${mask.length}`);
    if (mask[0]) throw refuse('marks its first token, which no token predicts');
    const foreign = tokens.find((token) => token < 0 || token >= vocabularySize);
    if (foreign !== undefined) throw refuse(`has token ${foreign}, the vocabulary has ${vocabularySize}`);
  });
}

/** `requireRows`, and that the per-token arrays of each row fit its tokens. */
export function requirePolicyRows(rows: readonly PolicyRow[], config: ModelConfig): void {
  requireRows(rows, config);
  rows.forEach(({ tokens, referenceLogProbs, weights }, row) => {
    if (referenceLogProbs.length !== tokens.length || (weights && weights.length !== tokens.length)) {
      throw new SegueError(
        'INVALID_INPUT',
        `row ${row}: log-probs and weights must be as many as its ${tokens.length} tokens`,
      );
    }
  });
}

export function markedTokens({ mask }: TokenRow): number {
  let count = 0;
  for (const marked of mask) if (marked) count++;
  return count;
}

/** Rows without a marked token are left out. */
export function microBatches(
  rows: readonly TokenRow[],
  { maxTokens, lengthMultiple, longRowTokens, maxPositions }: BatchLimits,
): MicroBatch[] {
  const counts = rows.map(markedTokens);
  const usedLength = (index: number) => lastMarked(rows[index]!) + 1;
  const order = rows
    .map((_, index) => index)
    .filter((index) => counts[index]! > 0)
    .sort((a, b) => usedLength(b) - usedLength(a) || a - b);
  const batches: MicroBatch[] = [];
  for (let begin = 0; begin < order.length; ) {
    // The last marked token is a target only: it is not read.
    const longest = usedLength(order[begin]!) - 1;
    const long = longest > longRowTokens;
    const multiple = long ? longBlock : lengthMultiple;
    const rounded = Math.ceil(longest / multiple) * multiple;
    const length = long ? rounded : Math.min(rounded, longestPadded(maxPositions));
    const indices = order.slice(begin, begin + Math.max(1, Math.floor(maxTokens / length)));
    batches.push({ indices, length, long, tokens: indices.reduce((sum, index) => sum + counts[index]!, 0) });
    begin += indices.length;
  }
  return batches;
}

function lastMarked({ mask }: TokenRow): number {
  return mask.lastIndexOf(1);
}

/** Calls back for each marked token of a micro-batch, in order, with its row within the batch. */
export function forEachMarked(
  rows: readonly TokenRow[],
  { indices }: MicroBatch,
  visit: (row: number, index: number, token: number) => void,
): void {
  indices.forEach((index, row) => {
    const { mask } = rows[index]!;
    for (let token = 1; token < mask.length; token++) if (mask[token]) visit(row, index, token);
  });
}

/** Feeds that every graph over a micro-batch takes: tokens, positions, targets. Padding repeats token 0 and is never read. */
export function tokenFeeds(rows: readonly TokenRow[], batch: MicroBatch): Tensors {
  const { indices, length, long, tokens: marked } = batch;
  const tokens = new BigInt64Array(indices.length * length); // [B, T]
  indices.forEach((index, row) => {
    const source = rows[index]!.tokens;
    const count = Math.min(length, source.length);
    for (let t = 0; t < count; t++) tokens[row * length + t] = BigInt(source[t]!);
  });
  const blocks = long ? length / longBlock : attentionBlocks;
  const positions = new BigInt64Array(marked); // [N]
  const targets = new BigInt64Array(marked); // [N]
  let at = 0;
  forEachMarked(rows, batch, (row, index, token) => {
    positions[at] = BigInt(row * length + token - 1);
    targets[at++] = BigInt(rows[index]!.tokens[token]!);
  });
  return {
    tokens: tensor('int64', [indices.length, blocks, length / blocks], tokens),
    positions: tensor('int64', [marked], positions),
    targets: tensor('int64', [marked], targets),
  };
}

/** float32 [N] from per-token arrays; a row without one counts as `fallback`. */
export function perToken(
  rows: readonly TokenRow[],
  batch: MicroBatch,
  arrayOf: (index: number) => Float32Array | undefined,
  fallback: number,
): Float32Array {
  const values = new Float32Array(batch.tokens);
  let at = 0;
  forEachMarked(rows, batch, (_, index, token) => {
    values[at++] = arrayOf(index)?.[token] ?? fallback;
  });
  return values;
}

/** Puts values [N] of a micro-batch into per-token arrays, one per row. */
export function scatterTokens(
  rows: readonly TokenRow[],
  batch: MicroBatch,
  values: Float32Array,
  into: readonly Float32Array[],
): void {
  let at = 0;
  forEachMarked(rows, batch, (_, index, token) => {
    into[index]![token] = values[at++]!;
  });
}
