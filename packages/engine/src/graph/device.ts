/** Whether sessions can run on a device: asked once, when a process starts, so that it refuses rather than fails at its first work. */
import { SegueError } from '@segue/core';
import { Builder } from './builder.js';
import { requireCuda, setMatrixPrecision } from './cuda.js';
import { emit } from './emit.js';
import { type Device, Session, tensor } from './session.js';

export type Precision = 'float32' | 'tf32' | 'float16';

/** Rows, columns and inner dimension of the product that is tried: large enough for the kernels that round to TF32. */
const size = 64;
/** Float32 holds it, and every sum of a few of it, exactly; with 10 bits of mantissa it is 1. */
const term = 1 + 2 ** -12;

/** FAILED_PRECONDITION, in one line that says what to install, when the device cannot be used; INVALID_CONFIG when it has no such precision. */
export async function requireDevice(device: Device, precision: Precision = 'float32'): Promise<void> {
  if (device === 'cpu') {
    if (precision === 'float32') return;
    throw new SegueError('INVALID_CONFIG', `precision ${precision} needs device cuda; on a CPU it has no use`);
  }
  setMatrixPrecision(precision === 'tf32' ? 'tf32' : 'float32');
  requireCuda();
  // Libraries that load are not all: driver and GPU show when something runs.
  requireProduct(device, precision, await tryProduct(device));
}

/** A product of 64 terms and ones: 64.015625, or 64 where inputs are rounded to TF32. */
export async function tryProduct(device: Device): Promise<number> {
  const b = new Builder();
  const [terms, ones] = [b.input('terms', 'float32', [size, size]), b.input('ones', 'float32', [size, size])];
  b.output('product', b.matmul(terms, ones)); // [64, 64]
  const session = await Session.create(emit(b), { device, name: 'check' });
  try {
    const filled = (value: number) => tensor('float32', [size, size], new Float32Array(size * size).fill(value));
    const { product } = await session.run({ terms: filled(term), ones: filled(1) });
    return Number(product!.data[0]);
  } finally {
    await session.dispose();
  }
}

/** Refuses a product that the device should not give with such a precision. */
export function requireProduct(device: Device, precision: Precision, product: number): void {
  if (product === size * term) return;
  if (product !== size) throw new SegueError('INTERNAL', `device ${device} gives ${product} for ${size} times ${term}`);
  if (precision !== 'float32') return;
  throw new SegueError(
    'FAILED_PRECONDITION',
    `device ${device} rounds float32 products to 10 bits of mantissa (TF32): start the process with NVIDIA_TF32_OVERRIDE=0 in its environment, or use precision tf32`,
  );
}
