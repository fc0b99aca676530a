/**
 * Causal attention in blocks, with a gradient of its own: neither keeps scores, so that memory grows with the length and not with its
 * square. Queries meet keys block by block under a running maximum and sum; from the sum's logarithm the gradient computes the same weights again
 * (FlashAttention, Dao et al., 2022). Blocks above the diagonal are never visited. Works on stacks of n blocks of Q tokens; each
 * block holds E = B*G pairs of row and key-value head, and the R = H/G query heads of one such pair as rows of its products.
 */
import { tripCount } from '../graph/blockwise.js';
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
  /** [n, E, R*Q, D] */
  readonly output: Value;
  /** log of the sum of exp(score) of each query, [n, E, R*Q, 1]. */
  readonly logSums: Value;
}

/** [R*Q, Q]: what is added to the scores of a block's queries against its own keys. */
function diagonalMask(b: Builder, { q, k }: BlockedHeads): Value {
  const [rows, block] = [Number(q.shape[2]), Number(k.shape[2])];
  const repeats = rows / block;
  return b.reshape(b.expand(causalMask(b, block, q.dtype), [repeats, block, block]), [rows, block]);
}

function scaleOf({ q }: BlockedHeads): number {
  return 1 / Math.sqrt(Number(q.shape[3]));
}

/** Attention of every token to itself and to what came before it. Carries no gradient: see `blockedAttentionGradients`. */
export function blockedAttention(b: Builder, heads: BlockedHeads): Attended {
  const { q, k, v } = heads;
  const alpha = scaleOf(heads);
  const count = q.shape[0]!;
  const mask = diagonalMask(b, heads);
  const { stacked } = b.loop(
    tripCount(b, count),
    [],
    ({ graph: outer, trip: i }) => {
      const query = outer.gather(q, i); // [E, R*Q, D]
      const own = outer.add(outer.matmul(query, outer.gather(k, i), { transB: true, alpha }), mask); // [E, R*Q, Q]
      const highest = outer.reduceMax(own, [-1], true); // [E, R*Q, 1]
      const weights = outer.exp(outer.sub(own, highest));
      const { carried } = outer.loop(
        i,
        [
          { name: 'highest', initial: highest },
          { name: 'sum', initial: outer.reduceSum(weights, [-1], true) },
          { name: 'output', initial: outer.matmul(weights, outer.gather(v, i)) },
        ],
        ({ graph: inner, trip: j, carried: [before, sum, output] }) => {
          const scores = inner.matmul(query, inner.gather(k, j), { transB: true, alpha });
          const now = inner.max(before!, inner.reduceMax(scores, [-1], true));
          const kept = inner.exp(inner.sub(before!, now));
          const weights = inner.exp(inner.sub(scores, now));
          return {
            carried: [
              now,
              inner.add(inner.mul(sum!, kept), inner.reduceSum(weights, [-1], true)),
              inner.add(inner.mul(output!, kept), inner.matmul(weights, inner.gather(v, j))),
            ],
          };
        },
      );
      const [maximum, sum, output] = carried as [Value, Value, Value];
      return { carried: [], stacked: [outer.div(output, sum), outer.add(maximum, outer.log(sum))] };
    },
    count,
  );
  return { output: stacked[0]!, logSums: stacked[1]! };
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
  const alpha = scaleOf(heads);
  const [count, pairs, rows, size] = q.shape as readonly [Dim, Dim, Dim, Dim];
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
