/**
 * Functions of rows, computed block by block in a loop, and their gradients, for which each block is computed again: what a block
 * needs on the way lives as long as the block. Values are stacks of n blocks, [n, ...]. Knows nothing of models.
 */
import type { Builder } from './builder.js';
import { type Arriving, backpropagate } from './differentiate.js';
import type { Dim } from './tensor-type.js';
import type { Value } from './value.js';

/** From one block of each value, and its number (int64 []), to one block of each result. */
export type BlockFunction = (b: Builder, blocks: readonly Value[], number: Value) => readonly Value[];

/** Applies a function to each block: values [n, ...] -> results [n, ...]. Carries no gradient. */
export function mapBlocks(b: Builder, values: readonly Value[], apply: BlockFunction): readonly Value[] {
  const count = values[0]!.shape[0]!;
  const { stacked } = b.loop(
    tripCount(b, count),
    [],
    ({ graph, trip }) => ({
      carried: [],
      stacked: apply(
        graph,
        values.map((value) => graph.gather(value, trip)),
        trip,
      ),
    }),
    count,
  );
  return stacked;
}

export interface BlockGradients {
  /** Of each value, [n, ...]. */
  readonly values: readonly Value[];
  /** Of each shared value, summed over the blocks. */
  readonly shared: readonly Value[];
}

/**
 * The gradients of a function applied by `mapBlocks`.
 * @param shared what the function reads in every block (weights), for which a gradient is wanted
 * @param results gradients of the results, each [n, ...]
 */
export function mapBlocksGradients(
  b: Builder,
  values: readonly Value[],
  shared: readonly Value[],
  results: readonly Value[],
  apply: BlockFunction,
): BlockGradients {
  const count = values[0]!.shape[0]!;
  const sums = shared.map((value, i) => ({ name: `sum${i}`, initial: b.zeros(value.shape, value.dtype) }));
  const { carried, stacked } = b.loop(
    tripCount(b, count),
    sums,
    ({ graph, trip, carried: sumsBefore }) => {
      const blocks = values.map((value) => graph.gather(value, trip));
      const arriving = apply(graph, blocks, trip).map(
        (value, i): Arriving => ({ value, gradient: graph.gather(results[i]!, trip) }),
      );
      const gradients = backpropagate(graph, arriving, [...blocks, ...shared]);
      return {
        carried: sumsBefore.map((sum, i) => graph.add(sum, gradients[blocks.length + i]!)),
        stacked: gradients.slice(0, blocks.length),
      };
    },
    count,
  );
  return { values: stacked, shared: carried };
}

/** One result of `mapBlocks`, with the gradient of `mapBlocksGradients`. */
export function blockwise(
  b: Builder,
  values: readonly Value[],
  shared: readonly Value[],
  apply: (b: Builder, blocks: readonly Value[], number: Value) => Value,
): Value {
  const each: BlockFunction = (body, blocks, number) => [apply(body, blocks, number)];
  const [result] = mapBlocks(b, values, each);
  const rule = (gradient: Value) => {
    const gradients = mapBlocksGradients(b, values, shared, [gradient], each);
    return [...gradients.values, ...gradients.shared];
  };
  return b.setGradient(result!, { inputs: [...values, ...shared], rule });
}

/**
 * Values computed in a scope of their own: it begins when all that it reads is there, and what it makes on the way is freed when it
 * ends. Without it, a runtime may compute early what is needed late, and keep it meanwhile.
 */
export function scoped(b: Builder, compute: (inner: Builder) => readonly Value[]): readonly Value[] {
  const { stacked } = b.loop(b.scalar(1, 'int64'), [], ({ graph }) => ({ carried: [], stacked: compute(graph) }), 1);
  return stacked.map((value) => b.reshape(value, value.shape.slice(1)));
}

/** The size of a dimension as a number of trips. */
export function tripCount(b: Builder, count: Dim): Value {
  return b.reshape(b.dimension(count), []);
}
