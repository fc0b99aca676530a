/** Rows dealt out to threads, and the threads' results put together again. Pure. */
import type { Device } from '../graph/session.js';
import type { ParameterLayout } from '../model/layout.js';
import { type BatchLimits, microBatches, type TokenRow } from './batches.js';
import {
  defaultBatching,
  type GradientResult,
  type LogProbResult,
  type PolicyGradientResult,
  type TrainingOptions,
} from './training-types.js';

/** The rows of one thread, and where they stand in the caller's list. */
export interface Shard<R extends TokenRow> {
  readonly rows: readonly R[];
  readonly indices: readonly number[];
}

/** Above so many parameters, copies of them and of their gradient cost more than is lost when threads share an operator. */
const maxDataParallelParameters = 8_000_000;

export interface ThreadPlan {
  /** Threads that compute the gradients of their own rows, each with a copy of the parameters. */
  readonly workers: number;
  /** Threads that share an operator. */
  readonly operatorThreads: number;
}

/** How a number of threads is used: side by side for a small policy, inside the operators for a large one. A GPU has one worker. */
export function planThreads(parameters: number, threads: number, device: Device = 'cpu'): ThreadPlan {
  if (device === 'cuda') return { workers: 1, operatorThreads: 1 };
  return parameters > maxDataParallelParameters
    ? { workers: 1, operatorThreads: threads }
    : { workers: threads, operatorThreads: 1 };
}

/** Deals rows out like cards, longest first, back and forth: every thread gets like lengths. A function of the rows alone. */
export function dealRows<R extends TokenRow>(rows: readonly R[], threads: number): Shard<R>[] {
  const order = rows.map((_, index) => index).sort((a, b) => rows[b]!.tokens.length - rows[a]!.tokens.length || a - b);
  const hands = Array.from({ length: threads }, (): number[] => []);
  order.forEach((index, card) => {
    const round = Math.floor(card / threads);
    const seat = card % threads;
    hands[round % 2 === 0 ? seat : threads - 1 - seat]!.push(index);
  });
  return hands.map((indices) => ({ rows: indices.map((index) => rows[index]!), indices }));
}

/** A row with more is a call of its own: each takes seconds, and the deadline is then that of one. */
const longCallTokens = 8192;
/** Work of one call, see `TrainingOptions`: half a minute of a slow core, so that a small policy's step is not parted. */
export const defaultCallWork = 2 ** 38;
/**
 * How much more work is a call's on a GPU. A step is one run there and is not to be parted: in parts the weights cross the bus with every micro-batch. About six minutes of
 * an H100 at 0.5 billion parameters (docs/cuda.md has its pace), so that only what nears the deadline of a call is cut.
 */
const cudaWork = 2 ** 14;
/** A gradient takes so many times what the log-probs take. */
const passes = 3;
/** A call takes so many tokens however large the model is: fewer would spend their time on adding up gradients. */
const leastTokens = 256;

/** What bounds a call. */
export interface CallBounds {
  /** Rows with more tokens go alone. */
  readonly longTokens: number;
  readonly work: number;
  /** Work of a token in a row of that length. */
  readonly workPerToken: (length: number) => number;
  readonly batches: BatchLimits;
}

/** @param threads that share an operator */
export function callBounds(
  { config, parameters }: ParameterLayout,
  options: TrainingOptions,
  threads: number,
): CallBounds {
  const { layers, heads, headSize, maxPositions } = config;
  const { device = 'cpu', callWork = defaultCallWork } = options;
  const { maxTokensPerMicroBatch: maxTokens, lengthMultiple, longRowTokens } = { ...defaultBatching, ...options };
  return {
    longTokens: longCallTokens,
    work: callWork * (device === 'cuda' ? cudaWork : threads),
    workPerToken: (length) => passes * (parameters + layers * heads * headSize * length),
    batches: { maxTokens, lengthMultiple, longRowTokens, maxPositions },
  };
}

/**
 * Cuts a shard into calls, since a call's deadline should tell slow from stuck whatever the number of rows and the model's size: a long row is one
 * of its own, the others go by micro-batches, which stay as they are unless one alone is too much work.
 */
export function cutShard<R extends TokenRow>({ rows, indices }: Shard<R>, bounds: CallBounds): Shard<R>[] {
  const partOf = (chosen: readonly number[]): Shard<R> => ({
    rows: chosen.map((at) => rows[at]!),
    indices: chosen.map((at) => indices[at]!),
  });
  const all = rows.map((_, at) => at);
  const isLong = (at: number) => rows[at]!.tokens.length > bounds.longTokens;
  const short = all.filter((at) => !isLong(at));
  const parts: number[][] = all.filter(isLong).map((at) => [at]);
  let part: number[] = [];
  let left = 0;
  for (const { chosen, work } of pieces(
    short.map((at) => rows[at]!),
    bounds,
  )) {
    if (part.length === 0 || work > left) {
      part = [];
      parts.push(part);
      left = bounds.work;
    }
    left -= work;
    part.push(...chosen.map((at) => short[at]!));
  }
  // Rows of which nothing is trained cost nothing, and are answered all the same.
  const taken = new Set(parts.flat());
  const rest = short.filter((at) => !taken.has(at));
  if (part.length > 0) part.push(...rest);
  else if (rest.length > 0 || parts.length === 0) parts.push(rest);
  // In the caller's order: rows of one length then share micro-batches as they did uncut.
  return parts.map((chosen) => partOf(chosen.sort((a, b) => a - b)));
}

/** Micro-batches of short rows with their work; one that is too much for a call in several. */
function* pieces(
  rows: readonly TokenRow[],
  { work, workPerToken, batches }: CallBounds,
): Generator<{ readonly chosen: readonly number[]; readonly work: number }> {
  for (const { indices, length } of microBatches(rows, batches)) {
    const tokens = Math.max(leastTokens, work / workPerToken(length));
    const count = Math.max(1, Math.floor(tokens / length));
    for (let begin = 0; begin < indices.length; begin += count) {
      const chosen = indices.slice(begin, begin + count);
      yield { chosen, work: chosen.length * length * workPerToken(length) };
    }
  }
}

type Part<R> = readonly [shard: Shard<TokenRow>, result: R];

export function mergeLogProbs(count: number, parts: readonly Part<LogProbResult>[]): LogProbResult {
  const logProbs: Float32Array[] = Array.from({ length: count });
  let entropy = 0;
  let tokens = 0;
  for (const [{ indices }, result] of parts) {
    indices.forEach((index, row) => {
      logProbs[index] = result.logProbs[row]!;
    });
    entropy += result.entropy * result.tokens;
    tokens += result.tokens;
  }
  return { logProbs, entropy: entropy / Math.max(1, tokens), tokens };
}

export function mergeGradients(count: number, parts: readonly Part<GradientResult>[]): GradientResult {
  const sum = (of: (result: GradientResult) => number) => parts.reduce((total, [, result]) => total + of(result), 0);
  return {
    ...mergeLogProbs(count, parts),
    loss: sum(({ loss }) => loss),
    rows: sum(({ rows }) => rows),
    microBatches: sum(({ microBatches }) => microBatches),
    paddedTokens: sum(({ paddedTokens }) => paddedTokens),
  };
}

export function mergePolicyGradients(
  count: number,
  parts: readonly Part<PolicyGradientResult>[],
): PolicyGradientResult {
  const merged = mergeGradients(count, parts);
  const logRatios = new Float32Array(count);
  let squares = 0;
  for (const [{ indices }, result] of parts) {
    indices.forEach((index, row) => {
      logRatios[index] = result.logRatios[row]!;
    });
    squares += result.squaredLogRatio * result.rows;
  }
  return { ...merged, logRatios, squaredLogRatio: squares / Math.max(1, merged.rows) };
}
