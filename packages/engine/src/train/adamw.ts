/** AdamW (Loshchilov and Hutter, 2019) and global-norm clipping over flat arrays. Knows nothing of graphs. */
import { SegueError } from '@segue/core';

export interface AdamWOptions {
  /** Decay of the mean of gradients. Default 0.9. */
  readonly beta1?: number;
  /** Decay of the mean of squared gradients. Default 0.95. */
  readonly beta2?: number;
  /** Default 1e-8. */
  readonly epsilon?: number;
  /** Share of a parameter taken off per step and unit of learning rate; norms are left out. Default 0. */
  readonly weightDecay?: number;
}

export type AdamWSettings = Readonly<Required<AdamWOptions>>;

/** What a step multiplies with, as functions of the learning rate and the number of the step. */
export interface StepFactors {
  /** Learning rate / (1 - beta1^t). */
  readonly rate: number;
  /** 1 / (1 - beta2^t). */
  readonly squareCorrection: number;
  /** What is left of a parameter that decays. */
  readonly keep: number;
}

/** A stretch of the flat arrays, and whether weight decay applies to it. */
export interface ParameterRange {
  readonly offset: number;
  readonly size: number;
  readonly decays: boolean;
}

export class AdamW {
  readonly settings: AdamWSettings;
  /** Decaying means of the gradient and of its square. */
  readonly mean: Float32Array;
  readonly square: Float32Array;
  readonly #ranges: readonly ParameterRange[];
  #steps = 0;

  constructor(length: number, ranges: readonly ParameterRange[], options: AdamWOptions = {}) {
    const { beta1 = 0.9, beta2 = 0.95, epsilon = 1e-8, weightDecay = 0 } = options;
    this.settings = { beta1, beta2, epsilon, weightDecay };
    this.mean = new Float32Array(length);
    this.square = new Float32Array(length);
    this.#ranges = ranges;
  }

  /** Steps since the last reset. */
  get steps(): number {
    return this.#steps;
  }

  /** Forgets what was seen. The k1.5 report does it at the start of every iteration, as the reference changes (section 2.3.2). */
  reset(): void {
    this.mean.fill(0);
    this.square.fill(0);
    this.#steps = 0;
  }

  /** Changes the parameters in place by `scale` times the gradient. */
  step(parameters: Float32Array, gradient: Float32Array, learningRate: number, scale = 1): void {
    const factors = this.advance(learningRate);
    for (const range of this.#ranges) this.#stepRange(range, parameters, gradient, factors, scale);
  }

  /** Counts a step, for one who does its arithmetic elsewhere. */
  advance(learningRate: number): StepFactors {
    const { beta1, beta2, weightDecay } = this.settings;
    this.#steps++;
    return {
      rate: learningRate / (1 - beta1 ** this.#steps),
      squareCorrection: 1 / (1 - beta2 ** this.#steps),
      keep: 1 - learningRate * weightDecay,
    };
  }

  /** Takes back the last `advance`: the step was not taken. */
  retreat(): void {
    this.#steps--;
  }

  #stepRange(
    { offset, size, decays }: ParameterRange,
    parameters: Float32Array,
    gradient: Float32Array,
    { rate, squareCorrection, ...factors }: StepFactors,
    scale: number,
  ): void {
    const { mean, square } = this;
    const { beta1, beta2, epsilon } = this.settings;
    const keep = decays ? factors.keep : 1;
    for (let i = offset; i < offset + size; i++) {
      const g = scale * gradient[i]!;
      const m = beta1 * mean[i]! + (1 - beta1) * g;
      const v = beta2 * square[i]! + (1 - beta2) * g * g;
      mean[i] = m;
      square[i] = v;
      parameters[i] = keep * parameters[i]! - (rate * m) / (Math.sqrt(v * squareCorrection) + epsilon);
    }
  }
}

/** Square root of the sum of squares, summed in double precision. */
export function globalNorm(gradient: Float32Array): number {
  // Four sums, so that one addition need not wait for the one before it.
  const whole = gradient.length - (gradient.length % 4);
  let [a, b, c, d] = [0, 0, 0, 0];
  for (let i = 0; i < whole; i += 4) {
    a += gradient[i]! * gradient[i]!;
    b += gradient[i + 1]! * gradient[i + 1]!;
    c += gradient[i + 2]! * gradient[i + 2]!;
    d += gradient[i + 3]! * gradient[i + 3]!;
  }
  for (let i = whole; i < gradient.length; i++) a += gradient[i]! * gradient[i]!;
  return Math.sqrt(a + b + c + d);
}

/** The factor that brings a gradient of norm `norm` down to at most `maxNorm`. FAILED_PRECONDITION when the norm is not finite. */
export function clippingScale(norm: number, maxNorm: number): number {
  if (!Number.isFinite(norm)) {
    throw new SegueError(
      'FAILED_PRECONDITION',
      `the gradient norm is ${norm}: the step was not taken; lower the learning rate or load the last version`,
    );
  }
  return norm > maxNorm ? maxNorm / norm : 1;
}
