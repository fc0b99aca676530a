/**
 * Every rule of the gradient table against central finite differences in double precision. A fused float32 operator is compared
 * with the differences of its composed double form, which the builder chooses by element type. A rule without a case fails.
 */
import { SeededRandom } from '@segue/core';
import t, { type Test } from 'tap';
import { Builder } from '../dist/graph/builder.js';
import { differentiate } from '../dist/graph/differentiate.js';
import { emit, neededNodes } from '../dist/graph/emit.js';
import { gradientRules } from '../dist/graph/gradient-rules.js';
import { type OpName, ops } from '../dist/graph/ops.js';
import { Session, type Tensors, tensor } from '../dist/graph/session.js';
import { type Dim, type DType, factorsOf, type Shape, termsOf } from '../dist/graph/tensor-type.js';
import type { Value } from '../dist/graph/value.js';
import { attendTo } from '../dist/model/attention.js';
import { swiGlu } from '../dist/model/swiglu.js';
import { tokenLogProbs } from '../dist/train/token-log-probs.js';

interface Case {
  /** Shapes of the differentiated inputs; a symbol is a key of `sizes`. */
  readonly inputs: readonly Shape[];
  readonly build: (b: Builder, inputs: readonly Value[]) => Value;
  /** Values lie in [low, high]; [-1, 1] when left out. */
  readonly range?: readonly [number, number];
  /** The operator has a float32 kernel only. */
  readonly fused?: boolean;
}

const sizes: Readonly<Record<string, number>> = { B: 2, T: 3, rows: 2 };
const sizeOf = (dim: Dim): number =>
  termsOf(dim)
    .map(factorsOf)
    .reduce((sum, { count, symbols }) => sum + symbols.reduce((product, name) => product * sizes[name]!, count), 0);
const concrete = (shape: Shape) => shape.map(sizeOf);
const count = (shape: Shape) => concrete(shape).reduce((product, dim) => product * dim, 1);
const binary = (op: OpName): Case[] => [
  {
    inputs: [
      [2, 3],
      [2, 3],
    ],
    build: (b, [x, y]) => b.op(op, [x!, y!]),
  },
  {
    inputs: [
      ['B', 'T', 2],
      ['T', 1],
    ],
    build: (b, [x, y]) => b.op(op, [x!, y!]),
  },
  {
    inputs: [
      [1, 3],
      [2, 1],
    ],
    build: (b, [x, y]) => b.op(op, [x!, y!]),
  },
];
const unary = (op: OpName): Case => ({ inputs: [[2, 3]], build: (b, [x]) => b.op(op, [x!]) });
const products = (build: (transA: boolean, transB: boolean) => Case): Case[] =>
  [false, true].flatMap((transA) => [false, true].map((transB) => build(transA, transB)));
const turned = (shape: Shape, turn: boolean): Shape =>
  turn ? [...shape.slice(0, -2), shape.at(-1)!, shape.at(-2)!] : shape;
const indices = (b: Builder, shape: readonly number[], values: readonly number[]) => b.constant('int64', shape, values);

const cases: Readonly<Record<string, readonly Case[]>> = {
  Add: binary('Add'),
  Sub: binary('Sub'),
  Mul: [...binary('Mul'), { inputs: [[3]], build: (b, [x]) => b.mul(x!, x!) }],
  Div: binary('Div').map((one) => ({ ...one, range: [0.5, 2] as const })),
  Min: binary('Min'),
  Max: binary('Max'),
  Sum: [{ inputs: [[2, 3], [3], [2, 1]], build: (b, inputs) => b.sum(inputs) }],
  Where: [{ inputs: [[2, 3], [3]], build: (b, [x, y]) => b.where(b.greater(x!, 0.1), x!, y!) }],
  Clip: [{ inputs: [[4, 3]], build: (b, [x]) => b.clip(x!, -0.4, 0.5) }],
  Neg: [unary('Neg')],
  Exp: [unary('Exp')],
  Log: [{ ...unary('Log'), range: [0.5, 2] }],
  Sqrt: [{ ...unary('Sqrt'), range: [0.5, 2] }],
  Sigmoid: [unary('Sigmoid')],
  QuickGelu: [
    { inputs: [['B', 5]], build: (b, [x]) => b.silu(x!), range: [-3, 3], fused: true },
    {
      inputs: [['B', 5]],
      build: (b, [x]) =>
        x!.dtype === 'float32' ? b.op('QuickGelu', [x!], { alpha: 1.5 }) : b.mul(x!, b.sigmoid(b.mul(x!, 1.5))),
      range: [-3, 3],
      fused: true,
    },
  ],
  Gemm: products((transA, transB) => ({
    inputs: [turned([2, 3], transA), turned([3, 4], transB)],
    build: (b, [x, y]) => b.op('Gemm', [x!, y!], { transA: transA ? 1 : 0, transB: transB ? 1 : 0 }),
  })),
  MatMul: [
    {
      inputs: [
        ['B', 3, 4],
        ['B', 4, 2],
      ],
      build: (b, [x, y]) => b.matmul(x!, y!),
    },
    {
      inputs: [
        ['B', 2, 3, 4],
        [4, 2],
      ],
      build: (b, [x, y]) => b.matmul(x!, y!),
    },
  ],
  FusedMatMul: products((transA, transB) => ({
    inputs: [turned(['B', 2, 'T', 4], transA), turned(['B', 2, 4, 5], transB)],
    build: (b, [x, y]) => b.matmul(x!, y!, { transA, transB, alpha: 0.7 }),
    fused: true,
  })),
  Softmax: [{ inputs: [[2, 'T', 4]], build: (b, [x]) => b.softmax(x!) }],
  LogSoftmax: [{ inputs: [['B', 4]], build: (b, [x]) => b.logSoftmax(x!) }],
  ReduceSum: [
    { inputs: [['B', 3, 'T']], build: (b, [x]) => b.reduceSum(x!, [0, 2]) },
    { inputs: [['B', 3, 'T']], build: (b, [x]) => b.reduceSum(x!, [1], true) },
  ],
  ReduceMean: [
    { inputs: [['B', 3, 'T']], build: (b, [x]) => b.reduceMean(x!, [0, 1]) },
    { inputs: [['B', 3, 'T']], build: (b, [x]) => b.reduceMean(x!, [-1], true) },
  ],
  SimplifiedLayerNormalization: [
    { inputs: [['B', 'T', 4], [4]], build: (b, [x, w]) => b.rmsNorm(x!, w!, 1e-5), fused: true },
  ],
  RotaryEmbedding: [
    {
      inputs: [['B', 2, 'T', 8]],
      build: (b, [x]) => b.rotary(x!, b.integers([1]), ...rotaryTables(b, x!.dtype)),
      fused: true,
    },
    {
      inputs: [['B', 2, 'T', 8]],
      build: (b, [x]) =>
        b.rotary(x!, b.assume(indices(b, [2, 3], [0, 1, 2, 3, 4, 5]), ['B', 'T']), ...rotaryTables(b, x!.dtype)),
      fused: true,
    },
  ],
  Identity: [{ inputs: [[2, 3]], build: (b, [x]) => b.assume(x!, ['rows', 3]) }],
  Cast: [
    {
      inputs: [[2, 3]],
      build: (b, [x]) =>
        b.op('Identity', [b.node('Cast', [x!], { to: 11 }, [{ dtype: 'float64', shape: [2, 3] }])[0]!]),
    },
  ],
  Reshape: [{ inputs: [['B', 'T', 4]], build: (b, [x]) => b.reshape(x!, ['B*T', 4]) }],
  Squeeze: [{ inputs: [[2, 1, 3]], build: (b, [x]) => b.squeeze(x!, [1]) }],
  Unsqueeze: [{ inputs: [['B', 3]], build: (b, [x]) => b.unsqueeze(x!, [0, 2]) }],
  Expand: [
    { inputs: [[2, 1, 3], ['T']], build: (b, [x, y]) => b.mul(b.expand(x!, [2, 'T', 3]), b.unsqueeze(y!, [1])) },
  ],
  Transpose: [{ inputs: [['B', 3, 'T', 2]], build: (b, [x]) => b.transpose(x!, [2, 0, 3, 1]) }],
  Concat: [
    {
      inputs: [
        [2, 'T'],
        [2, 2],
      ],
      build: (b, inputs) => b.concat(inputs, -1),
    },
  ],
  Split: [
    { inputs: [[3, 5]], build: (b, [x]) => joined(b, b.split(x!, [2, 3], 1)) },
    { inputs: [[3, 5]], build: (b, [x]) => b.split(x!, [2, 3], -1)[1]! },
  ],
  Gather: [
    { inputs: [[5, 3]], build: (b, [x]) => b.gather(x!, indices(b, [2, 3], [1, 4, 1, 0, 1, 4])) },
    { inputs: [[5]], build: (b, [x]) => b.gather(x!, indices(b, [3], [2, 2, 0])) },
    { inputs: [[200, 2]], build: (b, [x]) => b.gather(x!, indices(b, [4], [7, 199, 7, 0])) },
  ],
  GatherElements: [
    { inputs: [['B', 4]], build: (b, [x]) => b.gatherElements(x!, indices(b, [2, 2], [3, 3, 0, 1]), 1) },
  ],
  ScatterElements: [
    { inputs: [[4], [5]], build: (b, [x, y]) => b.scatterAdd(x!, indices(b, [5], [1, 1, 3, 0, 1]), y!, 0) },
  ],
};

function rotaryTables(b: Builder, dtype: DType): [Value, Value] {
  const angles = Array.from({ length: 8 * 4 }, (_, i) => Math.floor(i / 4) / 10 ** (i % 4));
  return [b.constant(dtype, [8, 4], angles.map(Math.cos)), b.constant(dtype, [8, 4], angles.map(Math.sin))];
}

function joined(b: Builder, [first, second]: readonly Value[]): Value {
  return b.concat([b.mul(second!, 2), first!], 1);
}

/** sum(build(x) * fixed weights), with the inputs named x0, x1... */
function lossOf(b: Builder, one: Case, dtype: DType): { loss: Value; inputs: Value[] } {
  const inputs = one.inputs.map((shape, i) => b.input(`x${i}`, dtype, shape));
  const result = one.build(b, inputs);
  const random = new SeededRandom(7, 'loss weights');
  const shape = concrete(result.shape);
  const weights = b.constant(
    result.dtype,
    shape,
    Array.from({ length: count(shape) }, () => random.normal()),
  );
  const weighted = b.mul(b.assume(result, shape), weights);
  return {
    loss: b.cast(
      b.reduceSum(
        weighted,
        shape.map((_, axis) => axis),
      ),
      dtype,
    ),
    inputs,
  };
}

function feedsOf(one: Case, values: readonly Float64Array[], dtype: DType): Tensors {
  return Object.fromEntries(
    one.inputs.map((shape, i) => [
      `x${i}`,
      tensor(dtype, concrete(shape), dtype === 'float64' ? values[i]! : Float32Array.from(values[i]!)),
    ]),
  );
}

async function numericGradients(one: Case, values: readonly Float64Array[]): Promise<number[][]> {
  const b = new Builder();
  b.output('loss', lossOf(b, one, 'float64').loss);
  const session = await Session.create(emit(b), { optimize: false });
  const lossAt = async () => Number((await session.run(feedsOf(one, values, 'float64'))).loss!.data[0]);
  const step = 1e-5;
  const gradients: number[][] = [];
  for (const array of values) {
    const gradient: number[] = [];
    for (let i = 0; i < array.length; i++) {
      const here = array[i]!;
      array[i] = here + step;
      const above = await lossAt();
      array[i] = here - step;
      const below = await lossAt();
      array[i] = here;
      gradient.push((above - below) / (2 * step));
    }
    gradients.push(gradient);
  }
  await session.dispose();
  return gradients;
}

async function worstError(name: string, one: Case, t: Test): Promise<number> {
  const random = new SeededRandom(11, name);
  const [low, high] = one.range ?? [-1, 1];
  const values = one.inputs.map((shape) =>
    Float64Array.from({ length: count(shape) }, () => low + (high - low) * random.next()),
  );
  const dtype = one.fused ? 'float32' : 'float64';
  const b = new Builder();
  const { loss, inputs } = lossOf(b, one, dtype);
  if (name in ops) {
    t.ok(
      b.nodes.some((node) => node.op === name),
      'the case uses the operator',
    );
  }
  differentiate(b, loss, inputs).forEach((gradient, i) => {
    t.same(gradient.shape, inputs[i]!.shape, 'a gradient has the shape of its input');
    b.output(`g${i}`, gradient);
  });
  const session = await Session.create(emit(b), { optimize: one.fused ?? false });
  const outputs = await session.run(feedsOf(one, values, dtype));
  await session.dispose();
  const expected = await numericGradients(one, values);
  let worst = 0;
  expected.forEach((gradient, i) => {
    const actual = outputs[`g${i}`]!.data;
    gradient.forEach((value, k) => {
      worst = Math.max(worst, Math.abs(Number(actual[k]) - value) / Math.max(1, Math.abs(value)));
    });
  });
  return worst;
}

t.test('every gradient rule agrees with finite differences', async (t) => {
  t.same(Object.keys(cases).sort(), Object.keys(gradientRules).sort(), 'every rule has a case');
  for (const [op, list] of Object.entries(cases)) {
    for (const [index, one] of list.entries()) {
      const limit = one.fused ? 2e-5 : 1e-8;
      const worst = await worstError(op, one, t);
      t.ok(worst < limit, `${op} ${index}: relative error ${worst.toExponential(1)} under ${limit}`);
    }
  }
});

/** What sets a gradient of its own instead of going through the table. */
const customCases: Readonly<Record<string, Case>> = {
  takeRows: { inputs: [['T', 4]], build: (b, [x]) => b.takeRows(x!, indices(b, [2], [2, 0])) },
  swiGlu: {
    inputs: [
      ['B', 5],
      ['B', 5],
    ],
    build: (b, [gate, up]) => swiGlu(b, gate!, up!),
  },
  // Above the gate, so that its recipe is read.
  'a product after swiGlu': {
    inputs: [
      ['B', 5],
      ['B', 5],
      [3, 5],
    ],
    build: (b, [gate, up, down]) => b.linear(swiGlu(b, gate!, up!), down!),
  },
  tokenLogProbs: {
    inputs: [['B', 5]],
    build: (b, [scores]) => tokenLogProbs(b, b.assume(scores!, [2, 5]), indices(b, [2], [3, 0])).logProbs,
  },
  attendTo: {
    inputs: [
      ['B', 2, 3, 4],
      ['B', 2, 5, 4],
      ['B', 2, 5, 4],
    ],
    build: (b, [q, k, v]) =>
      attendTo(b, q!, k!, v!, b.constant(q!.dtype, [3, 5], [0, 0, 0, -50, -50, 0, 0, 0, 0, -50, 1, 0, 0, 0, 0])),
  },
};

t.test('every custom gradient agrees with finite differences', async (t) => {
  for (const [name, one] of Object.entries(customCases)) {
    const worst = await worstError(name, one, t);
    t.ok(worst < 1e-8, `${name}: relative error ${worst.toExponential(1)}`);
  }
});

t.test('an operator without a rule is refused by name', async (t) => {
  const b = new Builder();
  const x = b.input('x', 'float32', [3]);
  const loss = b.reduceSum(b.cumSum(x, 0), [0]);
  t.throws(() => differentiate(b, loss, [x]), /no gradient rule for CumSum/);
});

t.test('only nodes between a target and the loss are visited', async (t) => {
  const b = new Builder();
  const x = b.input('x', 'float32', [3]);
  const y = b.input('y', 'float32', [3]);
  const aside = b.cumSum(y, 0); // has no rule, and leads to no target
  const loss = b.reduceSum(b.mul(x, aside), [0]);
  b.output('g', differentiate(b, loss, [x])[0]!);
  t.notOk(neededNodes(b).some((node) => node.op === 'Neg'));
  const session = await Session.create(emit(b));
  const { g } = await session.run({
    x: tensor('float32', [3], Float32Array.of(1, 2, 3)),
    y: tensor('float32', [3], Float32Array.of(1, 1, 1)),
  });
  t.same([...g!.data], [1, 2, 3]);
  await session.dispose();
});

t.test('a target that the loss does not depend on is refused by name', async (t) => {
  const b = new Builder();
  const x = b.input('x', 'float32', [3]);
  const other = b.input('other', 'float32', [3]);
  t.throws(() => differentiate(b, b.reduceSum(x, [0]), [other]), /does not depend on other/);
});

t.test('embedding gradients with repeated tokens are exact and repeatable at two threads', async (t) => {
  const [vocabulary, width, tokens] = [200, 64, 4096];
  const b = new Builder();
  const table = b.input('table', 'float32', [vocabulary, width]);
  const ids = b.input('ids', 'int64', [tokens]);
  const weights = b.input('weights', 'float32', [tokens, width]);
  const loss = b.reduceSum(b.mul(b.gather(table, ids), weights), [0, 1]);
  b.output('g', differentiate(b, loss, [table])[0]!);
  t.notOk(
    b.nodes.some((node) => String(node.op) === 'ScatterND'),
    'ScatterND adds wrongly with two threads',
  );
  const random = new SeededRandom(3, 'embedding');
  const idData = BigInt64Array.from({ length: tokens }, () => BigInt(random.below(vocabulary)));
  // Whole numbers add exactly in any order: each element has one right value.
  const weightData = Float32Array.from({ length: tokens * width }, () => random.below(8));
  const expected = new Float32Array(vocabulary * width);
  weightData.forEach((value, i) => {
    expected[Number(idData[Math.floor(i / width)]) * width + (i % width)]! += value;
  });
  const session = await Session.create(emit(b), { threads: 2 });
  for (let run = 0; run < 10; run++) {
    const { g } = await session.run({
      table: tensor('float32', [vocabulary, width], new Float32Array(vocabulary * width)),
      ids: tensor('int64', [tokens], idData),
      weights: tensor('float32', [tokens, width], weightData),
    });
    t.same(Buffer.compare(Buffer.from(expected.buffer), Buffer.from((g!.data as Float32Array).slice().buffer)), 0);
  }
  await session.dispose();
});
