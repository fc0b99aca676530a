/**
 * A graph under construction: inputs, constants, nodes in order, outputs. A loop body is a graph with a parent, whose values it
 * may read. Every node is checked when it is added; an error names the node. Holds no operator knowledge (ops.ts) and no
 * convenience (builder.ts).
 */
import { SegueError } from '@segue/core';
import type { GraphNode } from './node.js';
import { type OpName, type OpRule, ops } from './ops.js';
import {
  type DType,
  dataOf,
  dtypes,
  elementCount,
  factorsOf,
  formatType,
  type Shape,
  type TensorData,
  type TensorType,
  termsOf,
} from './tensor-type.js';
import { type Attributes, type FilePlace, type Scope, Value } from './value.js';

/** Constants up to this many elements are shared when equal. */
const maxSharedElements = 64;

export interface GraphOutput {
  readonly name: string;
  readonly value: Value;
}

/** A gradient that is known better than step by step, for a value that several nodes compute. */
export interface CustomGradient {
  readonly inputs: readonly Value[];
  /** From the gradient of the value to those of the inputs, in their order and shapes. */
  readonly rule: (gradient: Value) => readonly Value[];
}

/** Computes a value again. Must read something that waits for the gradient (`after`), or it would be computed early. */
export type Recipe = (gradient: Value) => Value;

interface NameSpace {
  count: number;
  readonly taken: Set<string>;
}

export class Graph implements Scope {
  readonly parent: Graph | undefined;
  readonly inputs: Value[] = [];
  readonly constants: Value[] = [];
  readonly nodes: GraphNode[] = [];
  readonly outputs: GraphOutput[] = [];
  readonly #producers = new Map<Value, GraphNode>();
  readonly #shared = new Map<string, Value>();
  readonly #customGradients = new Map<Value, CustomGradient>();
  readonly #recipes = new Map<Value, Recipe>();
  readonly #remade = new Map<Value, Value>();
  readonly #symbols = new Map<string, { readonly value: Value; readonly axis: number }>();
  readonly #names: NameSpace;

  constructor(parent?: Graph) {
    this.parent = parent;
    this.#names = parent ? parent.#names : { count: 0, taken: new Set() };
  }

  get root(): Graph {
    return this.parent ? this.parent.root : this;
  }

  /** Whether values of `scope` can be read here. */
  sees(scope: Scope): boolean {
    return scope === this || (this.parent?.sees(scope) ?? false);
  }

  /** A value that is fed at each run (of the loop body: per trip). */
  input(name: string, dtype: DType, shape: Shape): Value {
    const value = this.#value(this.#claim(name), { dtype, shape });
    this.inputs.push(value);
    return value;
  }

  /** Names what the graph gives back. */
  output(name: string, value: Value): void {
    if (!this.sees(value.scope))
      throw new SegueError('INTERNAL', `output ${name}: ${value.name} belongs to another graph`);
    if (this.outputs.some((output) => output.name === name))
      throw new SegueError('INTERNAL', `output ${name} is named twice`);
    this.outputs.push({ name, value });
  }

  /** A constant; small equal ones are shared. The data is not copied: leave it unchanged until the graph is emitted. */
  constant(dtype: DType, shape: Shape, data: TensorData | readonly number[], name?: string): Value {
    if (this.parent) return this.root.constant(dtype, shape, data, name);
    const content = Array.isArray(data) ? dataOf(dtype, data) : (data as TensorData);
    if (elementCount(shape) !== content.length) {
      throw new SegueError('INTERNAL', `constant ${name ?? ''}[${shape}] is given ${content.length} elements`);
    }
    const key =
      name === undefined && content.length <= maxSharedElements ? `${dtype}[${shape}]${content.join()}` : undefined;
    const known = key === undefined ? undefined : this.#shared.get(key);
    if (known) return known;
    const value = this.#value(
      name === undefined ? this.#fresh('constant') : this.#claim(name),
      { dtype, shape },
      content,
    );
    this.constants.push(value);
    if (key !== undefined) this.#shared.set(key, value);
    return value;
  }

  /** A constant whose content stays in a file: it is neither read nor copied here. */
  constantInFile(dtype: DType, shape: Shape, place: FilePlace): Value {
    if (this.parent) return this.root.constantInFile(dtype, shape, place);
    const bytes = (elementCount(shape) ?? Number.NaN) * dtypes[dtype].bytes;
    if (place.bytes !== bytes) {
      throw new SegueError('INTERNAL', `constant [${shape}] needs ${bytes} bytes, ${place.file} has ${place.bytes}`);
    }
    const value = this.#value(this.#fresh('constant'), { dtype, shape }, undefined, place);
    this.constants.push(value);
    return value;
  }

  /** Adds a node. `declared` states output types that the inputs do not tell. */
  node(
    op: OpName,
    inputs: readonly (Value | null)[],
    attributes: Attributes = {},
    declared?: readonly TensorType[],
  ): readonly Value[] {
    const name = this.#fresh(op);
    const types = this.#infer(name, op, inputs, attributes, declared);
    const outputs = types.map((type, i) => this.#value(i === 0 ? name : `${name}.${i}`, type));
    const node = { name, op, inputs, outputs, attributes };
    this.nodes.push(node);
    for (const output of outputs) this.#producers.set(output, node);
    return outputs;
  }

  /** The node that makes a value; undefined for inputs, constants and values of other graphs. */
  producerOf(value: Value): GraphNode | undefined {
    return this.#producers.get(value);
  }

  /** Differentiation goes from `value` straight to the inputs; it does not look at the nodes between. */
  setGradient(value: Value, gradient: CustomGradient): Value {
    this.#customGradients.set(value, gradient);
    return value;
  }

  customGradientOf(value: Value): CustomGradient | undefined {
    return this.#customGradients.get(value);
  }

  /**
   * How to compute a value a second time from others that are kept anyway. Gradients read the second one, so that the first
   * need not be held until then.
   */
  setRecipe(value: Value, recipe: Recipe): Value {
    this.#recipes.set(value, recipe);
    return value;
  }

  /** The value as gradients should read it: where there is a recipe, computed again, once, and not before `gradient` is there. */
  remade(value: Value, gradient: Value): Value {
    const known = this.#remade.get(value);
    if (known) return known;
    const result = this.#recipes.get(value)?.(gradient) ?? value;
    this.#remade.set(value, result);
    return result;
  }

  /** A value and axis that have the size of a symbol. */
  sourceOf(symbol: string): { readonly value: Value; readonly axis: number } {
    const source = this.#symbols.get(symbol) ?? this.parent?.sourceOf(symbol);
    if (!source) throw new SegueError('INTERNAL', `no value has the dimension ${symbol}`);
    return source;
  }

  #knows(symbol: string): boolean {
    return this.#symbols.has(symbol) || (this.parent ? this.parent.#knows(symbol) : false);
  }

  #infer(
    name: string,
    op: OpName,
    inputs: readonly (Value | null)[],
    attributes: Attributes,
    declared: readonly TensorType[] | undefined,
  ): readonly TensorType[] {
    const rule: OpRule = ops[op];
    const where = `node ${name} (${inputs.map((value) => (value ? formatType(value) : 'none')).join(', ')})`;
    if (inputs.length < rule.minInputs || inputs.length > rule.maxInputs) {
      throw new SegueError(
        'INTERNAL',
        `${where}: takes ${rule.minInputs} to ${rule.maxInputs} inputs, got ${inputs.length}`,
      );
    }
    for (const key of Object.keys(attributes)) {
      if (!(key in rule.attributes)) throw new SegueError('INTERNAL', `${where}: no attribute ${key}`);
    }
    for (const value of inputs) {
      if (value && !this.sees(value.scope))
        throw new SegueError('INTERNAL', `${where}: ${value.name} belongs to another graph`);
    }
    try {
      return rule.infer({ inputs, attributes, declared });
    } catch (error) {
      throw new SegueError('INTERNAL', `${where}: ${SegueError.from(error).rawMessage}`, error);
    }
  }

  #value(name: string, type: TensorType, data?: TensorData, place?: FilePlace): Value {
    const value = new Value(this, name, type, data, place);
    type.shape.forEach((dim, axis) => {
      const atomic = typeof dim === 'string' && factorsOf(dim).symbols[0] === dim && termsOf(dim).length === 1;
      if (atomic && !this.#knows(dim)) this.#symbols.set(dim, { value, axis });
    });
    return value;
  }

  /** A name that nothing in the graph has, for what is not a node. */
  protected uniqueName(stem: string): string {
    return this.#fresh(stem);
  }

  #fresh(stem: string): string {
    return `${stem.toLowerCase()}_${this.#names.count++}`;
  }

  #claim(name: string): string {
    if (this.#names.taken.has(name)) throw new SegueError('INTERNAL', `the name ${name} is taken`);
    this.#names.taken.add(name);
    return name;
  }
}
