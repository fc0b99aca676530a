/**
 * Checks a finished graph before it is emitted: every value that is read is there by then and visible, types still follow from
 * the operator table, outputs exist, loop bodies fit their node. Errors name the node.
 */
import { SegueError } from '@segue/core';
import { Graph } from './graph.js';
import type { GraphNode } from './node.js';
import { type OpRule, ops } from './ops.js';
import { formatType } from './tensor-type.js';
import type { Value } from './value.js';

function fail(where: string, message: string): never {
  throw new SegueError('INTERNAL', `${where}: ${message}`);
}

function verifyLoop(node: GraphNode, body: Graph): void {
  const where = `node ${node.name}`;
  const carried = node.inputs.length - 2;
  if (body.inputs.length !== carried + 2)
    fail(where, `the body takes ${body.inputs.length} inputs, the loop gives ${carried + 2}`);
  if (body.outputs.length !== node.outputs.length + 1) {
    fail(where, `the body gives ${body.outputs.length} outputs, the loop needs ${node.outputs.length + 1}`);
  }
  for (let i = 0; i < carried; i++) {
    const initial = node.inputs[i + 2];
    const inner = body.inputs[i + 2]!;
    const next = body.outputs[i + 1]!.value;
    if (initial?.dtype !== inner.dtype || next.dtype !== inner.dtype || next.rank !== inner.rank) {
      fail(where, `carried value ${inner.name} is ${formatType(inner)} but becomes ${formatType(next)}`);
    }
  }
}

function verifyNode(graph: Graph, node: GraphNode, defined: Set<Value>): void {
  const where = `node ${node.name} (${node.op})`;
  for (const value of node.inputs) {
    if (value && !defined.has(value)) fail(where, `reads ${value.name} before it is made`);
  }
  const rule: OpRule = ops[node.op];
  const types = rule.infer({ inputs: node.inputs, attributes: node.attributes, declared: node.outputs });
  types.forEach((type, i) => {
    const output = node.outputs[i];
    if (!output || formatType(output) !== formatType(type)) {
      fail(where, `output ${i} is ${output ? formatType(output) : 'missing'}, the operator gives ${formatType(type)}`);
    }
  });
  for (const attribute of Object.values(node.attributes)) {
    if (!(attribute instanceof Graph)) continue;
    if (attribute.parent !== graph) fail(where, 'its body belongs to another graph');
    verifyLoop(node, attribute);
    verifyScope(attribute, defined);
  }
}

function verifyScope(graph: Graph, outer: ReadonlySet<Value>): void {
  const defined = new Set([...outer, ...graph.inputs, ...graph.constants]);
  for (const node of graph.nodes) {
    verifyNode(graph, node, defined);
    for (const output of node.outputs) defined.add(output);
  }
  for (const { name, value } of graph.outputs) {
    if (!defined.has(value)) fail(`output ${name}`, `${value.name} is not made in this graph`);
  }
}

/** Throws INTERNAL with the name of the offending node. */
export function verify(graph: Graph): void {
  if (graph.outputs.length === 0) fail('graph', 'has no outputs');
  verifyScope(graph, new Set());
}
