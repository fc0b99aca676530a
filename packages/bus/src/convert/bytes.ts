/**
 * Token ids and log-probs as raw little-endian bytes, and back. Bytes that come from the network are copied before they
 * are viewed: a message's buffer need not be aligned. Knows nothing of messages.
 */
import { SegueError } from '@segue/core';

const hostIsLittleEndian = new Uint8Array(new Uint32Array([1]).buffer)[0] === 1;
const bytesPerNumber = 4;

/** The array's bytes, little-endian; a view of the same memory where the host is little-endian. */
export function littleEndian(array: Int32Array | Uint32Array | Float32Array): Uint8Array {
  const bytes = new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
  return hostIsLittleEndian ? bytes : Buffer.from(bytes).swap32();
}

/** @param field name for the message when the length does not fit */
export function int32FromBytes(bytes: Uint8Array, field: string): Int32Array {
  return new Int32Array(alignedCopy(bytes, field));
}

export function uint32FromBytes(bytes: Uint8Array, field: string): Uint32Array {
  return new Uint32Array(alignedCopy(bytes, field));
}

export function float32FromBytes(bytes: Uint8Array, field: string): Float32Array {
  return new Float32Array(alignedCopy(bytes, field));
}

function alignedCopy(bytes: Uint8Array, field: string): ArrayBuffer {
  if (bytes.byteLength % bytesPerNumber !== 0) {
    throw new SegueError(
      'INVALID_INPUT',
      `${field} has ${bytes.byteLength} bytes, not a multiple of ${bytesPerNumber}`,
    );
  }
  // Made from the bytes: one that is made empty is filled with zeros first.
  const { buffer } = new Uint8Array(bytes);
  if (!hostIsLittleEndian) Buffer.from(buffer).swap32();
  return buffer;
}
