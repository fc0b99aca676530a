/**
 * Whether the matrix products of a session are float32, told by the session itself: a product beside the graph's own, of numbers that TF32 rounds, goes with every run.
 * The environment forbids TF32 in a process (cuda.ts), but cuBLAS 13.0 and 13.1 make a handle without writing the field that says whether it follows the environment: once in
 * some hundred times the memory holds a 1 there, and all products of that handle are rounded for as long as it lives. Sessions have handles of their own. Knows nothing of sessions.
 */
import { SegueError } from '@segue/core';
import type { Builder } from './builder.js';

export const termsName = 'check.terms';
export const productName = 'check.product';
/** Rows, columns and inner dimension: large enough for the kernels that round to TF32. */
export const checkSize = 64;
/** Float32 holds it, and every sum of a few of it, exactly; with 10 bits of mantissa it is 1. */
export const checkTerm = 1 + 2 ** -12;

/** Adds the product to a graph; the session feeds and reads it, its callers see nothing of it. */
export function addProductCheck(b: Builder): void {
  const shape = [checkSize, checkSize];
  const ones = b.constant('float32', shape, new Float32Array(checkSize * checkSize).fill(1));
  // Fed, since a product of constants would be folded into one, on the CPU.
  b.output(productName, b.matmul(b.input(termsName, 'float32', shape), ones)); // [64, 64]
}

/** Whether its inputs were rounded to TF32: 64.015625 is exact, 64 is rounded. @throws SegueError INTERNAL for anything else */
export function isRounded(product: number): boolean {
  if (product === checkSize * checkTerm) return false;
  if (product === checkSize) return true;
  throw new SegueError('INTERNAL', `the device gives ${product} for ${checkSize} times ${checkTerm}`);
}

export function roundedProducts(device: string, session: string): SegueError {
  return new SegueError(
    'FAILED_PRECONDITION',
    `device ${device} rounds float32 products to 10 bits of mantissa (TF32), in session ${session}: start the process with NVIDIA_TF32_OVERRIDE=0 in its environment, use cuBLAS 13.2 or newer, or precision tf32`,
  );
}
