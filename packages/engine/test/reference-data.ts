// Reads the values that scripts/reference/decoder_gradients.py wrote, and runs the gradient graph in double precision on them.
import { readFileSync } from 'node:fs';
import { emit } from '../dist/graph/emit.js';
import { Session, type Tensors, tensor } from '../dist/graph/session.js';
import { type ModelConfig, parseModelConfig } from '../dist/model/config.js';
import { type ParameterLayout, parameterLayout, viewOf } from '../dist/model/layout.js';
import { markedTokens, microBatches, perToken, tokenFeeds } from '../dist/train/batches.js';
import { gradientGraph, gradientName, weightInputs } from '../dist/train/graphs.js';
import type { PolicyRow } from '../dist/train/training-types.js';

export type LossName = 'policySum' | 'policyMean' | 'supervised';

interface StoredModel {
  readonly config: Readonly<Record<string, number | boolean>>;
  readonly parameters: Readonly<Record<string, string>>;
  readonly lengths: readonly number[];
  readonly tokens: readonly (readonly number[])[];
  readonly mask: readonly (readonly number[])[];
  readonly advantages: readonly number[];
  readonly weights: readonly (readonly number[])[];
  readonly reference: readonly (readonly number[])[];
  readonly tau: number;
  readonly temperature: number;
  readonly logProbs: readonly (readonly number[])[];
  readonly losses: Readonly<Record<LossName, number>>;
  readonly gradients: Readonly<Record<LossName, Readonly<Record<string, string>>>>;
}

export interface ReferenceModel extends Omit<StoredModel, 'config' | 'parameters' | 'gradients'> {
  readonly name: string;
  readonly config: ModelConfig;
  readonly layout: ParameterLayout;
  readonly parameters: Float32Array;
  readonly rows: readonly PolicyRow[];
  readonly gradient: (loss: LossName, tensorName: string) => Float32Array;
}

function unpack(text: string): Float32Array {
  const bytes = Uint8Array.from(Buffer.from(text, 'base64'));
  return new Float32Array(bytes.buffer);
}

export function referenceModels(): ReferenceModel[] {
  const text = readFileSync(new URL('./data/decoder-reference.json', import.meta.url), 'utf8');
  const stored: Record<string, StoredModel> = JSON.parse(text);
  return Object.entries(stored).map(([name, model]) => {
    const config = parseModelConfig(JSON.stringify({ architectures: ['LlamaForCausalLM'], ...model.config }), name);
    const layout = parameterLayout(config);
    const parameters = new Float32Array(layout.length);
    for (const tensor of layout.tensors) viewOf(parameters, tensor).set(unpack(model.parameters[tensor.name]!));
    const rows = model.lengths.map((length, row) => ({
      tokens: Int32Array.from(model.tokens[row]!.slice(0, length)),
      mask: Uint8Array.from(model.mask[row]!.slice(0, length)),
      advantage: model.advantages[row]!,
      referenceLogProbs: Float32Array.from(model.reference[row]!.slice(0, length)),
      weights: Float32Array.from(model.weights[row]!.slice(0, length)),
    }));
    const gradient = (loss: LossName, tensorName: string) => unpack(model.gradients[loss][tensorName]!);
    return { ...model, name, config, layout, parameters, rows, gradient };
  });
}

/** Largest difference, relative to the largest element of the expected array. */
export function relativeError(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  let difference = 0;
  let largest = 0;
  for (let i = 0; i < expected.length; i++) {
    difference = Math.max(difference, Math.abs(actual[i]! - expected[i]!));
    largest = Math.max(largest, Math.abs(expected[i]!));
  }
  return difference / largest;
}

/** The gradient graph of a loss in double precision, over all rows of a model as one batch. */
export class DoubleGradient {
  readonly #session: Session;
  readonly #model: ReferenceModel;
  readonly #feeds: Tensors;

  private constructor(session: Session, model: ReferenceModel, feeds: Tensors) {
    this.#session = session;
    this.#model = model;
    this.#feeds = feeds;
  }

  static async create(model: ReferenceModel, loss: LossName): Promise<DoubleGradient> {
    const objective = loss === 'supervised' ? 'supervised' : 'policy';
    const graph = gradientGraph(model.layout, objective, { dtype: 'float64' });
    const session = await Session.create(emit(graph), { optimize: false });
    return new DoubleGradient(session, model, feedsOf(model, loss));
  }

  /** @returns the loss, and the gradient laid out as the parameters */
  async at(parameters: Float64Array): Promise<{ loss: number; gradient: Float64Array; logProbs: Float64Array }> {
    const { layout } = this.#model;
    const weights = weightInputs(layout).map(
      (weight) => [weight.name, tensor('float64', weight.shape, viewOf(parameters, weight))] as const,
    );
    const outputs = await this.#session.run({ ...this.#feeds, ...Object.fromEntries(weights) });
    const gradient = new Float64Array(layout.length);
    for (const weight of weightInputs(layout)) {
      viewOf(gradient, weight).set(outputs[gradientName(weight.name)]!.data as Float64Array);
    }
    const rowLosses = outputs.rowLosses!.data as Float64Array;
    return {
      loss: rowLosses.reduce((sum, value) => sum + value, 0),
      gradient,
      logProbs: outputs.logProbs!.data as Float64Array,
    };
  }

  async dispose(): Promise<void> {
    await this.#session.dispose();
  }
}

function feedsOf({ rows, tau, temperature }: ReferenceModel, loss: LossName): Tensors {
  const [batch] = microBatches(rows, { maxTokens: 1000, lengthMultiple: 4, longRowTokens: 1000, maxPositions: 1000 });
  const double = (values: ArrayLike<number>) => tensor('float64', [values.length], Float64Array.from(values));
  const scalar = (value: number) => tensor('float64', [], Float64Array.of(value));
  const { indices } = batch!;
  const rowOf = indices.flatMap((index, row) => Array.from({ length: markedTokens(rows[index]!) }, () => row));
  const share = 1 / (loss === 'supervised' ? batch!.tokens : rows.length);
  const feeds = {
    ...tokenFeeds(rows, batch!),
    rowOf: tensor('int64', [rowOf.length], BigInt64Array.from(rowOf, BigInt)),
    scale: double(indices.map(() => share)),
  };
  if (loss === 'supervised') return { ...feeds, inverseTemperature: scalar(1) };
  return {
    ...feeds,
    inverseTemperature: scalar(1 / temperature),
    tau: scalar(tau),
    advantages: double(indices.map((index) => rows[index]!.advantage)),
    lengths: double(indices.map((index) => (loss === 'policyMean' ? markedTokens(rows[index]!) : 1))),
    referenceLogProbs: double(perToken(rows, batch!, (index) => rows[index]!.referenceLogProbs, 0)),
    weights: double(perToken(rows, batch!, (index) => rows[index]!.weights, 1)),
  };
}
