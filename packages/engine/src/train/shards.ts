/** Rows dealt out to threads, and the threads' results put together again. Pure. */
import type { Device } from '../graph/session.js';
import type { TokenRow } from './batches.js';
import type { GradientResult, LogProbResult, PolicyGradientResult } from './training-types.js';

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

/** Rows with more tokens than this go alone. */
const longCallTokens = 8192;

/** Whether a row goes in a call of its own: `cutShard`. */
export function goesAlone({ tokens }: TokenRow, maxTokens = longCallTokens): boolean {
  return tokens.length > maxTokens;
}

/**
 * Cuts a shard into calls: a long row is one of its own, since it takes seconds to minutes, and a call's deadline should tell slow from
 * stuck whatever the number of rows. Rows that short share micro-batches, so they stay together.
 */
export function cutShard<R extends TokenRow>({ rows, indices }: Shard<R>, maxTokens = longCallTokens): Shard<R>[] {
  const partOf = (chosen: readonly number[]): Shard<R> => ({
    rows: chosen.map((at) => rows[at]!),
    indices: chosen.map((at) => indices[at]!),
  });
  const all = rows.map((_, at) => at);
  const long = all.filter((at) => goesAlone(rows[at]!, maxTokens));
  const short = all.filter((at) => !goesAlone(rows[at]!, maxTokens));
  return [...long.map((at) => partOf([at])), ...(short.length > 0 || long.length === 0 ? [partOf(short)] : [])];
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
