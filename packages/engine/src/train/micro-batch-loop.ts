/**
 * A loop over micro-batches inside one graph. They differ in size: the arrays of all come one after the other, `sizes` says where each
 * begins, and every trip cuts out its own. Knows nothing of what is computed from them.
 */
import { Builder } from '../graph/builder.js';
import type { Dim, Shape } from '../graph/tensor-type.js';
import type { Value } from '../graph/value.js';
import type { ParameterLayout } from '../model/layout.js';
import {
  attentionBlocks,
  joinWeights,
  type LossInputs,
  type Objective,
  plainLogProbs,
  weightValues,
} from './graphs.js';
import type { TokenInputs } from './long-log-probs.js';

/** Columns of `sizes`: rows, tokens per attention block and trained tokens of a micro-batch, and where its arrays begin. */
export const sizeColumns = ['rows', 'blockLength', 'trained', 'tokenBegin', 'trainedBegin', 'rowBegin'] as const;

export interface ArrayInputs {
  readonly sizes: Value;
  readonly tokens: Value;
  /** By name, each over all trained tokens or all rows. */
  readonly perToken: ReadonlyMap<string, Value>;
  readonly perRow: ReadonlyMap<string, Value>;
  readonly inverseTemperature: Value;
  readonly tau: Value | null;
  readonly objective: Objective | null;
}

/** @param objective null for log-probs alone */
export function arrayInputs(b: Builder, objective: Objective | null): ArrayInputs {
  const policy = objective === 'policy';
  const inputs = (names: readonly string[], length: string) =>
    new Map(names.map((name) => [name, b.input(name, isIndex(name) ? 'int64' : 'float32', [length])]));
  return {
    sizes: b.input('sizes', 'int64', ['M', sizeColumns.length]),
    tokens: b.input('tokens', 'int64', ['allTokens']),
    perToken: inputs(
      ['positions', 'targets', ...(objective ? ['rowOf'] : []), ...(policy ? ['referenceLogProbs', 'weights'] : [])],
      'allTrained',
    ),
    perRow: inputs([...(objective ? ['scale'] : []), ...(policy ? ['advantages', 'lengths'] : [])], 'allRows'),
    inverseTemperature: b.input('inverseTemperature', 'float32', []),
    tau: policy ? b.input('tau', 'float32', []) : null,
    objective,
  };
}

function isIndex(name: string): boolean {
  return ['positions', 'targets', 'rowOf'].includes(name);
}

/** The arrays of one trip; without an objective the loss has none. */
function cutMicroBatch(b: Builder, arrays: ArrayInputs, trip: Value): BatchInputs {
  const own = b.gather(arrays.sizes, trip, 0); // [columns]
  const size = (column: (typeof sizeColumns)[number]) => b.slice(own, sizeColumns.indexOf(column), 1, 0); // [1]
  const [rows, blockLength, trained] = [size('rows'), size('blockLength'), size('trained')];
  const cut = (flat: Value, begin: Value, length: Value, dim: Dim) => {
    const shape: Shape = [dim];
    const inputs = [flat, begin, b.add(begin, length), b.integers([0])];
    return b.node('Slice', inputs, {}, [{ dtype: flat.dtype, shape }])[0]!;
  };
  const flatTokens = b.product(['B', attentionBlocks, 'Q']);
  const count = b.mul(b.mul(rows, blockLength), attentionBlocks);
  const tokens = cut(arrays.tokens, size('tokenBegin'), count, flatTokens);
  const shape = b.concat([rows, b.integers([attentionBlocks]), blockLength], 0);
  const perToken = (name: string) => cut(arrays.perToken.get(name)!, size('trainedBegin'), trained, 'N');
  const perRow = (name: string) => cut(arrays.perRow.get(name)!, size('rowBegin'), rows, 'B');
  const type = { dtype: 'int64', shape: ['B', attentionBlocks, 'Q'] } as const;
  const batch = {
    tokens: b.node('Reshape', [tokens, shape], {}, [type])[0]!,
    positions: perToken('positions'),
    targets: perToken('targets'),
    inverseTemperature: arrays.inverseTemperature,
  };
  const loss = (): LossInputs => ({
    rowOf: perToken('rowOf'),
    scale: perRow('scale'),
    ...(arrays.tau && {
      policy: {
        referenceLogProbs: perToken('referenceLogProbs'),
        weights: perToken('weights'),
        advantages: perRow('advantages'),
        lengths: perRow('lengths'),
        tau: arrays.tau,
      },
    }),
  });
  return { tokens: batch, loss: arrays.objective ? loss() : null };
}

interface BatchInputs {
  readonly tokens: TokenInputs;
  readonly loss: LossInputs | null;
}

export interface LoopWork {
  /** What is added up over the trips, with what it begins from. */
  readonly summed: readonly { readonly name: string; readonly initial: Value }[];
  /** Names of vectors that are joined over the trips; they become outputs, as does `entropy`. */
  readonly joined: readonly string[];
  readonly compute: (
    body: Builder,
    batch: BatchInputs,
  ) => { readonly summed: readonly Value[]; readonly joined: readonly Value[]; readonly entropy: Value };
}

/** @returns the sums */
export function loopOverMicroBatches(b: Builder, arrays: ArrayInputs, work: LoopWork): readonly Value[] {
  const none = b.zeros([0], 'float32');
  const sums = work.summed.length;
  const { carried } = b.loop(
    b.reshape(b.dimension('M'), []),
    [
      ...work.summed.map(({ name, initial }) => ({ name: `sum.${name}`, initial })),
      { name: 'entropy', initial: b.scalar(0) },
      ...work.joined.map((name) => ({
        name,
        initial: none,
        bodyShape: [`${name}.so far`],
        finalShape: [`${name}.all`],
      })),
    ],
    ({ graph: body, trip, carried: before }) => {
      const { summed, joined, entropy } = work.compute(body, cutMicroBatch(body, arrays, trip));
      return {
        carried: [
          ...summed.map((term, i) => body.add(before[i]!, term)),
          body.add(before[sums]!, entropy),
          ...joined.map((part, i) => body.concat([before[sums + 1 + i]!, part], 0)),
        ],
      };
    },
  );
  b.output('entropy', carried[sums]!);
  work.joined.forEach((name, i) => {
    b.output(name, carried[sums + 1 + i]!);
  });
  return carried.slice(0, sums);
}

/** Log-probs of all micro-batches: inputs are weights by name and the arrays; outputs logProbs and entropy. */
export function logProbLoopGraph(layout: ParameterLayout): Builder {
  const b = new Builder();
  const weights = joinWeights(b, layout, weightValues(b, layout, 'float32'));
  loopOverMicroBatches(b, arrayInputs(b, null), {
    summed: [],
    joined: ['logProbs'],
    compute: (body, { tokens }) => {
      const { logProbs, entropy } = plainLogProbs(body, layout.config, weights, tokens);
      return { summed: [], joined: [logProbs], entropy };
    },
  });
  return b;
}
