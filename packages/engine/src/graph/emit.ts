/**
 * Writes a graph as an ONNX ModelProto. Field numbers are those of onnx.proto. Constants are copied once, into the result, or stay
 * where they are: in memory beside it, or in a file. Nodes that no output needs are left out.
 */
import { SegueError } from '@segue/core';
import protobuf from 'protobufjs/minimal.js';
import { Graph } from './graph.js';
import type { GraphNode } from './node.js';
import { type AttributeKind, type OpRule, ops, opsetVersion } from './ops.js';
import { type DType, dtypes, type Shape } from './tensor-type.js';
import type { AttributeValue, FilePlace, Value } from './value.js';
import { verify } from './verify.js';

type Writer = protobuf.Writer;
type Names = Map<Value, string>;

/** A model whose large constants lie outside it: what a session is made of. */
export interface EmittedModel {
  readonly model: Uint8Array;
  readonly externalData: readonly ExternalData[];
}

/** Memory that constants of a model lie in. */
export interface ExternalData {
  /** How the model calls it; no file of that name exists. */
  readonly path: string;
  readonly data: Uint8Array;
}

/** The memory that constants stay in, by its name in the model. */
type Outside = Map<ArrayBufferLike, string>;

const irVersion = 9;
/** protobuf messages end at 2 GiB. */
const maxModelBytes = 2 ** 31 - 1;
/** TensorProto.DataLocation EXTERNAL. */
const externalLocation = 1;
const attributeType: Readonly<Record<AttributeKind, number>> = { float: 1, int: 2, string: 3, graph: 5, ints: 7 };

function tag(field: number, wire: 0 | 2 | 5): number {
  return (field << 3) | wire;
}
function text(writer: Writer, field: number, value: string): void {
  writer.uint32(tag(field, 2)).string(value);
}
function integer(writer: Writer, field: number, value: number): void {
  writer.uint32(tag(field, 0)).int64(value);
}
function message(writer: Writer, field: number, write: () => void): void {
  writer.uint32(tag(field, 2)).fork();
  write();
  writer.ldelim();
}

/** ValueInfoProto. */
function writeValueInfo(writer: Writer, field: number, name: string, dtype: DType, shape: Shape): void {
  message(writer, field, () => {
    text(writer, 1, name);
    message(writer, 2, () =>
      message(writer, 1, () => {
        integer(writer, 1, dtypes[dtype].code);
        message(writer, 2, () => {
          for (const dim of shape) {
            message(writer, 1, () => (typeof dim === 'number' ? integer(writer, 1, dim) : text(writer, 2, dim)));
          }
        });
      }),
    );
  });
}

/** TensorProto with raw little-endian data, or with the place of the data. */
function writeConstant(writer: Writer, constant: Value, outside: Outside): void {
  const { name, dtype, shape, data } = constant;
  const place = placeOf(constant, outside);
  message(writer, 5, () => {
    for (const dim of shape) integer(writer, 1, Number(dim));
    integer(writer, 2, dtypes[dtype].code);
    text(writer, 8, name);
    if (place) writePlace(writer, place);
    else if (data) writer.uint32(tag(9, 2)).bytes(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
    else throw new SegueError('INTERNAL', `constant ${name} has no data`);
  });
}

/** Where a constant lies that is left out of the model; null for one that goes in. */
function placeOf({ data, place }: Value, outside: Outside): FilePlace | null {
  if (place) return place;
  const file = data && outside.get(data.buffer);
  return data && file !== undefined ? { file, offsetBytes: data.byteOffset, bytes: data.byteLength } : null;
}

/** The fields external_data and data_location of a TensorProto. */
function writePlace(writer: Writer, { file, offsetBytes, bytes }: FilePlace): void {
  const entries = { location: file, offset: String(offsetBytes), length: String(bytes) };
  for (const [key, value] of Object.entries(entries)) {
    message(writer, 13, () => {
      text(writer, 1, key);
      text(writer, 2, value);
    });
  }
  integer(writer, 14, externalLocation);
}

function writeAttribute(writer: Writer, name: string, kind: AttributeKind, value: AttributeValue, names: Names): void {
  message(writer, 5, () => {
    text(writer, 1, name);
    if (kind === 'float') writer.uint32(tag(2, 5)).float(Number(value));
    else if (kind === 'int') integer(writer, 3, Number(value));
    else if (kind === 'string') writer.uint32(tag(4, 2)).bytes(Buffer.from(String(value)));
    else if (kind === 'graph' && value instanceof Graph)
      message(writer, 6, () => writeGraph(writer, value, name, names, new Map()));
    else if (Array.isArray(value)) for (const item of value) integer(writer, 8, item);
    integer(writer, 20, attributeType[kind]);
  });
}

function writeNode(writer: Writer, node: GraphNode, names: Names): void {
  const rule: OpRule = ops[node.op];
  message(writer, 1, () => {
    for (const value of node.inputs) text(writer, 1, value ? nameOf(value, names) : '');
    for (const value of node.outputs) text(writer, 2, nameOf(value, names));
    text(writer, 3, node.name);
    text(writer, 4, node.op);
    for (const [name, value] of Object.entries(node.attributes)) {
      writeAttribute(writer, name, rule.attributes[name]!, value, names);
    }
    if (rule.domain) text(writer, 7, rule.domain);
  });
}

function nameOf(value: Value, names: Names): string {
  return names.get(value) ?? value.name;
}

/** Values that a node reads, those inside its loop body included. */
function reads(node: GraphNode): Value[] {
  const values = node.inputs.filter((value) => value !== null);
  for (const attribute of Object.values(node.attributes)) {
    if (attribute instanceof Graph) {
      values.push(...attribute.nodes.flatMap(reads), ...attribute.outputs.map(({ value }) => value));
    }
  }
  return values;
}

/** The nodes that the outputs need, in order. */
export function neededNodes(graph: Graph): GraphNode[] {
  const needed = new Set(graph.outputs.map(({ value }) => value));
  const nodes: GraphNode[] = [];
  for (const node of [...graph.nodes].reverse()) {
    if (!node.outputs.some((output) => needed.has(output))) continue;
    nodes.push(node);
    for (const value of reads(node)) needed.add(value);
  }
  return nodes.reverse();
}

function writeGraph(writer: Writer, graph: Graph, graphName: string, names: Names, outside: Outside): void {
  const nodes = neededNodes(graph);
  const copies: [from: Value, name: string][] = [];
  // An output takes its producer's place under its own name; what is fed, constant or already named is copied.
  for (const { name, value } of graph.outputs) {
    if (graph.producerOf(value) && !names.has(value)) names.set(value, name);
    else copies.push([value, name]);
  }
  for (const node of nodes) writeNode(writer, node, names);
  for (const [value, name] of copies) {
    message(writer, 1, () => {
      text(writer, 1, nameOf(value, names));
      text(writer, 2, name);
      text(writer, 3, `output ${name}`);
      text(writer, 4, 'Identity');
    });
  }
  text(writer, 2, graphName);
  const read = new Set([...nodes.flatMap(reads), ...graph.outputs.map(({ value }) => value)]);
  for (const constant of graph.constants) if (read.has(constant)) writeConstant(writer, constant, outside);
  for (const value of graph.inputs) writeValueInfo(writer, 11, value.name, value.dtype, value.shape);
  for (const { name, value } of graph.outputs) writeValueInfo(writer, 12, name, value.dtype, value.shape);
}

/** The ModelProto of a finished graph. */
export function emit(graph: Graph, name = 'segue'): Uint8Array {
  return emitModel(graph, name, new Map());
}

/**
 * The ModelProto without the constants that are views of `memory`: they are not copied, and may be larger than a model can be.
 * The memory must not change before the session is made.
 */
export function emitBeside(graph: Graph, memory: ArrayBufferLike, name = 'segue'): EmittedModel {
  const path = `${name} constants`;
  return {
    model: emitModel(graph, name, new Map([[memory, path]])),
    externalData: [{ path, data: new Uint8Array(memory) }],
  };
}

function emitModel(graph: Graph, name: string, outside: Outside): Uint8Array {
  verify(graph);
  const inside = graph.constants.filter(({ data }) => data && !outside.has(data.buffer));
  const bytes = inside.reduce((sum, { data }) => sum + (data?.byteLength ?? 0), 0);
  if (bytes > maxModelBytes)
    throw new SegueError(
      'RESOURCE_EXHAUSTED',
      `graph ${name} holds ${bytes} bytes of constants, a model ends at 2 GiB`,
    );
  const writer = protobuf.Writer.create();
  integer(writer, 1, irVersion);
  text(writer, 2, 'segue');
  message(writer, 7, () => writeGraph(writer, graph, name, new Map(), outside));
  for (const [domain, version] of [
    ['', opsetVersion],
    ['com.microsoft', 1],
  ] as const) {
    message(writer, 8, () => {
      text(writer, 1, domain);
      integer(writer, 2, version);
    });
  }
  return writer.finish();
}
