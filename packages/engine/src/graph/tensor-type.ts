/**
 * Element types and shapes of graph values. A dimension is a number, or a symbol such as 'B' whose size is known only when the
 * graph runs; products ('B*T') and sums ('(P+1)') of dimensions have one canonical spelling, so that equal sizes compare equal.
 */
import { SegueError } from '@segue/core';
import { float16Bits } from './float16.js';

export type DType = 'float16' | 'float32' | 'float64' | 'int64' | 'int32' | 'bool';
export type Dim = number | string;
export type Shape = readonly Dim[];
/** float16 is held as its bits. */
export type TensorData = Float32Array | Float64Array | BigInt64Array | Int32Array | Uint8Array | Uint16Array;

export interface TensorType {
  readonly dtype: DType;
  readonly shape: Shape;
}

/** Code of TensorProto.DataType and bytes per element. */
export const dtypes: Readonly<Record<DType, { readonly code: number; readonly bytes: number }>> = {
  float32: { code: 1, bytes: 4 },
  int32: { code: 6, bytes: 4 },
  int64: { code: 7, bytes: 8 },
  bool: { code: 9, bytes: 1 },
  float16: { code: 10, bytes: 2 },
  float64: { code: 11, bytes: 8 },
};

export function isFloat(dtype: DType): boolean {
  return dtype === 'float16' || dtype === 'float32' || dtype === 'float64';
}

/** Whether the fused operators of com.microsoft have kernels for the type. */
export function hasFusedKernels(dtype: DType): boolean {
  return dtype === 'float16' || dtype === 'float32';
}

/** Array of an element type from plain numbers. */
export function dataOf(dtype: DType, values: readonly number[]): TensorData {
  if (dtype === 'float16') return Uint16Array.from(values, float16Bits);
  if (dtype === 'float32') return Float32Array.from(values);
  if (dtype === 'float64') return Float64Array.from(values);
  if (dtype === 'int32') return Int32Array.from(values);
  if (dtype === 'bool') return Uint8Array.from(values);
  return BigInt64Array.from(values, BigInt);
}

interface Product {
  readonly count: number;
  readonly symbols: readonly string[];
}

function splitOutside(text: string, separator: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  let start = 0;
  for (let i = 0; i < text.length; i++) {
    if (text[i] === '(') depth++;
    else if (text[i] === ')') depth--;
    else if (text[i] === separator && depth === 0) {
      parts.push(text.slice(start, i));
      start = i + 1;
    }
  }
  parts.push(text.slice(start));
  return parts;
}

/** The factors of a dimension: a number and symbols that are not themselves products. */
export function factorsOf(dim: Dim): Product {
  if (typeof dim === 'number') return { count: dim, symbols: [] };
  let count = 1;
  const symbols: string[] = [];
  for (const part of splitOutside(dim, '*')) {
    if (/^\d+$/.test(part)) count *= Number(part);
    else symbols.push(part);
  }
  return { count, symbols: symbols.sort() };
}

function spell({ count, symbols }: Product): Dim {
  if (symbols.length === 0 || count === 0) return count;
  return [...(count === 1 ? [] : [String(count)]), ...symbols].join('*');
}

export function multiplyDims(dims: Shape): Dim {
  let count = 1;
  const symbols: string[] = [];
  for (const dim of dims) {
    const factors = factorsOf(dim);
    count *= factors.count;
    symbols.push(...factors.symbols);
  }
  return spell({ count, symbols: symbols.sort() });
}

/** The quotient when `divisor` divides `dim` by its spelling; undefined otherwise. */
export function divideDim(dim: Dim, divisor: Dim): Dim | undefined {
  const a = factorsOf(dim);
  const b = factorsOf(divisor);
  const symbols = [...a.symbols];
  for (const symbol of b.symbols) {
    const at = symbols.indexOf(symbol);
    if (at < 0) return undefined;
    symbols.splice(at, 1);
  }
  if (b.count === 0 || a.count % b.count !== 0) return undefined;
  return spell({ count: a.count / b.count, symbols });
}

/** The terms of a dimension that is a sum; the dimension itself when it is none. */
export function termsOf(dim: Dim): Shape {
  if (typeof dim === 'number') return [dim];
  if (!dim.startsWith('(') || splitOutside(dim, '*').length > 1) return [dim];
  return splitOutside(dim.slice(1, -1), '+').map((term) => (/^\d+$/.test(term) ? Number(term) : term));
}

export function addDims(dims: Shape): Dim {
  const counts = new Map<string, number>();
  for (const term of dims.flatMap(termsOf)) {
    const { count, symbols } = factorsOf(term);
    const key = symbols.join('*');
    counts.set(key, (counts.get(key) ?? 0) + count);
  }
  const number = counts.get('') ?? 0;
  counts.delete('');
  const terms = [...counts]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, count]) => spell({ count, symbols: key.split('*') }))
    .filter((term) => term !== 0);
  if (number !== 0 || terms.length === 0) terms.push(number);
  return terms.length === 1 ? terms[0]! : `(${terms.join('+')})`;
}

export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((dim, i) => dim === b[i]);
}

export function formatType({ dtype, shape }: TensorType): string {
  return `${dtype}[${shape.join(', ')}]`;
}

/** Number of elements; undefined when a dimension is symbolic. */
export function elementCount(shape: Shape): number | undefined {
  const size = multiplyDims(shape);
  return typeof size === 'number' ? size : undefined;
}

/** The shape of an element-wise result: dimensions agree or one of them is 1. */
export function broadcastShapes(shapes: readonly Shape[]): Shape {
  const rank = Math.max(...shapes.map((shape) => shape.length));
  const result: Dim[] = [];
  for (let axis = 0; axis < rank; axis++) {
    let dim: Dim = 1;
    for (const shape of shapes) {
      const other = shape[axis - rank + shape.length] ?? 1;
      if (other === 1 || other === dim) continue;
      if (dim !== 1)
        throw new SegueError('INTERNAL', `sizes ${dim} and ${other} do not broadcast at axis ${axis - rank}`);
      dim = other;
    }
    result.push(dim);
  }
  return result;
}

/** Axis as a number from 0, given one that may count from the end. */
export function normalizeAxis(axis: number, rank: number): number {
  const result = axis < 0 ? axis + rank : axis;
  if (!Number.isInteger(result) || result < 0 || result >= rank) {
    throw new SegueError('INTERNAL', `axis ${axis} is outside of a value of rank ${rank}`);
  }
  return result;
}
