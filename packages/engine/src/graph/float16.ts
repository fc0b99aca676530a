/** Numbers to and from the bits of float16: widening is exact, narrowing rounds to nearest, ties to even. Knows nothing of tensors. */

const oneFloat = new Float32Array(1);
const itsBits = new Uint32Array(oneFloat.buffer);
/** Adding and subtracting it rounds a small double to a whole number, ties to even. */
const roundingShift = 1.5 * 2 ** 52;

/** The bits of the float16 nearest to a float32; beyond its range, infinity. */
export function float16Bits(value: number): number {
  oneFloat[0] = value;
  const bits = itsBits[0]!;
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7e00; // not a number
  if (magnitude >= 0x477ff000) return sign | 0x7c00; // 65520 and above: infinite
  if (magnitude >= 0x38800000) {
    // 2^-14 and above: the exponent's bias goes from 127 to 15, the mantissa from 23 to 10 bits.
    return sign | ((magnitude + 0xfff + ((magnitude >>> 13) & 1) - 0x38000000) >>> 13);
  }
  return sign | (Math.abs(oneFloat[0]) * 2 ** 24 + roundingShift - roundingShift);
}

/** The number that float16 bits stand for. */
export function fromFloat16Bits(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const mantissa = bits & 0x3ff;
  if (exponent === 0x1f) return mantissa ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return exponent === 0 ? sign * mantissa * 2 ** -24 : sign * (1024 + mantissa) * 2 ** (exponent - 25);
}
