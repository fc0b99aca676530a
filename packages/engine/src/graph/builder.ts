/**
 * Operators as methods: `b.add(x, 1)` instead of nodes with attributes. Chooses a composed form where a fused operator has no
 * kernel for the element type (float64). Knows shapes, nothing of models.
 */
import { SegueError } from '@segue/core';
import { ShapeBuilder } from './shape-builder.js';
import { type Dim, hasFusedKernels, normalizeAxis, type Shape } from './tensor-type.js';
import type { Value } from './value.js';

/** A value, or a number that becomes a constant of the other operand's type. */
export type Operand = Value | number;

export interface MatMulOptions {
  readonly transA?: boolean;
  readonly transB?: boolean;
  readonly alpha?: number;
}

/** A value that a loop hands from trip to trip. Give `body` and `final` shapes when the shape changes on the way. */
export interface Carried {
  readonly name: string;
  readonly initial: Value;
  readonly bodyShape?: Shape;
  readonly finalShape?: Shape;
}

export interface LoopBody {
  readonly graph: Builder;
  /** Trip number, int64 []. */
  readonly trip: Value;
  readonly carried: readonly Value[];
}

export interface LoopStep {
  /** bool []: whether another trip follows; left out, the trip count alone decides. */
  readonly goOn?: Value;
  /** In the order of the carried values. */
  readonly carried: readonly Value[];
  /** Stacked over the trips in a new first dimension. */
  readonly stacked?: readonly Value[];
}

export class Builder extends ShapeBuilder {
  #pair(a: Operand, b: Operand): [Value, Value] {
    if (typeof a !== 'number') return [a, typeof b === 'number' ? this.scalar(b, a.dtype) : b];
    if (typeof b !== 'number') return [this.scalar(a, b.dtype), b];
    throw new SegueError('INTERNAL', 'an operator needs at least one value that is not a number');
  }

  add(a: Operand, b: Operand): Value {
    return this.op('Add', this.#pair(a, b));
  }
  sub(a: Operand, b: Operand): Value {
    return this.op('Sub', this.#pair(a, b));
  }
  mul(a: Operand, b: Operand): Value {
    return this.op('Mul', this.#pair(a, b));
  }
  div(a: Operand, b: Operand): Value {
    return this.op('Div', this.#pair(a, b));
  }
  min(a: Operand, b: Operand): Value {
    return this.op('Min', this.#pair(a, b));
  }
  max(a: Operand, b: Operand): Value {
    return this.op('Max', this.#pair(a, b));
  }
  equal(a: Operand, b: Operand): Value {
    return this.op('Equal', this.#pair(a, b));
  }
  less(a: Operand, b: Operand): Value {
    return this.op('Less', this.#pair(a, b));
  }
  lessOrEqual(a: Operand, b: Operand): Value {
    return this.op('LessOrEqual', this.#pair(a, b));
  }
  greater(a: Operand, b: Operand): Value {
    return this.op('Greater', this.#pair(a, b));
  }
  greaterOrEqual(a: Operand, b: Operand): Value {
    return this.op('GreaterOrEqual', this.#pair(a, b));
  }
  and(a: Value, b: Value): Value {
    return this.op('And', [a, b]);
  }
  or(a: Value, b: Value): Value {
    return this.op('Or', [a, b]);
  }
  not(a: Value): Value {
    return this.op('Not', [a]);
  }
  neg(a: Value): Value {
    return this.op('Neg', [a]);
  }
  exp(a: Value): Value {
    return this.op('Exp', [a]);
  }
  log(a: Value): Value {
    return this.op('Log', [a]);
  }
  sqrt(a: Value): Value {
    return this.op('Sqrt', [a]);
  }
  sigmoid(a: Value): Value {
    return this.op('Sigmoid', [a]);
  }
  identity(a: Value): Value {
    return this.op('Identity', [a]);
  }
  sum(values: readonly Value[]): Value {
    return values.length === 1
      ? values[0]!
      : values.length === 2
        ? this.add(values[0]!, values[1]!)
        : this.op('Sum', values);
  }
  where(condition: Value, a: Operand, b: Operand): Value {
    return this.op('Where', [condition, ...this.#pair(a, b)]);
  }
  clip(a: Value, low: number, high: number): Value {
    return this.op('Clip', [a, this.scalar(low, a.dtype), this.scalar(high, a.dtype)]);
  }
  softmax(a: Value, axis = -1): Value {
    return this.op('Softmax', [a], { axis });
  }
  logSoftmax(a: Value, axis = -1): Value {
    return this.op('LogSoftmax', [a], { axis });
  }
  argMax(a: Value, axis: number, keep = false): Value {
    return this.op('ArgMax', [a], { axis, keepdims: keep ? 1 : 0 });
  }
  /** @param exclusive each sum leaves out its own element. Default false. */
  cumSum(a: Value, axis: number, { exclusive = false }: { readonly exclusive?: boolean } = {}): Value {
    return this.op('CumSum', [a, this.scalar(axis, 'int64')], { exclusive: exclusive ? 1 : 0 });
  }

  #reduce(
    op: 'ReduceSum' | 'ReduceMean' | 'ReduceMax' | 'ReduceMin',
    a: Value,
    axes: readonly number[],
    keep: boolean,
  ): Value {
    const all = axes.map((axis) => normalizeAxis(axis, a.rank));
    return this.op(op, [a, this.integers(all)], { keepdims: keep ? 1 : 0 });
  }
  reduceSum(a: Value, axes: readonly number[], keep = false): Value {
    return this.#reduce('ReduceSum', a, axes, keep);
  }
  reduceMean(a: Value, axes: readonly number[], keep = false): Value {
    return this.#reduce('ReduceMean', a, axes, keep);
  }
  reduceMax(a: Value, axes: readonly number[], keep = false): Value {
    return this.#reduce('ReduceMax', a, axes, keep);
  }
  reduceMin(a: Value, axes: readonly number[], keep = false): Value {
    return this.#reduce('ReduceMin', a, axes, keep);
  }

  /** Matrix product over the last two axes; either side may be taken transposed, with a factor. */
  matmul(a: Value, b: Value, { transA = false, transB = false, alpha = 1 }: MatMulOptions = {}): Value {
    if (!transA && !transB && alpha === 1) return this.op('MatMul', [a, b]);
    if (hasFusedKernels(a.dtype)) {
      return this.op('FusedMatMul', [a, b], { transA: transA ? 1 : 0, transB: transB ? 1 : 0, alpha });
    }
    const product = this.op('MatMul', [transA ? this.#swapLast(a) : a, transB ? this.#swapLast(b) : b]);
    return alpha === 1 ? product : this.mul(product, alpha);
  }

  #swapLast(a: Value): Value {
    const axes = a.shape.map((_, axis) => axis);
    return this.transpose(a, [...axes.slice(0, -2), a.rank - 1, a.rank - 2]);
  }

  /** x [rows, in], weight [out, in] (the Hugging Face orientation) -> [rows, out]. */
  linear(x: Value, weight: Value): Value {
    return this.op('Gemm', [x, weight], { transA: 0, transB: 1 });
  }

  /**
   * The same product turned over, weight times x transposed: [out, rows]. The weight is read once and in order instead of in blocks with
   * a pass for every dozen rows, so that it may come from main memory while the product goes on. Not float64.
   */
  linearTurned(x: Value, weight: Value): Value {
    return this.matmul(weight, x, { transB: true });
  }

  /** x / rms(x) * weight over the last axis. */
  rmsNorm(x: Value, weight: Value, epsilon: number): Value {
    if (hasFusedKernels(x.dtype)) {
      const outputs = this.node('SimplifiedLayerNormalization', [x, weight], { axis: -1, epsilon, stash_type: 1 });
      return this.setRecipe(outputs[0]!, (gradient) =>
        this.mul(this.mul(this.after(x, gradient), outputs[1]!), weight),
      );
    }
    const rms = this.sqrt(this.add(this.reduceMean(this.mul(x, x), [-1], true), epsilon)); // [..., 1]
    return this.mul(this.div(x, rms), weight);
  }

  /** RMS norm of x + skip, and x + skip itself; no gradient, not in float64. */
  skipRmsNorm(x: Value, skip: Value, weight: Value, epsilon: number): { normed: Value; sum: Value } {
    const outputs = this.node('SkipSimplifiedLayerNormalization', [x, skip, weight], { epsilon });
    return { normed: outputs[0]!, sum: outputs[3]! };
  }

  /** x * sigmoid(x). */
  silu(x: Value): Value {
    return hasFusedKernels(x.dtype) ? this.op('QuickGelu', [x], { alpha: 1 }) : this.mul(x, this.sigmoid(x));
  }

  /**
   * Rotates pairs (i, i + D/2) of x [B, H, T, D] by the angles of their positions.
   * @param positions int64 [B, T], or [1]: the position of the first token of every row
   * @param cos and sin [positions, D/2]
   */
  rotary(x: Value, positions: Value, cos: Value, sin: Value): Value {
    if (hasFusedKernels(x.dtype)) {
      return this.op('RotaryEmbedding', [x, positions, cos, sin], {
        interleaved: 0,
        num_heads: 0,
        rotary_embedding_dim: 0,
      });
    }
    const at = positions.rank === 1 ? this.add(positions, this.range(x.shape[2]!)) : positions; // [T] or [B, T]
    const angle = (table: Value) =>
      at.rank === 1 ? this.gather(table, at) : this.unsqueeze(this.gather(table, at), [1]);
    const half = Number(x.shape[3]) / 2;
    const [first, second] = this.split(x, [half, half], 3) as [Value, Value];
    const [c, s] = [angle(cos), angle(sin)]; // [T, D/2] or [B, 1, T, D/2]
    return this.concat(
      [this.sub(this.mul(first, c), this.mul(second, s)), this.add(this.mul(second, c), this.mul(first, s))],
      3,
    );
  }

  /**
   * A loop of at most `trips` (int64 []) trips. The body may read values of this graph.
   * @param stackedDim names the first dimension of what is stacked, where it is known
   */
  loop(
    trips: Value,
    carried: readonly Carried[],
    define: (body: LoopBody) => LoopStep,
    stackedDim?: Dim,
  ): { carried: readonly Value[]; stacked: readonly Value[] } {
    const graph = new Builder(this);
    const id = this.uniqueName('body');
    const trip = graph.input(`${id}.trip`, 'int64', []);
    const condition = graph.input(`${id}.condition`, 'bool', []);
    const inner = carried.map(({ name, initial, bodyShape }) =>
      graph.input(`${id}.${name}`, initial.dtype, bodyShape ?? initial.shape),
    );
    const step = define({ graph, trip, carried: inner });
    if (step.carried.length !== carried.length) {
      throw new SegueError('INTERNAL', `${id}: ${carried.length} values go in, ${step.carried.length} come out`);
    }
    const stacked = step.stacked ?? [];
    for (const [i, value] of [step.goOn ?? condition, ...step.carried, ...stacked].entries())
      graph.output(`${id}.out${i}`, value);
    const tripsDim = stackedDim ?? `${id}.trips`;
    const types = [
      ...carried.map(({ initial, finalShape }) => ({ dtype: initial.dtype, shape: finalShape ?? initial.shape })),
      ...stacked.map(({ dtype, shape }) => ({ dtype, shape: [tripsDim, ...shape] })),
    ];
    const inputs = [trips, this.constant('bool', [], [1]), ...carried.map(({ initial }) => initial)];
    const outputs = this.node('Loop', inputs, { body: graph }, types);
    return { carried: outputs.slice(0, carried.length), stacked: outputs.slice(carried.length) };
  }
}
