/** Whether sessions can run on a device: asked once, when a process starts, so that it refuses rather than fails at its first work. */
import { SegueError } from '@segue/core';
import { Builder } from './builder.js';
import { requireCuda, setMatrixPrecision } from './cuda.js';
import { emit } from './emit.js';
import { addProductCheck, checkSize, checkTerm, isRounded } from './product-check.js';
import { type Device, Session, tensor } from './session.js';

export type Precision = 'float32' | 'tf32' | 'float16';

const shape = [checkSize, checkSize];

/** FAILED_PRECONDITION, in one line that says what to install, when the device cannot be used; INVALID_CONFIG when it has no such precision. */
export async function requireDevice(device: Device, precision: Precision = 'float32'): Promise<void> {
  if (device === 'cpu') {
    if (precision === 'float32') return;
    throw new SegueError('INVALID_CONFIG', `precision ${precision} needs device cuda; on a CPU it has no use`);
  }
  setMatrixPrecision(precision === 'tf32' ? 'tf32' : 'float32');
  requireCuda();
  // Libraries that load are not all: driver and GPU show when something runs.
  await tryProduct(device, precision === 'float32');
}

/**
 * Whether a product is rounded to TF32.
 * @param mustBeExact refuses it then
 */
export async function tryProduct(device: Device, mustBeExact: boolean): Promise<boolean> {
  const b = new Builder();
  if (mustBeExact) addProductCheck(b);
  const [terms, ones] = [b.input('terms', 'float32', shape), b.input('ones', 'float32', shape)];
  b.output('product', b.matmul(terms, ones)); // [64, 64]
  const session = await Session.create(emit(b), { device, name: 'check' });
  try {
    const filled = (value: number) => tensor('float32', shape, new Float32Array(checkSize * checkSize).fill(value));
    const { product } = await session.run({ terms: filled(checkTerm), ones: filled(1) });
    return isRounded(Number(product!.data[0]));
  } finally {
    await session.dispose();
  }
}
