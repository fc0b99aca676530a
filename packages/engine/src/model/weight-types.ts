/**
 * The element types that weights are stored in, and the way to and from float32. Widening is exact; narrowing rounds to nearest, ties to
 * even, so that what came in narrow and was not trained goes out as it came.
 */
import { float16Bits, fromFloat16Bits } from '../graph/float16.js';

export type WeightType = 'float32' | 'float16' | 'bfloat16';

/** Name in safetensors files and bytes per element. */
export const weightTypes: Readonly<Record<WeightType, { readonly code: string; readonly bytes: number }>> = {
  float32: { code: 'F32', bytes: 4 },
  float16: { code: 'F16', bytes: 2 },
  bfloat16: { code: 'BF16', bytes: 2 },
};

const weightTypeNames: readonly WeightType[] = ['float32', 'float16', 'bfloat16'];

export function weightTypeOf(code: string): WeightType | undefined {
  return weightTypeNames.find((type) => weightTypes[type].code === code);
}

/** The bytes at the end of an array that hold its elements in a narrow type: where `widen` expects them. */
export function narrowPart(type: WeightType, floats: Float32Array): Uint8Array {
  const bytes = floats.length * weightTypes[type].bytes;
  return new Uint8Array(floats.buffer, floats.byteOffset + floats.byteLength - bytes, bytes);
}

/**
 * Turns the narrow elements in the last part of an array into float32, in place and front to back: element i is written at 4i, and those
 * from 2n + 2i on are still unread. So weights go from the file to where they stay, without a second buffer.
 */
export function widen(type: WeightType, floats: Float32Array): void {
  if (type === 'float32') return;
  const { length, buffer, byteOffset } = floats;
  const narrow = new Uint16Array(buffer, byteOffset + 2 * length, length);
  const wide = new Uint32Array(buffer, byteOffset, length);
  if (type === 'bfloat16') {
    for (let i = 0; i < length; i++) wide[i] = narrow[i]! << 16;
    return;
  }
  const table = float16Table();
  for (let i = 0; i < length; i++) wide[i] = table[narrow[i]!]!;
}

/** Little-endian bytes of the elements in another type; a view when that is float32. */
export function narrowed(type: WeightType, floats: Float32Array): Uint8Array {
  if (type === 'float32') return new Uint8Array(floats.buffer, floats.byteOffset, floats.byteLength);
  const narrow = new Uint16Array(floats.length);
  if (type === 'float16') {
    for (let i = 0; i < narrow.length; i++) narrow[i] = float16Bits(floats[i]!);
  } else {
    const wide = new Uint32Array(floats.buffer, floats.byteOffset, floats.length);
    for (let i = 0; i < narrow.length; i++) narrow[i] = toBfloat16(wide[i]!);
  }
  return new Uint8Array(narrow.buffer);
}

/** Bits of a float32 -> bits of the nearest bfloat16. */
function toBfloat16(bits: number): number {
  if ((bits & 0x7fffffff) > 0x7f800000) return (bits >>> 16) | 0x40; // not a number
  return (bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16;
}

let table: Uint32Array | null = null;

/** Bits of the float32 that equals each float16, by the latter's bits. */
function float16Table(): Uint32Array {
  if (table) return table;
  const values = Float32Array.from({ length: 1 << 16 }, (_, bits) => fromFloat16Bits(bits));
  table = new Uint32Array(values.buffer);
  return table;
}
