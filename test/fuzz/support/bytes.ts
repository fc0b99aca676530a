/** Bytes damaged in the ways that networks, disks and hostile senders damage them. Knows no format. */
import type { SeededRandom } from '@segue/core';
import { pick } from './cases.js';

type Damage = (random: SeededRandom, bytes: Buffer) => Buffer;

export function randomBytes(random: SeededRandom, maxLength: number): Buffer {
  return Buffer.from(Array.from({ length: random.below(maxLength) }, () => random.below(256)));
}

/** One to eight bits the other way. */
export function flipBits(random: SeededRandom, bytes: Buffer): Buffer {
  const changed = Buffer.from(bytes);
  for (let flips = 1 + random.below(8); flips > 0 && changed.length > 0; flips--) {
    const at = random.below(changed.length);
    changed.writeUInt8(changed.readUInt8(at) ^ (1 << random.below(8)), at);
  }
  return changed;
}

const damages: readonly Damage[] = [
  flipBits,
  flipBits,
  // Cut short.
  (random, bytes) => bytes.subarray(0, random.below(bytes.length)),
  // Without its beginning.
  (random, bytes) => bytes.subarray(1 + random.below(bytes.length)),
  // A stretch gone from the middle.
  (random, bytes) => {
    const at = random.below(bytes.length);
    return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1 + random.below(8))]);
  },
  // A stretch of noise in between.
  (random, bytes) => {
    const at = random.below(bytes.length + 1);
    return Buffer.concat([bytes.subarray(0, at), randomBytes(random, 16), bytes.subarray(at)]);
  },
  // One byte that means much in most formats: all ones, all zeros, the largest and the smallest of a sign.
  (random, bytes) => {
    const changed = Buffer.from(bytes);
    if (changed.length > 0) changed.writeUInt8(pick(random, [0xff, 0x00, 0x7f, 0x80]), random.below(changed.length));
    return changed;
  },
  (random) => randomBytes(random, 256),
];

export function damaged(random: SeededRandom, bytes: Buffer): Buffer {
  return pick(random, damages)(random, bytes);
}
