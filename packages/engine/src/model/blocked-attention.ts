/**
 * Causal attention in blocks, with a gradient of its own: neither keeps scores, so that memory grows with the length and not with its
 * square. Queries meet keys block by block under a running maximum and sum; from the sum's logarithm the gradient computes the same weights again
 * (FlashAttention, Dao et al., 2022). Blocks above the diagonal are never visited. Works on stacks of n blocks of Q tokens; each
 * block holds E = B*G pairs of row and key-value head, and the R = H/G query heads of one such pair as rows of its products.
 */
import { mapBlocks, tripCount } from '../graph/blockwise.js';
import type { Builder } from '../graph/builder.js';
import type { Dim } from '../graph/tensor-type.js';
import type { Value } from '../graph/value.js';
import { causalMask } from './decoder.js';

/** Rotated queries [n, E, R*Q, D], rotated keys and values [n, E, Q, D]. */
export interface BlockedHeads {
  readonly q: Value;
  readonly k: Value;
  readonly v: Value;
}

export interface Attended {
  /** [..., D], as the queries. */
  readonly output: Value;
  /** log of the sum of exp(score) of each query, [..., 1]. */
  readonly logSums: Value;
}

/** [R*Q, Q]: what is added to the scores of a block's queries against its own keys. */
function diagonalMask(b: Builder, { q, k }: BlockedHeads): Value {
  const [rows, block] = [Number(q.shape[2]), Number(k.shape[2])];
  const repeats = rows / block;
  return b.reshape(b.expand(causalMask(b, block, q.dtype), [repeats, block, block]), [rows, block]);
}

/** What some queries meet: their own keys under a mask, and whole blocks before them. */
export interface Met {
  readonly own: { readonly k: Value; readonly v: Value };
  /** Added to the scores of the own keys, [rows, keys]. */
  readonly mask: Value;
  /** [blocks, E, Q, D] */
  readonly earlier: { readonly k: Value; readonly v: Value };
  /** int64 []: how many of the earlier blocks. */
  readonly count: Value;
}

/** Attention of queries [E, rows, D] -> output [E, rows, D] and log sums [E, rows, 1]. No block's scores outlive the block. */
export function attendInBlocks(b: Builder, query: Value, { own, mask, earlier, count }: Met): Attended {
  const alpha = 1 / Math.sqrt(Number(query.shape[2]));
  const scores = b.add(b.matmul(query, own.k, { transB: true, alpha }), mask); // [E, rows, keys]
  const highest = b.reduceMax(scores, [-1], true); // [E, rows, 1]
  const weights = b.exp(b.sub(scores, highest));
  const { carried } = b.loop(
    count,
    [
      { name: 'highest', initial: highest },
      { name: 'sum', initial: b.reduceSum(weights, [-1], true) },
      { name: 'output', initial: b.matmul(weights, own.v) },
    ],
    ({ graph, trip, carried: [before, sum, output] }) => {
      const scores = graph.matmul(query, graph.gather(earlier.k, trip), { transB: true, alpha }); // [E, rows, Q]
      const now = graph.max(before!, graph.reduceMax(scores, [-1], true));
      const kept = graph.exp(graph.sub(before!, now));
      const weights = graph.exp(graph.sub(scores, now));
      return {
        carried: [
          now,
          graph.add(graph.mul(sum!, kept), graph.reduceSum(weights, [-1], true)),
          graph.add(graph.mul(output!, kept), graph.matmul(weights, graph.gather(earlier.v, trip))),
        ],
      };
    },
  );
  const [maximum, sum, output] = carried as [Value, Value, Value];
  return { output: b.div(output, sum), logSums: b.add(maximum, b.log(sum)) };
}

/** Attention of every token to itself and to what came before it. Carries no gradient: see `blockedAttentionGradients`. */
export function blockedAttention(b: Builder, heads: BlockedHeads): Attended {
  const { q, k, v } = heads;
  const mask = diagonalMask(b, heads);
  const [output, logSums] = mapBlocks(b, [q, k, v], (body, [query, ownK, ownV], number) => {
    const own = { k: ownK!, v: ownV! };
    const attended = attendInBlocks(body, query!, { own, mask, earlier: { k, v }, count: number });
    return [attended.output, attended.logSums];
  });
  return { output: output!, logSums: logSums! };
}

/** Appends a column to the last axis: [..., D] -> [..., D+1]. */
function withColumn(b: Builder, value: Value, column: Value): Value {
  return b.concat([value, column], value.rank - 1);
}

/**
 * The gradients of `blockedAttention`. A row of weights is exp(score - logSum), and the gradient of a score is its weight times
 * (gradient of the weight - along), where `along` is the sum of gradient times output over the head. Both subtractions ride on
 * the products before them, as one more column on either side.
 * @param gradient of the output, [n, E, R*Q, D]
 */
export function blockedAttentionGradients(
  b: Builder,
  heads: BlockedHeads,
  { output, logSums }: Attended,
  gradient: Value,
): BlockedHeads {
  const { q, k, v } = heads;
  const [count, pairs, rows, size] = q.shape as readonly [Dim, Dim, Dim, Dim];
  const alpha = 1 / Math.sqrt(Number(size));
  const ones = b.expand(b.scalar(1, q.dtype), [...k.shape.slice(0, 3), 1]);
  const along = b.reduceSum(b.mul(gradient, output), [-1], true);
  const wide = {
    q: withColumn(b, b.mul(q, alpha), b.neg(logSums)),
    k: withColumn(b, k, ones),
    v: withColumn(b, v, ones),
    gradient: withColumn(b, gradient, b.neg(along)),
  };
  const mask = diagonalMask(b, heads);
  const trips = tripCount(b, count);

  /** What the queries of block i and the keys of block j give each other. */
  const meet = (body: Builder, i: Value, j: Value, bias: Value | null) => {
    const scores = body.matmul(body.gather(wide.q, i), body.gather(wide.k, j), { transB: true });
    const weights = body.exp(bias ? body.add(scores, bias) : scores); // [E, R*Q, Q]
    const arriving = body.gather(wide.gradient, i);
    const slopes = body.mul(weights, body.matmul(arriving, body.gather(wide.v, j), { transB: true }));
    return {
      q: body.matmul(slopes, body.gather(k, j), { alpha }), // [E, R*Q, D]
      k: body.matmul(slopes, body.gather(q, i), { transA: true, alpha }), // [E, Q, D]
      v: body.matmul(weights, body.gather(gradient, i), { transA: true }),
    };
  };

  // One trip per block of keys. What their queries have gathered so far is carried: of this block's and the later ones'.
  const left = 'left';
  const { stacked } = b.loop(
    trips,
    [
      {
        name: 'queries',
        initial: b.zeros(q.shape, q.dtype),
        bodyShape: [left, pairs, rows, size],
        finalShape: [0, pairs, rows, size],
      },
    ],
    ({ graph: outer, trip: j, carried: [gathered] }) => {
      const next = outer.add(j, 1);
      const own = meet(outer, j, j, mask);
      const following = outer.sub(trips, next);
      const later = outer.loop(
        following,
        [
          { name: 'k', initial: own.k },
          { name: 'v', initial: own.v },
        ],
        ({ graph: inner, trip, carried: [dk, dv] }) => {
          const given = meet(inner, inner.add(trip, next), j, null);
          return { carried: [inner.add(dk!, given.k), inner.add(dv!, given.v)], stacked: [given.q] };
        },
      );
      const given = later.stacked[0]!; // [left-1, E, R*Q, D]
      // A loop without trips does not know the other sizes of what it would have stacked: they are stated.
      const sizes = outer.concat(
        [outer.reshape(following, [1]), ...[pairs, rows, size].map((dim) => b.dimension(dim))],
        0,
      );
      const whole = outer.node('Reshape', [given, sizes], {}, [given])[0]!;
      const rest = outer.slice(gathered!, 1, given.shape[0]!, 0);
      const finished = outer.add(outer.gather(gathered!, outer.scalar(0, 'int64')), own.q);
      return {
        carried: [outer.add(rest, whole)],
        stacked: [finished, later.carried[0]!, later.carried[1]!],
      };
    },
    count,
  );
  const [dq, dk, dv] = stacked as [Value, Value, Value];
  return { q: dq, k: dk, v: dv };
}
