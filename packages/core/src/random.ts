/**
 * Seeded randomness. Two kinds: `tokenUniform`, a pure function of (run seed, trajectory, token position), so that a
 * token's random number does not depend on the batch around it; and `SeededRandom`, a small generator for plans,
 * shuffles and initial weights. Neither is for secrets.
 */

/** Final mixing step of MurmurHash3 (32 bit): every input bit reaches every output bit. */
function mix32(value: number): number {
  let h = value | 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/** 32-bit hash of a text under a seed (FNV-1a over UTF-16 units, then mixed). */
export function hashText(text: string, seed = 0): number {
  let h = (0x811c9dc5 ^ mix32(seed)) >>> 0;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193) >>> 0;
  return mix32(h);
}

/** A stream of uniforms for one trajectory: `at(position)` in (0, 1), with 23 random bits, so that it is exact in float32. */
export class TokenUniforms {
  readonly #low: number;
  readonly #high: number;

  constructor(runSeed: number, trajectoryId: string) {
    this.#low = hashText(trajectoryId, runSeed);
    this.#high = hashText(trajectoryId, (runSeed ^ 0x9e3779b9) >>> 0);
  }

  /** @param position index of the token in the response, from 0, over all segments */
  at(position: number): number {
    const bits = mix32(mix32(this.#low + Math.imul(position, 0x9e3779b1)) ^ this.#high);
    return ((bits >>> 9) + 0.5) / 0x800000;
  }
}

/** The random number that decides a token: a pure function of run seed, trajectory id and token position. */
export function tokenUniform(runSeed: number, trajectoryId: string, position: number): number {
  return new TokenUniforms(runSeed, trajectoryId).at(position);
}

/** A small seeded generator (sfc32, period at least 2^32): one stream per purpose. */
export class SeededRandom {
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  /** @param purpose names the stream, so that two uses of one seed never share numbers */
  constructor(seed: number, purpose: string) {
    this.#a = hashText(purpose, seed);
    this.#b = hashText(purpose, this.#a);
    this.#c = hashText(purpose, this.#b);
    for (let i = 0; i < 12; i++) this.uint32();
  }

  uint32(): number {
    const t = (((this.#a + this.#b) | 0) + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + t) | 0;
    return t >>> 0;
  }

  /** Uniform in [0, 1) with 53 bits. */
  next(): number {
    return ((this.uint32() >>> 5) * 0x4000000 + (this.uint32() >>> 6)) / 0x20000000000000;
  }

  /** Uniform integer in [0, bound). */
  below(bound: number): number {
    return Math.floor(this.next() * bound);
  }

  /** Standard normal (Box-Muller, one value per call). */
  normal(): number {
    return Math.sqrt(-2 * Math.log(1 - this.next())) * Math.cos(2 * Math.PI * this.next());
  }

  /** A shuffled copy (Fisher-Yates). */
  shuffle<T>(items: readonly T[]): T[] {
    const copy = [...items];
    for (let i = copy.length - 1; i > 0; i--) {
      const j = this.below(i + 1);
      [copy[i], copy[j]] = [copy[j]!, copy[i]!];
    }
    return copy;
  }
}
