/**
 * Reverse-mode differentiation: adds to a graph the nodes that compute the gradients of a scalar. Visits only nodes that lie
 * between a target and the loss. What each operator does is in gradient-rules.ts.
 */
import { SegueError } from '@segue/core';
import type { Builder } from './builder.js';
import { gradientRules } from './gradient-rules.js';
import { Graph } from './graph.js';
import type { GraphNode } from './node.js';
import { isFloat, sameShape } from './tensor-type.js';
import type { Value } from './value.js';

/** A value, and the gradient of the loss with respect to it. */
export interface Arriving {
  readonly value: Value;
  /** Of the value's shape. */
  readonly gradient: Value;
}

/**
 * @param loss float []
 * @returns d loss / d target for each target, of the target's shape
 */
export function differentiate(b: Builder, loss: Value, targets: readonly Value[]): Value[] {
  if (loss.rank !== 0 || !isFloat(loss.dtype)) {
    throw new SegueError('INTERNAL', `the loss ${loss.name} is not a floating-point scalar`);
  }
  return backpropagate(b, [{ value: loss, gradient: b.scalar(1, loss.dtype) }], targets);
}

/** The gradients of the targets, given those of values that depend on them. Every target must reach one of the values. */
export function backpropagate(b: Builder, arriving: readonly Arriving[], targets: readonly Value[]): Value[] {
  const nodes = [...b.nodes];
  const dependent = dependents(nodes, targets);
  const gradients = new Map<Value, Value[]>(arriving.map(({ value, gradient }) => [value, [gradient]]));
  /** The sum of what arrived so far; null when nothing did. */
  const total = (value: Value): Value | null => {
    const terms = gradients.get(value);
    if (!terms) return null;
    const sum = b.sum(terms);
    gradients.set(value, [sum]);
    return sum;
  };
  for (const node of nodes.reverse()) {
    if (!node.outputs.some((output) => dependent.has(output) && gradients.has(output))) continue;
    const sources = b.customGradientOf(node.outputs[0]!)?.inputs ?? node.inputs;
    // A target that the graph itself computes: what lies before it is not asked for.
    if (!sources.some((value) => value && dependent.has(value))) continue;
    const { inputs, results } = applyRule(b, node, total, dependent);
    inputs.forEach((value, i) => {
      const gradient = results[i];
      if (!value || !dependent.has(value)) return;
      if (!gradient)
        throw new SegueError('INTERNAL', `node ${node.name}: the rule of ${node.op} gives nothing for input ${i}`);
      const terms = gradients.get(value) ?? [];
      terms.push(sumToShape(b, gradient, value));
      gradients.set(value, terms);
    });
  }
  return targets.map((target) => {
    const gradient = total(target);
    if (!gradient) throw new SegueError('INTERNAL', `the loss does not depend on ${target.name}`);
    return gradient;
  });
}

interface RuleResult {
  readonly inputs: readonly (Value | null)[];
  readonly results: readonly (Value | null)[];
}

/** The gradients that a node passes on: by its own rule, or by a custom one set on its first output. */
function applyRule(
  b: Builder,
  node: GraphNode,
  total: (value: Value) => Value | null,
  dependent: ReadonlySet<Value>,
): RuleResult {
  const gradients = node.outputs.map(total);
  const custom = b.customGradientOf(node.outputs[0]!);
  if (custom && gradients[0]) return { inputs: custom.inputs, results: custom.rule(gradients[0]) };
  const rule = gradientRules[node.op];
  if (!rule) throw new SegueError('INTERNAL', `node ${node.name}: there is no gradient rule for ${node.op}`);
  const wanted = node.inputs.map((value) => value !== null && dependent.has(value));
  const first = gradients.find((gradient) => gradient !== null)!;
  const read: GraphNode = {
    ...node,
    inputs: node.inputs.map((value) => value && b.remade(value, first)),
    outputs: node.outputs.map((value) => b.remade(value, first)),
  };
  return { inputs: node.inputs, results: rule({ b, node: read, gradients, wanted }) };
}

/** Values that change when a target changes, through floating-point values. */
function dependents(nodes: readonly GraphNode[], targets: readonly Value[]): ReadonlySet<Value> {
  const found = new Set(targets);
  for (const node of nodes) {
    if (node.inputs.some((value) => value && found.has(value)) || capturesAny(node, found)) {
      for (const output of node.outputs) if (isFloat(output.dtype)) found.add(output);
    }
  }
  return found;
}

/** Whether a loop body reads one of the values from outside. */
function capturesAny(node: GraphNode, values: ReadonlySet<Value>): boolean {
  return Object.values(node.attributes).some(
    (attribute) =>
      attribute instanceof Graph &&
      attribute.nodes.some(
        (inner) => inner.inputs.some((value) => value && values.has(value)) || capturesAny(inner, values),
      ),
  );
}

/** Sums over the axes along which an operand was broadcast. */
function sumToShape(b: Builder, gradient: Value, operand: Value): Value {
  if (sameShape(gradient.shape, operand.shape)) return gradient;
  const added = gradient.rank - operand.rank;
  const axes = gradient.shape.flatMap((dim, axis) =>
    axis < added || (operand.shape[axis - added] === 1 && dim !== 1) ? [axis] : [],
  );
  const summed = b.reduceSum(gradient, axes, true);
  return b.reshape(summed, operand.shape);
}
