/**
 * A whole optimiser step as one graph: a loop over micro-batches that sums the gradients, clipping, AdamW. On a GPU the
 * weights then cross the bus once each way per step, and gradients and the optimiser's arithmetic never leave it.
 *
 * The same arithmetic as gradients (graphs.ts) summed on the host and AdamW there (adamw.ts), up to rounding.
 */
import { Builder } from '../graph/builder.js';
import { differentiate } from '../graph/differentiate.js';
import type { Value } from '../graph/value.js';
import type { ParameterLayout } from '../model/layout.js';
import type { AdamWSettings } from './adamw.js';
import {
  joinWeights,
  lossOf,
  type Objective,
  plainLogProbs,
  type WeightInput,
  weightInputs,
  weightValues,
} from './graphs.js';
import { arrayInputs, loopOverMicroBatches } from './micro-batch-loop.js';

/** A norm above it is not finite. */
const largestFloat = 3.4028234663852886e38;

export interface UpdateVariant {
  readonly objective: Objective;
  /** The optimiser has seen nothing: its means are zero and need not be fed. */
  readonly fresh: boolean;
}

/** Names of the optimiser's state of a weight, among inputs and outputs. */
export function meanName(weight: string): string {
  return `mean.${weight}`;
}
export function squareName(weight: string): string {
  return `square.${weight}`;
}
/** Name of what a weight or its state becomes, among the outputs. */
export function updatedName(name: string): string {
  return `updated.${name}`;
}

/**
 * Inputs: weights by name, the arrays of all micro-batches (micro-batch-loop.ts), the scalars; unless fresh the optimiser's state. Outputs: changed weights and state, gradientNorm [] before clipping, and the micro-batches' results.
 * A norm that is not finite changes nothing.
 */
export function updateGraph(
  layout: ParameterLayout,
  { objective, fresh }: UpdateVariant,
  adamw: AdamWSettings,
): Builder {
  const b = new Builder();
  const inputs = weightInputs(layout);
  const values = weightValues(b, layout, 'float32');
  const arrays = arrayInputs(b, objective);
  // Computed, so that the runtime does not make constants of zeros as large as the weights.
  const zero = b.sub(arrays.inverseTemperature, arrays.inverseTemperature);
  const gradients = loopOverMicroBatches(b, arrays, {
    summed: inputs.map(({ name, shape }) => ({ name, initial: b.expand(zero, shape) })),
    joined: ['logProbs', 'rowLosses', ...(objective === 'policy' ? ['logRatios'] : [])],
    compute: (body, { tokens, loss }) => {
      const weights = joinWeights(body, layout, values);
      const { logProbs, entropy } = plainLogProbs(body, layout.config, weights, tokens);
      const { loss: total, rowLosses, logRatios } = lossOf(body, logProbs, loss!);
      const joined = [logProbs, rowLosses, ...(logRatios ? [logRatios] : [])];
      return { summed: differentiate(body, total, values), joined, entropy };
    },
  });
  step(b, inputs, { values, gradients, fresh, adamw });
  return b;
}

interface StepInputs {
  readonly values: readonly Value[];
  readonly gradients: readonly Value[];
  readonly fresh: boolean;
  readonly adamw: AdamWSettings;
}

/** Clipping and AdamW (adamw.ts says where the formulas come from) as nodes. */
function step(b: Builder, inputs: readonly WeightInput[], { values, gradients, fresh, adamw }: StepInputs): void {
  const { beta1, beta2, epsilon } = adamw;
  const rate = b.input('rate', 'float32', []); // learning rate / (1 - beta1^t)
  const squareCorrection = b.input('squareCorrection', 'float32', []); // 1 / (1 - beta2^t)
  const keep = b.input('keep', 'float32', []); // 1 - learning rate * weight decay
  const maxNorm = b.input('maxGradientNorm', 'float32', []);
  const squares = gradients.map((g) =>
    b.reduceSum(
      b.mul(g, g),
      Array.from({ length: g.rank }, (_, axis) => axis),
    ),
  );
  const norm = b.sqrt(b.sum(squares)); // []
  b.output('gradientNorm', norm);
  const finite = b.lessOrEqual(norm, largestFloat);
  const scale = b.where(b.greater(norm, maxNorm), b.div(maxNorm, norm), 1); // []
  inputs.forEach(({ name, shape }, i) => {
    const [value, g] = [values[i]!, b.mul(gradients[i]!, scale)];
    const [meanTerm, squareTerm] = [b.mul(g, 1 - beta1), b.mul(b.mul(g, g), 1 - beta2)];
    const state = (of: string) => (fresh ? null : b.input(of, 'float32', shape));
    const changed = (of: string, before: Value | null, after: Value) => {
      b.output(updatedName(of), b.where(finite, after, before ?? 0));
    };
    const [oldMean, oldSquare] = [state(meanName(name)), state(squareName(name))];
    const mean = oldMean ? b.add(b.mul(oldMean, beta1), meanTerm) : meanTerm;
    const square = oldSquare ? b.add(b.mul(oldSquare, beta2), squareTerm) : squareTerm;
    const kept = shape.length > 1 ? b.mul(value, keep) : value;
    const change = b.div(b.mul(mean, rate), b.add(b.sqrt(b.mul(square, squareCorrection)), epsilon));
    changed(name, value, b.sub(kept, change));
    changed(meanName(name), oldMean, mean);
    changed(squareName(name), oldSquare, square);
  });
}
