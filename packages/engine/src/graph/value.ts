/** What a graph is made of: values (named, typed, never changed) and the nodes that make them. */
import type { Graph } from './graph.js';
import type { OpName } from './ops.js';
import type { DType, Shape, TensorData, TensorType } from './tensor-type.js';

export type AttributeValue = number | string | readonly number[] | Graph;
export type Attributes = Readonly<Record<string, AttributeValue>>;

/** One application of an operator. An input that is left out is null. */
export interface GraphNode {
  readonly name: string;
  readonly op: OpName;
  readonly inputs: readonly (Value | null)[];
  readonly outputs: readonly Value[];
  readonly attributes: Attributes;
}

export class Value implements TensorType {
  /** The graph or loop body that defines the value. */
  readonly scope: Graph;
  readonly name: string;
  readonly dtype: DType;
  readonly shape: Shape;
  /** Content of a constant; undefined for what is computed or fed. */
  readonly data: TensorData | undefined;

  constructor(scope: Graph, name: string, type: TensorType, data?: TensorData) {
    this.scope = scope;
    this.name = name;
    this.dtype = type.dtype;
    this.shape = type.shape;
    this.data = data;
  }

  get rank(): number {
    return this.shape.length;
  }

  /** The content of a small integer constant (a shape, axes) as numbers; undefined for anything else. */
  get integers(): readonly number[] | undefined {
    return this.data instanceof BigInt64Array ? Array.from(this.data, Number) : undefined;
  }
}
