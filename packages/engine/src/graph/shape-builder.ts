/**
 * The part of the builder that knows sizes: reshapes, cuts, joins and index operators, with symbolic sizes resolved while the graph
 * runs. Arithmetic is in builder.ts.
 */
import { SegueError } from '@segue/core';
import { Graph } from './graph.js';
import type { OpName } from './ops.js';
import {
  addDims,
  broadcastShapes,
  type Dim,
  type DType,
  divideDim,
  dtypes,
  elementCount,
  factorsOf,
  multiplyDims,
  normalizeAxis,
  type Shape,
  sameShape,
  type TensorType,
  termsOf,
} from './tensor-type.js';
import { type Attributes, isConstant, type Value } from './value.js';

export class ShapeBuilder extends Graph {
  #dims = new Map<Dim, Value>();
  #unknown: Value | undefined;

  /** One-output node. */
  op(op: OpName, inputs: readonly (Value | null)[], attributes: Attributes = {}): Value {
    return this.node(op, inputs, attributes)[0]!;
  }

  scalar(value: number, dtype: DType = 'float32'): Value {
    return this.constant(dtype, [], [value]);
  }

  /** int64 vector. */
  integers(values: readonly number[]): Value {
    return this.constant('int64', [values.length], values);
  }

  /** The same value under other names for its sizes: for symbols that the rules cannot know to be equal. Not checked. */
  assume(value: Value, shape: Shape): Value {
    if (sameShape(value.shape, shape)) return value;
    return this.node('Identity', [value], {}, [{ dtype: value.dtype, shape }])[0]!;
  }

  cast(a: Value, dtype: DType): Value {
    if (a.dtype === dtype) return a;
    return this.node('Cast', [a], { to: dtypes[dtype].code }, [{ dtype, shape: a.shape }])[0]!;
  }

  transpose(a: Value, perm: readonly number[]): Value {
    return this.op('Transpose', [a], { perm });
  }

  unsqueeze(a: Value, axes: readonly number[]): Value {
    return this.op('Unsqueeze', [a, this.integers(axes)]);
  }
  squeeze(a: Value, axes: readonly number[]): Value {
    return this.op('Squeeze', [a, this.integers(axes)]);
  }

  /** Reshapes; one dimension may be -1. Symbolic sizes are taken from a value that has them. */
  reshape(a: Value, shape: Shape): Value {
    const known = multiplyDims(shape.filter((dim) => dim !== -1));
    const rest = divideDim(multiplyDims(a.shape), known);
    const result = shape.map((dim) => (dim === -1 && rest !== undefined ? rest : dim));
    if (sameShape(result, a.shape)) return a;
    // 0 copies the input's size at the same axis; one other unknown size may be left to the runtime.
    let inferred = -1;
    const sizes: Dim[] = result.map((dim, axis) => {
      if (typeof dim === 'number') return dim;
      if (dim === a.shape[axis]) return 0;
      if (inferred >= 0) return dim;
      inferred = axis;
      return -1;
    });
    const target = this.#sizes(sizes);
    return this.node('Reshape', [a, target], {}, [{ dtype: a.dtype, shape: result }])[0]!;
  }

  /** int64 vector of sizes, symbols read from the graph's values. */
  #sizes(sizes: Shape): Value {
    if (sizes.every((size) => typeof size === 'number')) return this.integers(sizes);
    return this.concat(
      sizes.map((size) => this.dimension(size)),
      0,
    );
  }

  /** The size of a dimension as int64 [1]. */
  dimension(dim: Dim): Value {
    if (typeof dim === 'number') return this.integers([dim]);
    const known = this.#knownDim(dim);
    if (known) return known;
    const result = this.#emitDim(dim);
    this.#dims.set(dim, result);
    return result;
  }

  #knownDim(dim: Dim): Value | undefined {
    return this.#dims.get(dim) ?? (this.parent instanceof ShapeBuilder ? this.parent.#knownDim(dim) : undefined);
  }

  #emitDim(dim: string): Value {
    const terms = termsOf(dim);
    if (terms.length > 1) return terms.map((term) => this.dimension(term)).reduce((a, b) => this.op('Add', [a, b]));
    const { count, symbols } = factorsOf(dim);
    if (count === 1 && symbols.length === 1) {
      const { value, axis } = this.sourceOf(dim);
      return this.node('Shape', [value], { start: axis, end: axis + 1 }, [{ dtype: 'int64', shape: [1] }])[0]!;
    }
    const factors = [...(count === 1 ? [] : [count]), ...symbols];
    return factors.map((factor) => this.dimension(factor)).reduce((a, b) => this.op('Mul', [a, b]));
  }

  shapeOf(a: Value): Value {
    if (a.shape.every((dim) => typeof dim === 'number')) return this.integers(a.shape.map(Number));
    return this.node('Shape', [a], {}, [{ dtype: 'int64', shape: [a.rank] }])[0]!;
  }

  /** Repeats size-1 axes up to a shape. */
  expand(a: Value, shape: Shape): Value {
    const result = broadcastShapes([a.shape, shape]);
    if (sameShape(result, a.shape)) return a;
    return this.node('Expand', [a, this.#sizes(shape)], {}, [{ dtype: a.dtype, shape: result }])[0]!;
  }

  concat(values: readonly Value[], axis: number): Value {
    return values.length === 1 ? values[0]! : this.op('Concat', values, { axis });
  }

  /**
   * Cuts an axis into parts of the given sizes (numbers or symbols). What was joined from such parts falls back into them; constants cut along their
   * first axis stay constants, uncopied.
   */
  split(a: Value, sizes: Shape, axis: number): readonly Value[] {
    const at = normalizeAxis(axis, a.rank);
    if (addDims(sizes) !== a.shape[at]) {
      throw new SegueError('INTERNAL', `split of ${a.name}: parts ${sizes.join(' + ')} do not make ${a.shape[at]}`);
    }
    const joined = this.#partsOf(a, at);
    if (
      joined &&
      sameShape(
        sizes,
        joined.map(({ shape }) => shape[at]!),
      )
    )
      return joined;
    const types = sizes.map((size) => ({ dtype: a.dtype, shape: a.shape.map((dim, i) => (i === at ? size : dim)) }));
    if (at === 0 && isConstant(a)) return this.#cutConstant(a, types);
    return this.node('Split', [a, this.#sizes(sizes)], { axis: at }, types);
  }

  #cutConstant({ data, place }: Value, types: readonly TensorType[]): readonly Value[] {
    let from = 0;
    return types.map(({ dtype, shape }) => {
      const begin = from;
      from += elementCount(shape) ?? Number.NaN;
      if (data) return this.constant(dtype, shape, data.subarray(begin, from));
      const { bytes } = dtypes[dtype];
      const offsetBytes = place!.offsetBytes + begin * bytes;
      return this.constantInFile(dtype, shape, { file: place!.file, offsetBytes, bytes: (from - begin) * bytes });
    });
  }

  /** What a value was joined from along an axis. */
  #partsOf(a: Value, axis: number): readonly Value[] | undefined {
    const node = this.producerOf(a);
    if (node?.op !== 'Concat' || normalizeAxis(Number(node.attributes.axis), a.rank) !== axis) return undefined;
    return node.inputs.filter((value) => value !== null);
  }

  /** a[..., start : start + size, ...] along one axis. */
  slice(a: Value, start: Value | number, size: Dim, axis: number): Value {
    const at = normalizeAxis(axis, a.rank);
    const from = typeof start === 'number' ? this.integers([start]) : this.reshape(start, [1]);
    const to =
      typeof start === 'number' && typeof size === 'number'
        ? this.integers([start + size])
        : this.op('Add', [from, this.dimension(size)]);
    const shape = a.shape.map((dim, i) => (i === at ? size : dim));
    return this.node('Slice', [a, from, to, this.integers([at])], {}, [{ dtype: a.dtype, shape }])[0]!;
  }

  gather(a: Value, indices: Value, axis = 0): Value {
    return this.op('Gather', [a, indices], { axis });
  }
  /**
   * Different rows of x [R, C]: indices int64 [N], none twice -> [N, C]. Like `gather`, with a gradient that copies whole rows
   * (`gather` must add element by element, as its rows may repeat).
   */
  takeRows(x: Value, indices: Value): Value {
    const [rows, width] = x.shape as readonly [Dim, Dim];
    const count = indices.shape[0]!;
    const rule = (gradient: Value) => {
      // Where each row went; rows that were not taken get the row of zeros at the end.
      const nowhere = this.expand(this.dimension(count), [rows]);
      const places = this.op('ScatterElements', [nowhere, indices, this.range(count)], { axis: 0, reduction: 'none' });
      return [this.gather(this.concat([gradient, this.zeros([1, width], x.dtype)], 0), places)];
    };
    return this.setGradient(this.gather(x, indices), { inputs: [x], rule });
  }

  gatherElements(a: Value, indices: Value, axis: number): Value {
    return this.op('GatherElements', [a, indices], { axis });
  }
  /** Adds updates at the indices. Never ScatterND: with two threads and repeated indices its sum is wrong. */
  scatterAdd(a: Value, indices: Value, updates: Value, axis: number): Value {
    return this.op('ScatterElements', [a, indices, updates], { axis, reduction: 'add' });
  }
  oneHot(indices: Value, depth: number, dtype: DType = 'float32'): Value {
    const values = this.constant('float32', [2], [0, 1]);
    return this.cast(this.op('OneHot', [indices, this.integers([depth]), values], { axis: -1 }), dtype);
  }
  /** 0, 1, ... size - 1 as int64 [size]. */
  range(size: Dim): Value {
    const limit = this.reshape(this.dimension(size), []);
    return this.node('Range', [this.scalar(0, 'int64'), limit, this.scalar(1, 'int64')], {}, [
      { dtype: 'int64', shape: [size] },
    ])[0]!;
  }
  topK(a: Value, k: number, axis = -1): { values: Value; indices: Value } {
    const at = normalizeAxis(axis, a.rank);
    const shape = a.shape.map((dim, i) => (i === at ? k : dim));
    const types = [
      { dtype: a.dtype, shape },
      { dtype: 'int64', shape },
    ] as const;
    const [values, indices] = this.node('TopK', [a, this.integers([k])], { axis: at, largest: 1, sorted: 1 }, types);
    return { values: values!, indices: indices! };
  }

  zeros(shape: Shape, dtype: DType): Value {
    return this.expand(this.scalar(0, dtype), shape);
  }

  /**
   * The same value, but not before `other` is there: for what is computed early, or held long, when the runtime is left to choose an
   * order. Reshapes the value to its own shape, as told by a vector of zeros that depends on `other`. Neither is copied; the
   * compiler sees through constant sizes, so without a symbolic one there is no effect.
   */
  after(value: Value, other: Value): Value {
    const symbol = value.shape.find((dim) => typeof dim === 'string');
    if (symbol === undefined) return value;
    const flat = this.node('Reshape', [other, this.#minusOne(symbol)], {}, [
      { dtype: other.dtype, shape: [multiplyDims(other.shape)] },
    ])[0]!;
    const size = this.node('Shape', [flat], {}, [{ dtype: 'int64', shape: [1] }])[0]!;
    const zeros = this.concat(
      [this.op('Mul', [size, this.integers([0])]), this.integers(value.shape.slice(1).map(() => 0))],
      0,
    );
    return this.node('Reshape', [value, zeros], {}, [{ dtype: value.dtype, shape: value.shape }])[0]!;
  }

  /** int64 [1] of -1 that the compiler cannot foresee: it follows what is computed from sizes, but not the values of a range. */
  #minusOne(symbol: Dim): Value {
    this.#unknown ??= this.op('Sub', [this.slice(this.range(symbol), 0, 1, 0), this.integers([1])]);
    return this.#unknown;
  }

  /** The product of sizes, as one dimension. */
  product(dims: Shape): Dim {
    return multiplyDims(dims);
  }
}
