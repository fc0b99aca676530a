/** A run of a graph that does not come back: its thread is inside native code, where nothing reaches it. */
import { Builder } from '../../../packages/engine/dist/graph/builder.js';
import { emit } from '../../../packages/engine/dist/graph/emit.js';
import { Session, tensor } from '../../../packages/engine/dist/graph/session.js';

export async function runEndlessly() {
  const b = new Builder();
  const start = b.input('start', 'float32', [2]);
  const trips = b.input('trips', 'int64', []);
  const { carried } = b.loop(trips, [{ name: 'x', initial: start }], ({ graph, carried: [x] }) => ({
    carried: [graph.mul(x, 0.5)],
    stacked: [],
  }));
  b.output('y', carried[0]);
  const session = await Session.create(emit(b));
  await session.run({
    start: tensor('float32', [2], Float32Array.of(1, 2)),
    trips: tensor('int64', [], BigInt64Array.of(2n ** 62n)),
  });
}
