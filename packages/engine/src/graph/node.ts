/** One application of an operator in a graph. */
import type { OpName } from './ops.js';
import type { Attributes, Value } from './value.js';

/** An input that is left out is null. */
export interface GraphNode {
  readonly name: string;
  readonly op: OpName;
  readonly inputs: readonly (Value | null)[];
  readonly outputs: readonly Value[];
  readonly attributes: Attributes;
}
