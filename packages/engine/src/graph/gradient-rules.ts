/**
 * The gradient-rule table: from an operator to the gradients of its inputs, as graph nodes. `g` is the gradient of the loss with
 * respect to the output. An operator without a rule here cannot lie between a target and the loss. Each rule is tested
 * against finite differences, and the test goes through this table.
 */
import { SegueError } from '@segue/core';
import type { Builder } from './builder.js';
import type { GraphNode } from './node.js';
import { axesOf, numberAttribute, numbersAttribute, type OpName } from './ops.js';
import type { Value } from './value.js';

export interface RuleCall {
  readonly b: Builder;
  readonly node: GraphNode;
  /** Gradients of the outputs; null where the loss does not depend on one. */
  readonly gradients: readonly (Value | null)[];
  /** Which inputs need a gradient. A rule may give null for the others. */
  readonly wanted: readonly boolean[];
}

/** Gradients of the inputs, in their order; the walk sums them over broadcast axes. */
export type GradientRule = (call: RuleCall) => readonly (Value | null)[];

interface UnaryCall {
  readonly b: Builder;
  readonly g: Value;
  readonly x: Value;
  readonly y: Value;
  readonly node: GraphNode;
}

/** For operators whose first output depends on their first input alone. */
const unary =
  (rule: (call: UnaryCall) => Value): GradientRule =>
  ({ b, node, gradients }) => [rule({ b, g: gradients[0]!, x: node.inputs[0]!, y: node.outputs[0]!, node })];

interface BinaryCall {
  readonly b: Builder;
  readonly g: Value;
  readonly x: Value;
  readonly y: Value;
  readonly out: Value;
  readonly node: GraphNode;
}

/** For operators of two inputs: one function per input, called only when its gradient is wanted. */
const binary =
  (left: (call: BinaryCall) => Value, right: (call: BinaryCall) => Value): GradientRule =>
  ({ b, node, gradients, wanted }) => {
    const call = { b, g: gradients[0]!, x: node.inputs[0]!, y: node.inputs[1]!, out: node.outputs[0]!, node };
    return [wanted[0] ? left(call) : null, wanted[1] ? right(call) : null];
  };

interface Product {
  readonly transA: boolean;
  readonly transB: boolean;
  readonly alpha: number;
}

function productOf(node: GraphNode): Product {
  return {
    transA: numberAttribute(node.attributes, 'transA', 0) === 1,
    transB: numberAttribute(node.attributes, 'transB', 0) === 1,
    alpha: numberAttribute(node.attributes, 'alpha', 1),
  };
}

/** Gradients of alpha * op(x) op(y), whatever computes products. */
const matmulRule = (product: (b: Builder, a: Value, c: Value, options: Product) => Value): GradientRule =>
  binary(
    ({ b, g, y, node }) => {
      const { transA, transB, alpha } = productOf(node);
      return transA
        ? product(b, y, g, { transA: transB, transB: true, alpha })
        : product(b, g, y, { transA: false, transB: !transB, alpha });
    },
    ({ b, g, x, node }) => {
      const { transA, transB, alpha } = productOf(node);
      return transB
        ? product(b, g, x, { transA: true, transB: transA, alpha })
        : product(b, x, g, { transA: !transA, transB: false, alpha });
    },
  );

const gemmRule = matmulRule((b, a, c, { transA, transB }) =>
  b.op('Gemm', [a, c], { transA: transA ? 1 : 0, transB: transB ? 1 : 0 }),
);

/** The gradient of a reduction, with the reduced axes back as ones. */
function keptAxes(b: Builder, g: Value, x: Value, node: GraphNode): Value {
  const axes = axesOf(node, 1, x.rank);
  return b.reshape(
    g,
    x.shape.map((dim, axis) => (axes.includes(axis) ? 1 : dim)),
  );
}

const back = unary(({ b, g, x }) => b.reshape(g, x.shape));

/** min and max: the gradient goes to the side that was taken, to the first when equal. */
const chosen = (took: (b: Builder, x: Value, y: Value) => Value): GradientRule =>
  binary(
    ({ b, g, x, y }) => b.where(took(b, x, y), g, 0),
    ({ b, g, x, y }) => b.where(took(b, x, y), 0, g),
  );

function lastAxisOnly(node: GraphNode, x: Value): void {
  const axis = numberAttribute(node.attributes, 'axis', -1);
  if (axis !== -1 && axis !== x.rank - 1) {
    throw new SegueError('INTERNAL', `node ${node.name}: the gradient of ${node.op} is known for the last axis only`);
  }
}

/** Tables up to this many rows get their gradient by a product with one-hot rows. */
const maxOneHotRows = 128;

export const gradientRules: Partial<Record<OpName, GradientRule>> = {
  Add: binary(
    ({ g }) => g,
    ({ g }) => g,
  ),
  Sub: binary(
    ({ g }) => g,
    ({ b, g }) => b.neg(g),
  ),
  Mul: binary(
    ({ b, g, y }) => b.mul(g, y),
    ({ b, g, x }) => b.mul(g, x),
  ),
  Div: binary(
    ({ b, g, y }) => b.div(g, y),
    ({ b, g, y, out }) => b.neg(b.div(b.mul(g, out), y)),
  ),
  Sum: ({ node, gradients }) => node.inputs.map(() => gradients[0]!),
  Min: chosen((b, x, y) => b.lessOrEqual(x, y)),
  Max: chosen((b, x, y) => b.greaterOrEqual(x, y)),
  Where: ({ b, node, gradients: [g] }) => [null, b.where(node.inputs[0]!, g!, 0), b.where(node.inputs[0]!, 0, g!)],
  Clip: unary(({ b, g, x, y }) => b.where(b.equal(x, y), g, 0)),

  Neg: unary(({ b, g }) => b.neg(g)),
  Exp: unary(({ b, g, y }) => b.mul(g, y)),
  Log: unary(({ b, g, x }) => b.div(g, x)),
  Sqrt: unary(({ b, g, y }) => b.div(b.mul(g, 0.5), y)),
  Sigmoid: unary(({ b, g, y }) => b.mul(g, b.mul(y, b.sub(1, y)))),
  // d(x s) = s + x s (1 - s) with s = sigmoid(alpha x)
  QuickGelu: unary(({ b, g, x, y, node }) => {
    const alpha = numberAttribute(node.attributes, 'alpha', 1.702);
    const s = b.sigmoid(alpha === 1 ? x : b.mul(x, alpha));
    const slope = b.mul(y, b.sub(1, s));
    return b.mul(g, b.add(s, alpha === 1 ? slope : b.mul(slope, alpha)));
  }),

  Gemm: (call) => {
    const [dx, dy] = gemmRule(call) as [Value | null, Value | null];
    // A weight's gradient first, so that what it is computed from need not be held until the end.
    return [dx && dy ? call.b.after(dx, dy) : dx, dy];
  },
  MatMul: matmulRule((b, a, c, options) => b.matmul(a, c, options)),
  FusedMatMul: matmulRule((b, a, c, options) => b.matmul(a, c, options)),

  // y (g - sum(g y))
  Softmax: unary(({ b, g, x, y, node }) => {
    lastAxisOnly(node, x);
    return b.mul(y, b.sub(g, b.reduceSum(b.mul(g, y), [-1], true)));
  }),
  // g - softmax(x) sum(g)
  LogSoftmax: unary(({ b, g, x, y, node }) => {
    lastAxisOnly(node, x);
    return b.sub(g, b.mul(b.exp(y), b.reduceSum(g, [-1], true)));
  }),
  ReduceSum: unary(({ b, g, x, node }) => b.expand(keptAxes(b, g, x, node), x.shape)),
  ReduceMean: unary(({ b, g, x, node }) => {
    const count = axesOf(node, 1, x.rank).map((axis) => b.cast(b.dimension(x.shape[axis]!), x.dtype));
    const share = count.reduce((scaled, size) => b.div(scaled, b.reshape(size, [])), keptAxes(b, g, x, node));
    return b.expand(share, x.shape);
  }),

  // With r = 1 / rms: dx = r (g w - x r^2 mean(g w x)), dw = sum over rows of r g x. The sums are products, which pass over g x once.
  SimplifiedLayerNormalization: ({ b, node, gradients: [g], wanted }) => {
    const [x, weight] = node.inputs as [Value, Value];
    const inverse = node.outputs[1]!; // [..., 1]
    const size = x.shape.at(-1)!;
    const rows = b.reshape(b.mul(g!, x), [-1, size]); // [rows, n]
    const along = b.reshape(b.matmul(rows, b.reshape(weight, [size, 1])), inverse.shape); // [..., 1]: the sum of g w x
    const mean = b.div(along, b.reshape(b.cast(b.dimension(size), x.dtype), []));
    const share = b.mul(mean, b.mul(inverse, inverse)); // [..., 1]
    const dx = b.mul(b.sub(b.mul(g!, weight), b.mul(x, share)), inverse);
    if (!wanted[1]) return [dx, null];
    const dWeight = b.matmul(b.reshape(inverse, [rows.shape[0]!, 1]), rows, { transA: true }); // [1, n]
    return [b.after(dx, dWeight), b.reshape(dWeight, weight.shape)];
  },
  // A rotation: its inverse is the rotation by the negative angle.
  RotaryEmbedding: ({ b, node, gradients: [g] }) => {
    const [, positions, cos, sin] = node.inputs as [Value, Value, Value, Value];
    return [b.rotary(g!, positions, cos, b.neg(sin)), null, null, null];
  },

  Identity: unary(({ b, g, x }) => b.assume(g, x.shape)),
  Cast: unary(({ b, g, x }) => b.cast(g, x.dtype)),
  Reshape: back,
  Squeeze: back,
  Unsqueeze: back,
  Expand: unary(({ g }) => g),
  Transpose: unary(({ b, g, node }) => {
    const perm = numbersAttribute(node.attributes, 'perm');
    return b.transpose(
      g,
      perm.map((_, axis) => perm.indexOf(axis)),
    );
  }),
  Concat: ({ b, node, gradients: [g] }) => {
    const axis = numberAttribute(node.attributes, 'axis', 0);
    return b.split(
      g!,
      node.inputs.map((value) => value!.shape.at(axis)!),
      axis,
    );
  },
  Split: ({ b, node, gradients }) => [
    b.concat(
      node.outputs.map((output, i) => gradients[i] ?? b.zeros(output.shape, output.dtype)),
      numberAttribute(node.attributes, 'axis', 0),
    ),
  ],
  // Rows may be taken more than once, so their gradients add up: by a product with one-hot rows when there are few to choose
  // from (2 times faster at 64), else by ScatterElements. Never by ScatterND, which adds wrongly with two threads.
  Gather: ({ b, node, gradients: [g] }) => {
    const [data, indices] = node.inputs as [Value, Value];
    if (numberAttribute(node.attributes, 'axis', 0) !== 0) {
      throw new SegueError('INTERNAL', `node ${node.name}: the gradient of Gather is known for axis 0 only`);
    }
    const count = b.product(indices.shape);
    const rest = data.shape.slice(1);
    const choices = data.shape[0]!;
    if (data.rank === 2 && typeof choices === 'number' && choices <= maxOneHotRows) {
      const chosen = b.oneHot(b.reshape(indices, [count]), choices, data.dtype); // [count, choices]
      return [b.op('Gemm', [chosen, b.reshape(g!, [count, ...rest])], { transA: 1, transB: 0 }), null];
    }
    const at = b.expand(b.reshape(indices, [count, ...rest.map(() => 1)]), [count, ...rest]);
    return [b.scatterAdd(b.zeros(data.shape, data.dtype), at, b.reshape(g!, [count, ...rest]), 0), null];
  },
  GatherElements: ({ b, node, gradients: [g] }) => {
    const [data, indices] = node.inputs as [Value, Value];
    const axis = numberAttribute(node.attributes, 'axis', 0);
    return [b.scatterAdd(b.zeros(data.shape, data.dtype), indices, g!, axis), null];
  },
  ScatterElements: ({ b, node, gradients: [g] }) => {
    if (node.attributes.reduction !== 'add') {
      throw new SegueError(
        'INTERNAL',
        `node ${node.name}: the gradient of ScatterElements is known for reduction add only`,
      );
    }
    const axis = numberAttribute(node.attributes, 'axis', 0);
    return [g!, null, b.gatherElements(g!, node.inputs[1]!, axis)];
  },
};
