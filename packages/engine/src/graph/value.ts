/** What flows through a graph: values (named, typed, never changed), and the attributes of what makes them. */
import type { DType, Shape, TensorData, TensorType } from './tensor-type.js';

/** Where values are defined: a graph or a loop body, as far as a value knows of it. */
export interface Scope {
  readonly parent: Scope | undefined;
  /** Whether values of `scope` can be read here. */
  sees(scope: Scope): boolean;
}

export type AttributeValue = number | string | readonly number[] | Scope;
export type Attributes = Readonly<Record<string, AttributeValue>>;

/** Where a constant's content lies when the graph does not hold it: raw little-endian in a file, which the session maps. */
export interface FilePlace {
  /** Name of the file inside the folder that the session is given. */
  readonly file: string;
  readonly offsetBytes: number;
  readonly bytes: number;
}

export class Value implements TensorType {
  /** The graph or loop body that defines the value. */
  readonly scope: Scope;
  readonly name: string;
  readonly dtype: DType;
  readonly shape: Shape;
  /** Content of a constant; undefined for what is computed or fed. */
  readonly data: TensorData | undefined;
  /** Place of a constant that lies in a file. */
  readonly place: FilePlace | undefined;

  constructor(scope: Scope, name: string, type: TensorType, data?: TensorData, place?: FilePlace) {
    this.scope = scope;
    this.name = name;
    this.dtype = type.dtype;
    this.shape = type.shape;
    this.data = data;
    this.place = place;
  }

  get rank(): number {
    return this.shape.length;
  }

  /** The content of a small integer constant (a shape, axes) as numbers; undefined for anything else. */
  get integers(): readonly number[] | undefined {
    return this.data instanceof BigInt64Array ? Array.from(this.data, Number) : undefined;
  }
}
