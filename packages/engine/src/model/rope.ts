/**
 * Rotary positions: how fast each pair of a head turns, with the known ways of stretching them over a longer context. Computed in double
 * precision. Stretchings that depend on the length of the sequence at hand are not supported: keys are computed once and kept.
 */
import type { SegueError } from '@segue/core';
import type { ModelConfig } from './config.js';

export type RopeScaling = LinearScaling | Llama3Scaling | YarnScaling;

interface LinearScaling {
  readonly type: 'linear';
  /** Every frequency is divided by it. */
  readonly factor: number;
}

/** Slow pairs are divided by the factor, fast ones kept, those between blended. */
interface Llama3Scaling {
  readonly type: 'llama3';
  readonly factor: number;
  /** Turns within `originalPositions` below which a pair is slow, and above which it is fast. */
  readonly lowFrequencyFactor: number;
  readonly highFrequencyFactor: number;
  readonly originalPositions: number;
}

/** Peng et al., 2023: as llama3 with a ramp over the pairs, and rotated vectors are lengthened. */
interface YarnScaling {
  readonly type: 'yarn';
  readonly factor: number;
  readonly originalPositions: number;
  /** Turns within `originalPositions` where the ramp begins and ends. */
  readonly fastTurns: number;
  readonly slowTurns: number;
  /** Whether the ramp begins and ends at whole pairs. */
  readonly truncate: boolean;
  /** Length of a rotated vector of length 1. */
  readonly attentionFactor: number;
}

type Fields = Readonly<Record<string, unknown>>;

/** What config.json says of rotary positions, in the spelling of transformers 4 (rope_theta, rope_scaling) or 5 (rope_parameters). */
export function parseRope(
  fields: ReadonlyMap<string, unknown>,
  maxPositions: number,
  refuse: (message: string) => SegueError,
): { readonly theta: number; readonly scaling: RopeScaling | null } {
  const key = fields.get('rope_parameters') ? 'rope_parameters' : 'rope_scaling';
  const value = fields.get(key) ?? {};
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw refuse(`${key} must be an object`);
  const rope: Fields = { ...value };
  const nested = Object.entries(rope).find(([, inner]) => typeof inner === 'object' && inner !== null);
  if (nested) throw refuse(`${key}.${nested[0]}: rotary positions that differ from layer to layer are not supported`);
  const partial = rope.partial_rotary_factor ?? fields.get('partial_rotary_factor') ?? 1;
  if (partial !== 1) throw refuse(`partial_rotary_factor ${partial} is not supported, only 1`);
  const number = (name: string, fallback?: number): number => {
    const found = rope[name] ?? fallback;
    if (typeof found === 'number' && Number.isFinite(found) && found > 0) return found;
    throw refuse(`${key}.${name} must be a number above 0, not ${JSON.stringify(found)}`);
  };
  const theta = rope.rope_theta ?? fields.get('rope_theta') ?? 10_000;
  if (typeof theta !== 'number') throw refuse(`rope_theta must be a number, not ${JSON.stringify(theta)}`);
  return { theta, scaling: scalingOf(rope, number, maxPositions, (message) => refuse(`${key}${message}`)) };
}

function scalingOf(
  rope: Fields,
  number: (name: string, fallback?: number) => number,
  maxPositions: number,
  refuse: (message: string) => SegueError,
): RopeScaling | null {
  const type = rope.rope_type ?? rope.type ?? 'default';
  const originalPositions = () => number('original_max_position_embeddings', maxPositions);
  switch (type) {
    case 'default':
      return null;
    case 'linear':
      return { type: 'linear', factor: number('factor') };
    case 'llama3': {
      const [low, high] = [number('low_freq_factor'), number('high_freq_factor')];
      if (low >= high) throw refuse(`: low_freq_factor (${low}) must be below high_freq_factor (${high})`);
      return {
        type: 'llama3',
        factor: number('factor'),
        lowFrequencyFactor: low,
        highFrequencyFactor: high,
        originalPositions: originalPositions(),
      };
    }
    case 'yarn':
      return {
        type: 'yarn',
        factor: number('factor'),
        originalPositions: originalPositions(),
        fastTurns: number('beta_fast', 32),
        slowTurns: number('beta_slow', 1),
        truncate: rope.truncate !== false,
        attentionFactor: yarnAttentionFactor(rope, number),
      };
    default:
      throw refuse(`.rope_type ${JSON.stringify(type)} is not supported, only default, linear, llama3 and yarn`);
  }
}

function yarnAttentionFactor(rope: Fields, number: (name: string, fallback?: number) => number): number {
  if (typeof rope.attention_factor === 'number') return number('attention_factor');
  const factor = number('factor');
  const longer = (scale: number) => (factor <= 1 ? 1 : 0.1 * scale * Math.log(factor) + 1);
  if (rope.mscale && rope.mscale_all_dim) return longer(number('mscale')) / longer(number('mscale_all_dim'));
  return longer(1);
}

/** The fields of config.json, in the spelling that transformers 4 and 5 both read. */
export function formatRope({ ropeTheta, ropeScaling }: ModelConfig): Fields {
  return { rope_theta: ropeTheta, ...(ropeScaling ? { rope_scaling: scalingFields(ropeScaling) } : {}) };
}

function scalingFields(scaling: RopeScaling): Fields {
  const { type: rope_type, factor } = scaling;
  if (scaling.type === 'linear') return { rope_type, factor };
  const original = { rope_type, factor, original_max_position_embeddings: scaling.originalPositions };
  if (scaling.type === 'llama3') {
    const { lowFrequencyFactor: low_freq_factor, highFrequencyFactor: high_freq_factor } = scaling;
    return { ...original, low_freq_factor, high_freq_factor };
  }
  const { fastTurns: beta_fast, slowTurns: beta_slow, truncate, attentionFactor: attention_factor } = scaling;
  return { ...original, beta_fast, beta_slow, truncate, attention_factor };
}

/** Radians per position of each pair: [D/2]. Without scaling, pair i turns by theta^(-2i/D). */
export function ropeFrequencies({ headSize, ropeTheta, ropeScaling }: ModelConfig): Float64Array {
  const plain = Float64Array.from({ length: headSize / 2 }, (_, i) => ropeTheta ** ((-2 * i) / headSize));
  if (!ropeScaling) return plain;
  switch (ropeScaling.type) {
    case 'linear':
      return plain.map((frequency) => frequency / ropeScaling.factor);
    case 'llama3':
      return plain.map((frequency) => llama3Frequency(frequency, ropeScaling));
    case 'yarn':
      return yarnFrequencies(plain, headSize, ropeTheta, ropeScaling);
  }
}

/** The factor on the cosines and sines. */
export function ropeMagnitude({ ropeScaling }: ModelConfig): number {
  return ropeScaling?.type === 'yarn' ? ropeScaling.attentionFactor : 1;
}

function llama3Frequency(frequency: number, scaling: Llama3Scaling): number {
  const { factor, lowFrequencyFactor: low, highFrequencyFactor: high, originalPositions } = scaling;
  const turns = (originalPositions * frequency) / (2 * Math.PI);
  if (turns > high) return frequency;
  if (turns < low) return frequency / factor;
  const kept = (turns - low) / (high - low);
  return (1 - kept) * (frequency / factor) + kept * frequency;
}

function yarnFrequencies(plain: Float64Array, headSize: number, theta: number, scaling: YarnScaling): Float64Array {
  const { factor, originalPositions, fastTurns, slowTurns, truncate } = scaling;
  /** The pair (not whole) that makes so many turns within the original positions. */
  const pairOf = (turns: number) =>
    (headSize * Math.log(originalPositions / (turns * 2 * Math.PI))) / (2 * Math.log(theta));
  const [fast, slow] = [pairOf(fastTurns), pairOf(slowTurns)];
  const low = Math.max(truncate ? Math.floor(fast) : fast, 0);
  const high = Math.min(truncate ? Math.ceil(slow) : slow, headSize - 1);
  // A ramp without width would divide by zero.
  const width = high === low ? 0.001 : high - low;
  return plain.map((frequency, i) => {
    const stretched = Math.min(1, Math.max(0, (i - low) / width));
    return stretched * (frequency / factor) + (1 - stretched) * frequency;
  });
}
