/** What differentiation reads instead of values that are kept: values made again, parts of what was joined; and in which order. */
import t from 'tap';
import { Builder } from '../dist/graph/builder.js';
import { differentiate } from '../dist/graph/differentiate.js';
import { emit, neededNodes } from '../dist/graph/emit.js';
import { Session, tensor } from '../dist/graph/session.js';

t.test('gradients read what is computed again, not what would have to be kept', async (t) => {
  const b = new Builder();
  const [x, y] = [b.input('x', 'float64', [3]), b.input('y', 'float64', [3])];
  const kept = b.exp(x);
  const again = b.setRecipe(kept, () => b.mul(b.exp(b.mul(x, 0.5)), b.exp(b.mul(x, 0.5))));
  const [gradient] = differentiate(b, b.reduceSum(b.mul(again, y), [0]), [y]);
  b.output('g', gradient!);
  const readers = neededNodes(b).filter((node) => node.inputs.includes(kept));
  t.equal(readers.length, 0, 'the first one has no reader on the way back');
  const session = await Session.create(emit(b), { optimize: false });
  const { g } = await session.run({
    x: tensor('float64', [3], Float64Array.of(0, 1, 2)),
    y: tensor('float64', [3], new Float64Array(3)),
  });
  [...g!.data].forEach((value, i) => {
    t.ok(Math.abs(Number(value) - Math.exp(i)) < 1e-12);
  });
  await session.dispose();
});

t.test('what was joined falls back into its parts', (t) => {
  const b = new Builder();
  const parts = [b.input('x', 'float32', [2, 4]), b.input('y', 'float32', [3, 4])];
  t.same(b.split(b.concat(parts, 0), [2, 3], 0), parts);
  t.not(b.split(b.concat(parts, 0), [3, 2], 0)[0], parts[0], 'but not into others');
  t.end();
});

t.test('what comes after another value is the same value, and depends on the other', async (t) => {
  const b = new Builder();
  const [x, other] = [b.input('x', 'float32', ['B', 2]), b.input('other', 'float32', [3, 4])];
  const first = b.exp(other);
  const late = b.after(x, first);
  b.output('late', b.neg(late));
  t.ok(
    neededNodes(b).some(({ outputs }) => outputs.includes(first)),
    'the other is computed',
  );
  const session = await Session.create(emit(b));
  const { late: result } = await session.run({
    x: tensor('float32', [2, 2], Float32Array.of(1, 2, 3, 4)),
    other: tensor('float32', [3, 4], new Float32Array(12)),
  });
  t.same([...result!.data], [-1, -2, -3, -4]);
  t.same(result!.dims, [2, 2]);
  await session.dispose();
});
