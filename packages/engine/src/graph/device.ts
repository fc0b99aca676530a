/** Whether sessions can run on a device: asked once, when a process starts, so that it refuses rather than fails at its first work. */
import { SegueError } from '@segue/core';
import { Builder } from './builder.js';
import { requireCuda, setMatrixPrecision } from './cuda.js';
import { emit } from './emit.js';
import { type Device, Session, tensor } from './session.js';

export type Precision = 'float32' | 'tf32' | 'float16';

/** FAILED_PRECONDITION, in one line that says what to install, when the device cannot be used; INVALID_CONFIG when it has no such precision. */
export async function requireDevice(device: Device, precision: Precision = 'float32'): Promise<void> {
  if (device === 'cpu') {
    if (precision === 'float32') return;
    throw new SegueError('INVALID_CONFIG', `precision ${precision} needs device cuda; on a CPU it has no use`);
  }
  setMatrixPrecision(precision === 'tf32' ? 'tf32' : 'float32');
  requireCuda();
  // Libraries that load are not all: driver and GPU show when something runs.
  const b = new Builder();
  b.output('sum', b.add(b.input('term', 'float32', [1]), 1));
  const session = await Session.create(emit(b), { device, name: 'check' });
  try {
    const { sum } = await session.run({ term: tensor('float32', [1], Float32Array.of(1)) });
    if (sum!.data[0] !== 2) throw new SegueError('INTERNAL', `device ${device} gives ${sum!.data[0]} for 1 + 1`);
  } finally {
    await session.dispose();
  }
}
