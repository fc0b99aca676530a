/**
 * Attention of one decode step: one query per row against its prefix (read from outside the loop) and the chunk so far, and where
 * siblings share a prompt, against that prompt's one copy. Every product is batched over rows and key-value heads, B*G of them,
 * with the R = H/G query heads of one key-value head as its rows.
 */
import type { Builder } from '../graph/builder.js';
import type { Dim, DType } from '../graph/tensor-type.js';
import type { Value } from '../graph/value.js';
import type { ModelConfig } from '../model/config.js';
import { type Heads, type RotaryTables, rotaryTables } from '../model/decoder.js';
import { kvNames } from './kv-tensors.js';

/**
 * Rotation of one token per row: a row's heads stand where a sequence's tokens would, so that queries and keys turn by the row's position and
 * values not at all, in one operator without cutting them apart.
 */
export class StepRotation {
  readonly #config: ModelConfig;
  readonly #tables: RotaryTables;
  /** int64 [K, B, H+2G] */
  readonly #rowsOfTable: Value;

  /** Computes its tables in `outer`, the graph around the loop. @param position int64 [B, 1] of each row's first step */
  constructor(outer: Builder, config: ModelConfig, position: Value, dtype: DType) {
    const { heads, kvHeads, maxPositions } = config;
    this.#config = config;
    const { cos, sin } = rotaryTables(outer, config, dtype);
    // One more row, which turns by nothing.
    const row = (value: number) => outer.expand(outer.cast(outer.scalar(value), cos.dtype), [1, cos.shape[1]!]);
    this.#tables = { cos: outer.concat([cos, row(1)], 0), sin: outer.concat([sin, row(0)], 0) };
    const steps = outer.reshape(outer.range('K'), ['K', 1, 1]);
    // A row that has ended steps on with the others, past the context too; what it computes there is thrown away.
    const positions = outer.min(outer.add(position, steps), maxPositions - 1); // [K, B, 1]
    const turns = Array.from({ length: heads + 2 * kvHeads }, (_, head) => (head < heads + kvHeads ? 1 : 0));
    const turned = outer.constant('bool', [1, 1, turns.length], turns);
    this.#rowsOfTable = outer.where(turned, positions, maxPositions);
  }

  /** qkv [B, (H+2G)*D] at a step -> q [B*G, R, D], k and v [B*G, 1, D]; q and k rotated. */
  heads(b: Builder, qkv: Value, trip: Value): Heads {
    const { heads, kvHeads, headSize } = this.#config;
    const all = b.reshape(qkv, ['B', 1, heads + 2 * kvHeads, headSize]);
    const rotated = b.rotary(all, b.gather(this.#rowsOfTable, trip, 0), this.#tables.cos, this.#tables.sin);
    const [q, k, v] = b.split(rotated, [heads, kvHeads, kvHeads], 2);
    const rows = b.product(['B', kvHeads]);
    return {
      q: b.reshape(q!, [rows, heads / kvHeads, headSize]),
      k: b.reshape(k!, [rows, 1, headSize]),
      v: b.reshape(v!, [rows, 1, headSize]),
    };
  }
}

/** Keys and values that are there before the chunk, per layer. */
interface Past {
  /** [batch, columns, D] */
  readonly keys: readonly Value[];
  readonly values: readonly Value[];
  /** Added to the scores, [batch, 1, columns]. */
  readonly mask: Value;
  readonly columns: string;
}

/**
 * The prompts that siblings share. Rows stand in a grid of cells x members; a cell is a prompt and a key-value head. Going from rows to
 * the grid and back are gathers.
 */
interface SharedPast extends Pick<Past, 'values' | 'columns'> {
  /**
   * [cells, D+1, S]: turned over once for all steps, since many rows multiply them at each; the last row is the mask, for a one behind each
   * query, so that the scores need not be gone through again.
   */
  readonly keys: readonly Value[];
  /** [cells, members*R, 1] of ones */
  readonly ones: Value;
  /** int64 [cells, members] */
  readonly rowOfCell: Value;
  /** int64 [B*G] */
  readonly cellOfRow: Value;
}

export class StepAttention {
  readonly #config: ModelConfig;
  readonly #prefix: Past;
  readonly #shared: SharedPast | null;
  readonly #outer: Builder;
  readonly #dtype: DType;
  /** Shapes for #reshape, by their first two dimensions. */
  readonly #sizes = new Map<string, Value>();

  /** Declares its inputs in `outer`, the graph around the loop. */
  constructor(outer: Builder, config: ModelConfig, shared: boolean, dtype: DType) {
    this.#outer = outer;
    this.#dtype = dtype;
    this.#config = config;
    const rows = outer.product(['B', config.kvHeads]);
    this.#prefix = this.#past('prefix', rows, 'P');
    this.#shared = shared ? this.#sharedPast(rows) : null;
    // Sizes that the body asks for are read once, out here.
    for (const dim of shared ? ['P', 'S'] : ['P']) outer.dimension(dim);
  }

  #past(name: string, batch: Dim, columns: string): Past {
    const { headSize, layers } = this.#config;
    const values = kvNames(name, layers).map((input) =>
      this.#outer.input(input, this.#dtype, [batch, columns, headSize]),
    );
    const mask = this.#outer.input(`${name}Mask`, 'float32', [batch, 1, columns]);
    return {
      keys: values.filter((_, i) => i % 2 === 0),
      values: values.filter((_, i) => i % 2 === 1),
      mask: this.#outer.cast(mask, this.#dtype),
      columns,
    };
  }

  #sharedPast(rows: Dim): SharedPast {
    const b = this.#outer;
    const { heads, kvHeads } = this.#config;
    const rowOfCell = b.input('rowOfCell', 'int64', ['cells', 'members']);
    const cellOfRow = b.input('cellOfRow', 'int64', [rows]);
    const { keys, values, mask, columns } = this.#past('shared', 'cells', 'S');
    return {
      keys: keys.map((layer) => b.concat([b.transpose(layer, [0, 2, 1]), mask], 1)),
      ones: b.expand(b.scalar(1, this.#dtype), ['cells', b.product(['members', heads / kvHeads]), 1]),
      values,
      columns,
      rowOfCell,
      cellOfRow,
    };
  }

  /** q [B*G, R, D] against the past and the chunk's keys and values [B*G, t+1, D] -> [B, H*D]. */
  attend(b: Builder, layer: number, chunk: { readonly q: Value; readonly keys: Value; readonly values: Value }): Value {
    const { q, keys, values } = chunk;
    const { heads, headSize } = this.#config;
    const alpha = 1 / Math.sqrt(headSize);
    const prefix = this.#prefix;
    const shared = this.#shared;
    const parts = [
      b.add(b.matmul(q, prefix.keys[layer]!, { transB: true, alpha }), prefix.mask), // [B*G, R, P]
      b.matmul(q, keys, { transB: true, alpha }), // [B*G, R, t+1]
    ];
    const own = b.concat(parts, 2); // [B*G, R, P+t+1]
    const sizes = parts.map((part) => part.shape[2]!);
    const attendOwn = (weights: Value) => {
      const [ofPrefix, ofChunk] = b.split(weights, sizes, 2);
      return b.add(b.matmul(ofPrefix!, prefix.values[layer]!), b.matmul(ofChunk!, values)); // [B*G, R, D]
    };
    const attended = shared ? this.#attendShared(b, shared, layer, { q, own, attendOwn }) : attendOwn(b.softmax(own));
    return b.reshape(attended, ['B', heads * headSize]);
  }

  /** One softmax over the prompt's scores and each row's own. The own ones, far fewer, are those that change places. */
  #attendShared(
    b: Builder,
    shared: SharedPast,
    layer: number,
    { q, own, attendOwn }: { readonly q: Value; readonly own: Value; readonly attendOwn: (weights: Value) => Value },
  ): Value {
    const alpha = 1 / Math.sqrt(this.#config.headSize);
    const queries = b.concat([this.#toGrid(b, shared, q), shared.ones], 2); // [cells, members*R, D+1]
    const product = b.matmul(queries, shared.keys[layer]!, { alpha }); // [cells, members*R, S]
    const scores = [product, this.#toGrid(b, shared, own)]; // [.., S], [.., P+t+1]
    const weights = b.softmax(b.concat(scores, 2));
    const sizes = scores.map((score) => score.shape[2]!);
    const [ofShared, ofOwn] = b.split(weights, sizes, 2) as [Value, Value];
    const fromShared = this.#toRows(b, shared, b.matmul(ofShared, shared.values[layer]!)); // [B*G, R, D]
    return b.add(fromShared, attendOwn(this.#toRows(b, shared, ofOwn)));
  }

  /** [B*G, R, n] -> [cells, members*R, n] */
  #toGrid(b: Builder, { rowOfCell }: SharedPast, value: Value): Value {
    const [, perHead, last] = value.shape as readonly [Dim, Dim, Dim];
    const cells = b.gather(value, rowOfCell, 0); // [cells, members, R, n]
    return this.#reshape(b, cells, ['cells', b.product(['members', perHead]), last]);
  }

  /** [cells, members*R, n] -> [B*G, R, n] */
  #toRows(b: Builder, { cellOfRow }: SharedPast, value: Value): Value {
    const { heads, kvHeads } = this.#config;
    const members = this.#reshape(b, value, [b.product(['cells', 'members']), heads / kvHeads, value.shape[2]!]);
    return b.gather(members, cellOfRow, 0);
  }

  /** Reshapes to sizes that are computed outside the loop; the last is left to the runtime. */
  #reshape(b: Builder, value: Value, shape: readonly [Dim, Dim, Dim]): Value {
    const key = shape.slice(0, -1).join();
    let sizes = this.#sizes.get(key);
    if (!sizes) {
      sizes = this.#outer.concat(
        [...shape.slice(0, -1), -1].map((dim) => this.#outer.dimension(dim)),
        0,
      );
      this.#sizes.set(key, sizes);
    }
    return b.node('Reshape', [value, sizes], {}, [{ dtype: value.dtype, shape }])[0]!;
  }
}
