/** Building, checking, emitting and running graphs. */
import t from 'tap';
import { Builder } from '../dist/graph/builder.js';
import { emit, emitBeside, neededNodes } from '../dist/graph/emit.js';
import { ops } from '../dist/graph/ops.js';
import { Session, type Tensors, tensor } from '../dist/graph/session.js';
import { addDims, broadcastShapes, divideDim, multiplyDims } from '../dist/graph/tensor-type.js';
import { verify } from '../dist/graph/verify.js';

async function runOnce(
  b: Builder,
  feeds: Tensors,
): Promise<Record<string, { dims: readonly number[]; data: number[] }>> {
  const session = await Session.create(emit(b));
  const outputs = await session.run(feeds);
  await session.dispose();
  return Object.fromEntries(
    Object.entries(outputs).map(([name, { dims, data }]) => [
      name,
      { dims, data: Array.from(data as Float32Array, Number) },
    ]),
  );
}

const floats = (shape: readonly number[], from = 0) => {
  const size = shape.reduce((product, dim) => product * dim, 1);
  return tensor(
    'float32',
    shape,
    Float32Array.from({ length: size }, (_, i) => from + i),
  );
};

t.test('sizes: products and sums have one spelling', async (t) => {
  t.equal(multiplyDims(['T', 2, 'B', 3]), '6*B*T');
  t.equal(multiplyDims(['B*T', '2*B']), '2*B*B*T');
  t.equal(multiplyDims(['B', 0]), 0);
  t.equal(divideDim('6*B*T', '3*T'), '2*B');
  t.equal(divideDim('B*T', 'P'), undefined);
  t.equal(divideDim(7, 2), undefined);
  t.equal(addDims(['P', 1]), '(P+1)');
  t.equal(addDims(['(P+1)', 2, 'A']), '(A+P+3)');
  t.equal(addDims(['P', 0]), 'P');
  t.equal(addDims(['Q', '2*Q', 'A*B']), '(A*B+3*Q)');
  t.equal(addDims(['Q', 'Q']), '2*Q');
  t.equal(multiplyDims(['(P+1)', 'B']), '(P+1)*B');
  t.same(
    broadcastShapes([
      ['B', 1, 3],
      ['T', 1],
    ]),
    ['B', 'T', 3],
  );
  t.throws(() => broadcastShapes([['B'], ['T']]), /B and T do not broadcast/);
});

t.test('reshape finds symbolic sizes at run time', async (t) => {
  const b = new Builder();
  const x = b.input('x', 'float32', ['B', 'T', 4]);
  const rows = b.reshape(x, [-1, 4]);
  t.same(rows.shape, ['B*T', 4]);
  const both = b.reshape(rows, ['T', 2, 'B', 2]); // two sizes that no position or rest tells
  t.same(both.shape, ['T', 2, 'B', 2]);
  b.output('both', both);
  b.output('count', b.dimension('B*T'));
  const { both: result, count } = await runOnce(b, { x: floats([2, 3, 4]) });
  t.same(result!.dims, [3, 2, 2, 2]);
  t.same(count!.data, [6]);
});

t.test('split, slice, concat, expand and range with symbolic sizes', async (t) => {
  const b = new Builder();
  const x = b.input('x', 'float32', ['A', 2]);
  const y = b.input('y', 'float32', ['B', 2]);
  const all = b.concat([x, y], 0);
  t.same(all.shape, ['(A+B)', 2]);
  const [first, second] = b.split(all, ['A', 'B'], 0);
  b.output('first', first!);
  b.output('second', second!);
  b.output('middle', b.slice(all, b.dimension('A'), 1, 0));
  b.output('wide', b.expand(b.unsqueeze(x, [1]), ['A', 'B', 2]));
  b.output('range', b.range('(A+B)'));
  const result = await runOnce(b, { x: floats([2, 2]), y: floats([1, 2], 10) });
  t.same(result.first!.data, [0, 1, 2, 3]);
  t.same(result.second!.data, [10, 11]);
  t.same(result.middle!.data, [10, 11]);
  t.same(result.wide!.dims, [2, 1, 2]);
  t.same(result.range!.data, [0, 1, 2]);
});

t.test(
  'a constant cut along its first axis stays a constant: in memory without a copy, in a file by its place',
  async (t) => {
    const b = new Builder();
    const data = Float32Array.from({ length: 6 }, (_, i) => i);
    const [first, rest] = b.split(b.constant('float32', [3, 2], data), [1, 2], 0);
    t.equal(b.nodes.length, 0, 'nothing is left to compute');
    t.equal(rest!.data?.buffer, data.buffer);
    const place = { file: 'weights', offsetBytes: 40, bytes: 24 };
    const parts = b.split(b.constantInFile('float32', [3, 2], place), [1, 2], 0);
    t.same(
      parts.map((part) => part.place),
      [
        { file: 'weights', offsetBytes: 40, bytes: 8 },
        { file: 'weights', offsetBytes: 48, bytes: 16 },
      ],
    );
    const x = b.input('x', 'float32', [2]);
    b.output('first', b.add(first!, x));
    b.output('rest', b.add(rest!, x));
    const result = await runOnce(b, { x: floats([2], 10) });
    t.same(result.first!.data, [10, 12]);
    t.same(result.rest!.data, [12, 14, 14, 16]);
  },
);

t.test('a loop carries growing values, reads the outer graph, stacks outputs and ends early', async (t) => {
  const b = new Builder();
  const x = b.input('x', 'float32', ['T', 2]);
  const limit = b.input('limit', 'float32', []);
  const offset = b.add(limit, 100);
  const empty = b.constant('float32', [0, 2], []);
  const trips = b.reshape(b.dimension('T'), []);
  const seen = { name: 'seen', initial: empty, bodyShape: ['t', 2], finalShape: ['steps', 2] };
  const { carried, stacked } = b.loop(trips, [seen], ({ graph, trip, carried: [before] }) => {
    const row = graph.gather(x, trip); // [2]
    const after = graph.assume(graph.concat([before!, graph.unsqueeze(row, [0])], 0), ['t2', 2]);
    const total = graph.reduceSum(row, [0]);
    return { goOn: graph.less(total, limit), carried: [after], stacked: [graph.add(row, offset)] };
  });
  b.output('seen', carried[0]!);
  b.output('shifted', stacked[0]!);
  const { seen: rows, shifted } = await runOnce(b, { x: floats([4, 2]), limit: floats([], 5) });
  t.same(rows!.data, [0, 1, 2, 3], 'the trip whose sum reached the limit was the last');
  t.same(shifted!.data, [105, 106, 107, 108]);
});

t.test('only what the outputs need is emitted, equal constants are shared', async (t) => {
  const b = new Builder();
  const x = b.input('x', 'float32', [3]);
  b.exp(x);
  b.output('y', b.mul(b.add(x, 2), 2));
  t.same(
    neededNodes(b).map(({ op }) => op),
    ['Add', 'Mul'],
  );
  t.equal(b.constants.length, 1);
});

t.test('an input, a constant and one value under two names can be outputs', async (t) => {
  const b = new Builder();
  const x = b.input('x', 'float32', [2]);
  const double = b.mul(x, 2);
  b.output('same', x);
  b.output('one', double);
  b.output('two', double);
  b.output('constant', b.constant('float32', [2], [7, 8]));
  const result = await runOnce(b, { x: floats([2], 1) });
  t.same(
    [result.same, result.one, result.two, result.constant].map((output) => output!.data),
    [
      [1, 2],
      [2, 4],
      [2, 4],
      [7, 8],
    ],
  );
});

t.test('a wrong node is refused when it is made, by name', async (t) => {
  const b = new Builder();
  const x = b.input('x', 'float32', [2, 3]);
  const ids = b.input('ids', 'int64', [2]);
  t.throws(() => b.add(x, ids), /node add_\d+ \(float32\[2, 3\], int64\[2\]\): inputs have types float32 and int64/);
  t.throws(() => b.matmul(x, x), /node matmul_\d+ .*inner sizes 3 and 2 differ/);
  t.throws(() => b.reshape(x, [4, 2]), /node reshape_\d+ .*\[2,3\] does not fill \[4,2\]/);
  t.throws(() => b.op('Softmax', [x], { axes: 1 }), /no attribute axes/);
  t.throws(() => b.op('Exp', []), /takes 1 to 1 inputs, got 0/);
  t.throws(() => b.op('Add', [x, new Builder().input('y', 'float32', [3])]), /y belongs to another graph/);
  t.throws(() => b.split(x, [1, 1], 1), /parts 1 \+ 1 do not make 3/);
  t.throws(() => b.input('x', 'float32', []), /the name x is taken/);
  t.throws(() => b.dimension('Q'), /no value has the dimension Q/);
  t.throws(() => b.constant('float32', [3], [1]), /is given 1 elements/);
});

t.test('verification names the offending node', async (t) => {
  const late = new Builder();
  late.output('y', late.exp(late.input('x', 'float32', [2])));
  late.nodes.reverse();
  t.doesNotThrow(() => verify(late));
  late.output('z', late.neg(late.exp(late.inputs[0]!)));
  late.nodes.reverse();
  t.throws(() => verify(late), /node neg_\d+ \(Neg\): reads exp_\d+ before it is made/);
  t.throws(() => verify(new Builder()), /has no outputs/);
  const looped = new Builder();
  const start = looped.input('start', 'float32', [2]);
  const trips = looped.scalar(3, 'int64');
  const { carried } = looped.loop(trips, [{ name: 'x', initial: start }], ({ graph, carried: [x] }) => ({
    carried: [graph.cast(x!, 'int64')],
  }));
  looped.output('y', carried[0]!);
  t.throws(() => verify(looped), /node loop_\d+: carried value .* is float32\[2\] but becomes int64\[2\]/);
});

t.test('the table has no operator whose sums go wrong with two threads', async (t) => {
  t.notOk('ScatterND' in ops);
});

t.test('a session writes into given arrays, also into the one it reads', async (t) => {
  const b = new Builder();
  b.output('y', b.add(b.input('x', 'float32', [3]), 1));
  const session = await Session.create(emit(b));
  const memory = Float32Array.of(9, 1, 2, 3, 9);
  const x = tensor('float32', [3], memory.subarray(1, 4));
  await session.runInto({ x }, { y: x });
  t.same([...memory], [9, 2, 3, 4, 9]);
  await session.dispose();
  await session.dispose();
  await t.rejects(session.run({ x }), { code: 'INTERNAL', message: /is disposed/ });
});

t.test('what a session has written into given arrays leaves no copy behind', async (t) => {
  const b = new Builder();
  b.output('y', b.add(b.input('x', 'float32', ['N']), 1));
  const session = await Session.create(emit(b));
  const x = floats([2 ** 20]);
  const y = floats([2 ** 20]);
  await session.runInto({ x }, { y });
  const before = process.memoryUsage().arrayBuffers;
  await session.runInto({ x }, { y });
  // A collection in between could only make it less.
  t.ok(process.memoryUsage().arrayBuffers - before < 2 ** 20, 'a copy would be 4 MiB');
  t.same([...(y.data as Float32Array).subarray(0, 3)], [1, 2, 3]);
  const { y: given } = await session.run({ x });
  t.same([...(given!.data as Float32Array).subarray(0, 3)], [1, 2, 3], 'what is not written elsewhere stays');
  await session.dispose();
});

t.test('errors of the runtime name the session', async (t) => {
  const b = new Builder();
  const x = b.input('x', 'float32', ['A', 2]);
  b.output('y', b.reshape(b.gather(x, b.input('ids', 'int64', ['N'])), [-1]));
  const session = await Session.create(emit(b), { name: 'rows' });
  const ids = tensor('int64', [1], BigInt64Array.of(5n));
  await t.rejects(session.run({ x: floats([2, 2]), ids }), { code: 'INTERNAL', message: /session rows: .*out of/ });
  await t.rejects(session.run({ ids }), { message: /session rows: .*'x' is missing/ });
  await session.dispose();
  await t.rejects(Session.create(new Uint8Array([1, 2, 3]), { name: 'broken' }), { message: /session broken/ });
  t.throws(() => tensor('float32', [2, 2], new Float32Array(3)), /given 3 elements/);
});

t.test('constants that are views of one memory stay outside the model and are copied by the session', async (t) => {
  const flat = Float32Array.from({ length: 3000 }, (_, i) => i);
  const b = new Builder();
  const table = b.constant('float32', [40, 32], flat.subarray(16, 16 + 40 * 32));
  const weight = b.constant('float32', [50, 32], flat.subarray(1300, 1300 + 50 * 32));
  const rows = b.gather(table, b.input('ids', 'int64', ['B'])); // [B, 32]
  b.output('rows', rows);
  b.output('products', b.linear(rows, weight)); // [B, 50]
  const feeds = { ids: tensor('int64', [2], BigInt64Array.of(3n, 0n)) };
  const inside = await runOnce(b, feeds);
  const { model, externalData } = emitBeside(b, flat.buffer);
  t.ok(model.length < 1000, `${model.length} bytes`);
  const session = await Session.create(model, { externalData });
  flat.fill(Number.NaN);
  const outside = await session.run(feeds);
  await session.dispose();
  for (const name of ['rows', 'products']) {
    t.same(Array.from(outside[name]!.data as Float32Array), inside[name]!.data, name);
  }
});
