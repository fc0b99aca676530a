/**
 * The element types that weights are stored in, and the way to and from float32. Widening is exact; narrowing rounds to nearest, ties to
 * even, so that what came in narrow and was not trained goes out as it came.
 */
export type WeightType = 'float32' | 'float16' | 'bfloat16';

/** Name in safetensors files and bytes per element. */
export const weightTypes: Readonly<Record<WeightType, { readonly code: string; readonly bytes: number }>> = {
  float32: { code: 'F32', bytes: 4 },
  float16: { code: 'F16', bytes: 2 },
  bfloat16: { code: 'BF16', bytes: 2 },
};

export function weightTypeOf(code: string): WeightType | undefined {
  return weightTypeNames.find((type) => weightTypes[type].code === code);
}

export const weightTypeNames: readonly WeightType[] = ['float32', 'float16', 'bfloat16'];

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
  const wide = new Uint32Array(floats.buffer, floats.byteOffset, floats.length);
  const narrow = new Uint16Array(floats.length);
  const convert = type === 'bfloat16' ? toBfloat16 : toFloat16;
  for (let i = 0; i < narrow.length; i++) narrow[i] = convert(wide[i]!);
  return new Uint8Array(narrow.buffer);
}

/** Bits of a float32 -> bits of the nearest bfloat16. */
function toBfloat16(bits: number): number {
  if ((bits & 0x7fffffff) > 0x7f800000) return (bits >>> 16) | 0x40; // not a number
  return (bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16;
}

const oneFloat = new Float32Array(1);
const itsBits = new Uint32Array(oneFloat.buffer);
/** Adding and subtracting it rounds a small double to a whole number, ties to even. */
const roundingShift = 1.5 * 2 ** 52;

/** Bits of a float32 -> bits of the nearest float16. */
function toFloat16(bits: number): number {
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7e00; // not a number
  if (magnitude >= 0x477ff000) return sign | 0x7c00; // 65520 and above: infinite
  if (magnitude >= 0x38800000) {
    // 2^-14 and above: the exponent's bias goes from 127 to 15, the mantissa from 23 to 10 bits.
    return sign | ((magnitude + 0xfff + ((magnitude >>> 13) & 1) - 0x38000000) >>> 13);
  }
  itsBits[0] = magnitude;
  return sign | (oneFloat[0]! * 2 ** 24 + roundingShift - roundingShift);
}

let table: Uint32Array | null = null;

/** Bits of the float32 that equals each float16, by the latter's bits. */
function float16Table(): Uint32Array {
  if (table) return table;
  const values = Float32Array.from({ length: 1 << 16 }, (_, bits) => {
    const sign = bits & 0x8000 ? -1 : 1;
    const exponent = (bits >> 10) & 31;
    const mantissa = bits & 0x3ff;
    if (exponent === 31) return mantissa ? Number.NaN : sign * Number.POSITIVE_INFINITY;
    return sign * (exponent === 0 ? mantissa * 2 ** -24 : (1024 + mantissa) * 2 ** (exponent - 25));
  });
  table = new Uint32Array(values.buffer);
  return table;
}
