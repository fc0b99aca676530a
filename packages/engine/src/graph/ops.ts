/**
 * The operator table: domain, number of inputs, attributes, and the rule that gives the types of the outputs.
 * Standard ONNX operators (opset 18) and the fused ones of com.microsoft. An operator that is not here cannot be used.
 */
import { SegueError } from '@segue/core';
import {
  addDims,
  broadcastShapes,
  type Dim,
  type DType,
  isFloat,
  multiplyDims,
  normalizeAxis,
  type Shape,
  sameShape,
  type TensorType,
} from './tensor-type.js';
import type { Attributes, Value } from './value.js';

export const opsetVersion = 18;

export type AttributeKind = 'int' | 'float' | 'ints' | 'string' | 'graph';

/** What a rule sees. `declared` are output types that the caller states where inputs alone do not tell them. */
export interface OpCall {
  readonly inputs: readonly (Value | null)[];
  readonly attributes: Attributes;
  readonly declared: readonly TensorType[] | undefined;
}

export interface OpRule {
  readonly domain: '' | 'com.microsoft';
  readonly minInputs: number;
  readonly maxInputs: number;
  readonly attributes: Readonly<Record<string, AttributeKind>>;
  readonly infer: (call: OpCall) => readonly TensorType[];
}

function fail(message: string): never {
  throw new SegueError('INTERNAL', message);
}

/** The input at an index, which must be there. */
export function inputAt(call: Pick<OpCall, 'inputs'>, index: number): Value {
  return call.inputs[index] ?? fail(`input ${index} is missing`);
}

export function numberAttribute(attributes: Attributes, name: string, fallback: number): number {
  const value = attributes[name] ?? fallback;
  return typeof value === 'number' ? value : fail(`attribute ${name} is not a number`);
}

export function numbersAttribute(attributes: Attributes, name: string): readonly number[] {
  const value = attributes[name];
  return Array.isArray(value) ? value : fail(`attribute ${name} is not a list of numbers`);
}

function requireSameType(values: readonly TensorType[]): DType {
  const dtype = values[0]?.dtype ?? fail('no inputs');
  for (const value of values)
    if (value.dtype !== dtype) fail(`inputs have types ${values.map((v) => v.dtype).join(' and ')}`);
  return dtype;
}

function present(call: OpCall): Value[] {
  return call.inputs.filter((value) => value !== null);
}

/** Axes given as a constant input or, without one, all axes. */
export function axesOf(call: Pick<OpCall, 'inputs'>, index: number, rank: number): readonly number[] {
  const axes = call.inputs[index];
  if (!axes) return Array.from({ length: rank }, (_, i) => i);
  const integers = axes.integers ?? fail(`input ${index} (axes) is not a constant`);
  return integers.map((axis) => normalizeAxis(axis, rank));
}

function declared(call: OpCall, count = 1): readonly TensorType[] {
  if (call.declared?.length !== count) fail(`needs ${count} declared output types`);
  return call.declared;
}

function same(call: OpCall): readonly TensorType[] {
  const { dtype, shape } = inputAt(call, 0);
  return [{ dtype, shape }];
}

const rule = (
  minInputs: number,
  maxInputs: number,
  infer: OpRule['infer'],
  attributes: OpRule['attributes'] = {},
  domain: OpRule['domain'] = '',
): OpRule => ({ domain, minInputs, maxInputs, attributes, infer });

const elementwise = (inputs: number): OpRule =>
  rule(inputs, inputs, (call) => [
    { dtype: requireSameType(present(call)), shape: broadcastShapes(present(call).map((v) => v.shape)) },
  ]);

const floatFunction: OpRule = rule(1, 1, (call) => {
  if (!isFloat(inputAt(call, 0).dtype)) fail(`takes floating point, not ${inputAt(call, 0).dtype}`);
  return same(call);
});

const comparison: OpRule = rule(2, 2, (call) => {
  requireSameType(present(call));
  return [{ dtype: 'bool', shape: broadcastShapes(present(call).map((v) => v.shape)) }];
});

const logic: OpRule = rule(2, 2, (call) => {
  if (requireSameType(present(call)) !== 'bool') fail('takes booleans');
  return [{ dtype: 'bool', shape: broadcastShapes(present(call).map((v) => v.shape)) }];
});

const reduction: OpRule = rule(
  1,
  2,
  (call) => {
    const { dtype, shape } = inputAt(call, 0);
    const axes = axesOf(call, 1, shape.length);
    const keep = numberAttribute(call.attributes, 'keepdims', 1) === 1;
    return [
      {
        dtype,
        shape: keep ? shape.map((dim, i) => (axes.includes(i) ? 1 : dim)) : shape.filter((_, i) => !axes.includes(i)),
      },
    ];
  },
  { keepdims: 'int' },
);

/** [..., m, k] x [..., k, n] with the batch dimensions broadcast. */
function matmulTypes(call: OpCall, transA: boolean, transB: boolean): readonly TensorType[] {
  const a = inputAt(call, 0);
  const b = inputAt(call, 1);
  if (a.rank < 2 || b.rank < 2) fail(`takes matrices, not rank ${a.rank} and ${b.rank}`);
  const [m, k1] = transA ? [a.shape.at(-1)!, a.shape.at(-2)!] : [a.shape.at(-2)!, a.shape.at(-1)!];
  const [k2, n] = transB ? [b.shape.at(-1)!, b.shape.at(-2)!] : [b.shape.at(-2)!, b.shape.at(-1)!];
  if (k1 !== k2) fail(`inner sizes ${k1} and ${k2} differ`);
  return [
    { dtype: requireSameType([a, b]), shape: [...broadcastShapes([a.shape.slice(0, -2), b.shape.slice(0, -2)]), m, n] },
  ];
}

/** x [..., n], weight [n] -> the normalised [..., n] and the reciprocal root mean square [..., 1]. */
function normTypes(call: OpCall, weightIndex: number): { readonly y: TensorType; readonly inverse: TensorType } {
  const x = inputAt(call, 0);
  const weight = inputAt(call, weightIndex);
  if (!sameShape(weight.shape, x.shape.slice(-1)))
    fail(`weight [${weight.shape}] does not fit rows of ${x.shape.at(-1)}`);
  return { y: { dtype: x.dtype, shape: x.shape }, inverse: { dtype: x.dtype, shape: [...x.shape.slice(0, -1), 1] } };
}

function withAxis(shape: Shape, axis: number, dim: Dim): Shape {
  return shape.map((old, i) => (i === axis ? dim : old));
}

export const ops = {
  Abs: floatFunction,
  Add: elementwise(2),
  And: logic,
  ArgMax: rule(
    1,
    1,
    (call) => {
      const { shape } = inputAt(call, 0);
      const axis = normalizeAxis(numberAttribute(call.attributes, 'axis', 0), shape.length);
      const keep = numberAttribute(call.attributes, 'keepdims', 1) === 1;
      return [{ dtype: 'int64', shape: keep ? withAxis(shape, axis, 1) : shape.filter((_, i) => i !== axis) }];
    },
    { axis: 'int', keepdims: 'int' },
  ),
  Cast: rule(1, 1, (call) => declared(call), { to: 'int' }),
  Clip: rule(3, 3, (call) => {
    requireSameType(present(call));
    return same(call);
  }),
  Concat: rule(
    1,
    Number.POSITIVE_INFINITY,
    (call) => {
      const values = present(call);
      const { shape } = inputAt(call, 0);
      const axis = normalizeAxis(numberAttribute(call.attributes, 'axis', 0), shape.length);
      for (const value of values) {
        if (!sameShape(withAxis(value.shape, axis, 0), withAxis(shape, axis, 0))) {
          fail(`shapes [${shape}] and [${value.shape}] differ beside axis ${axis}`);
        }
      }
      return [
        { dtype: requireSameType(values), shape: withAxis(shape, axis, addDims(values.map((v) => v.shape[axis]!))) },
      ];
    },
    { axis: 'int' },
  ),
  Cos: floatFunction,
  CumSum: rule(2, 2, same, { exclusive: 'int', reverse: 'int' }),
  Div: elementwise(2),
  Equal: comparison,
  Exp: floatFunction,
  Expand: rule(2, 2, (call) => declared(call)),
  /** [..., m, k] x [..., k, n] with either side transposed and a factor. Not float64. */
  FusedMatMul: rule(
    2,
    2,
    (call) =>
      matmulTypes(
        call,
        numberAttribute(call.attributes, 'transA', 0) === 1,
        numberAttribute(call.attributes, 'transB', 0) === 1,
      ),
    { transA: 'int', transB: 'int', alpha: 'float' },
    'com.microsoft',
  ),
  Gather: rule(
    2,
    2,
    (call) => {
      const { dtype, shape } = inputAt(call, 0);
      const axis = normalizeAxis(numberAttribute(call.attributes, 'axis', 0), shape.length);
      return [{ dtype, shape: [...shape.slice(0, axis), ...inputAt(call, 1).shape, ...shape.slice(axis + 1)] }];
    },
    { axis: 'int' },
  ),
  GatherElements: rule(2, 2, (call) => [{ dtype: inputAt(call, 0).dtype, shape: inputAt(call, 1).shape }], {
    axis: 'int',
  }),
  Gemm: rule(
    2,
    2,
    (call) => {
      if (inputAt(call, 0).rank !== 2 || inputAt(call, 1).rank !== 2) fail('takes matrices of rank 2');
      return matmulTypes(
        call,
        numberAttribute(call.attributes, 'transA', 0) === 1,
        numberAttribute(call.attributes, 'transB', 0) === 1,
      );
    },
    { transA: 'int', transB: 'int' },
  ),
  Greater: comparison,
  GreaterOrEqual: comparison,
  /** Attention with its own key-value cache; the caller declares the three outputs. */
  GroupQueryAttention: rule(
    7,
    9,
    (call) => declared(call, 3),
    { num_heads: 'int', kv_num_heads: 'int', do_rotary: 'int', rotary_interleaved: 'int', scale: 'float' },
    'com.microsoft',
  ),
  /** The same value; the caller may declare other symbols for its sizes. */
  Identity: rule(1, 1, (call) => {
    const { rank, dtype } = inputAt(call, 0);
    const type = call.declared?.[0] ?? inputAt(call, 0);
    if (type.shape.length !== rank || type.dtype !== dtype) fail('an identity keeps rank and type');
    return [{ dtype, shape: type.shape }];
  }),
  Less: comparison,
  LessOrEqual: comparison,
  Log: floatFunction,
  LogSoftmax: rule(1, 1, same, { axis: 'int' }),
  Loop: rule(2, Number.POSITIVE_INFINITY, (call) => call.declared ?? fail('needs declared output types'), {
    body: 'graph',
  }),
  MatMul: rule(2, 2, (call) => matmulTypes(call, false, false)),
  Max: elementwise(2),
  Min: elementwise(2),
  Mod: elementwise(2),
  Mul: elementwise(2),
  Neg: rule(1, 1, same),
  Not: rule(1, 1, same),
  OneHot: rule(
    3,
    3,
    (call) => {
      const depth = inputAt(call, 1).integers?.[0] ?? fail('depth is not a constant');
      return [{ dtype: inputAt(call, 2).dtype, shape: [...inputAt(call, 0).shape, depth] }];
    },
    { axis: 'int' },
  ),
  Or: logic,
  /** x * sigmoid(alpha * x): with alpha 1 the SiLU. Not float64. */
  QuickGelu: rule(1, 1, same, { alpha: 'float' }, 'com.microsoft'),
  Range: rule(3, 3, (call) => declared(call)),
  Reciprocal: floatFunction,
  ReduceMax: reduction,
  ReduceMean: reduction,
  ReduceMin: reduction,
  ReduceSum: reduction,
  Reshape: rule(2, 2, (call) => {
    const x = inputAt(call, 0);
    const [type] = declared(call);
    const [from, to] = [multiplyDims(x.shape), multiplyDims(type!.shape)];
    if (from !== to) fail(`[${x.shape}] does not fill [${type!.shape}]`);
    return [{ dtype: x.dtype, shape: type!.shape }];
  }),
  /** x [B, H, T, D], positions [B, T] or one offset [1], cos and sin tables [maxT, D/2]. Not float64. */
  RotaryEmbedding: rule(
    4,
    4,
    (call) => {
      requireSameType([inputAt(call, 0), inputAt(call, 2), inputAt(call, 3)]);
      return same(call);
    },
    { interleaved: 'int', num_heads: 'int', rotary_embedding_dim: 'int' },
    'com.microsoft',
  ),
  ScatterElements: rule(
    3,
    3,
    (call) => {
      if (!sameShape(inputAt(call, 1).shape, inputAt(call, 2).shape)) fail('indices and updates differ in shape');
      requireSameType([inputAt(call, 0), inputAt(call, 2)]);
      return same(call);
    },
    { axis: 'int', reduction: 'string' },
  ),
  Shape: rule(1, 1, (call) => declared(call), { start: 'int', end: 'int' }),
  Sigmoid: floatFunction,
  /** RMS norm: x [..., n], weight [n] -> y, 1/rms [..., 1]. */
  SimplifiedLayerNormalization: rule(
    2,
    2,
    (call) => {
      const { y, inverse } = normTypes(call, 1);
      return [y, inverse];
    },
    { axis: 'int', epsilon: 'float', stash_type: 'int' },
  ),
  Sin: floatFunction,
  /** RMS norm of x + skip: -> y, (unused), (unused), x + skip. Rank 2 or 3. No gradient rule: for decoding. */
  SkipSimplifiedLayerNormalization: rule(
    3,
    3,
    (call) => {
      const { y, inverse } = normTypes(call, 2);
      return [y, inverse, inverse, y];
    },
    { epsilon: 'float' },
    'com.microsoft',
  ),
  Slice: rule(3, 5, (call) => declared(call)),
  Softmax: rule(1, 1, same, { axis: 'int' }),
  Split: rule(2, 2, (call) => call.declared ?? fail('needs declared output types'), { axis: 'int' }),
  Sqrt: floatFunction,
  Squeeze: rule(2, 2, (call) => {
    const { dtype, shape } = inputAt(call, 0);
    const axes = axesOf(call, 1, shape.length);
    for (const axis of axes) if (shape[axis] !== 1) fail(`axis ${axis} of [${shape}] is not 1`);
    return [{ dtype, shape: shape.filter((_, i) => !axes.includes(i)) }];
  }),
  Sub: elementwise(2),
  Sum: rule(1, Number.POSITIVE_INFINITY, (call) => [
    { dtype: requireSameType(present(call)), shape: broadcastShapes(present(call).map((v) => v.shape)) },
  ]),
  TopK: rule(2, 2, (call) => declared(call, 2), { axis: 'int', largest: 'int', sorted: 'int' }),
  Transpose: rule(
    1,
    1,
    (call) => {
      const { dtype, shape } = inputAt(call, 0);
      const perm = numbersAttribute(call.attributes, 'perm');
      if (
        !sameShape(
          [...perm].sort((a, b) => a - b),
          shape.map((_, i) => i),
        )
      )
        fail(`[${perm}] is no permutation of rank ${shape.length}`);
      return [{ dtype, shape: perm.map((axis) => shape[axis]!) }];
    },
    { perm: 'ints' },
  ),
  Unsqueeze: rule(2, 2, (call) => {
    const { dtype, shape } = inputAt(call, 0);
    const count = inputAt(call, 1).integers?.length ?? fail('axes are not a constant');
    const axes = axesOf(call, 1, shape.length + count);
    const result: Dim[] = [...shape];
    for (const axis of [...axes].sort((a, b) => a - b)) result.splice(axis, 0, 1);
    return [{ dtype, shape: result }];
  }),
  Where: rule(3, 3, (call) => {
    if (inputAt(call, 0).dtype !== 'bool') fail('the condition is not boolean');
    return [
      {
        dtype: requireSameType([inputAt(call, 1), inputAt(call, 2)]),
        shape: broadcastShapes(present(call).map((v) => v.shape)),
      },
    ];
  }),
} as const satisfies Record<string, OpRule>;

export type OpName = keyof typeof ops;
