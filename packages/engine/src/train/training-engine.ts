/**
 * Owns the parameters of a policy and changes them: log-probabilities, gradients summed over micro-batches, optimiser steps,
 * checkpoints. Blocks its thread while it computes (see training-worker.ts). Knows rows of tokens, not rewards or groups.
 * The same calls give the same bits at a given number of threads.
 */
import { SegueError } from '@segue/core';
import type { Builder } from '../graph/builder.js';
import { setMatrixPrecision } from '../graph/cuda.js';
import { emit } from '../graph/emit.js';
import { addProductCheck } from '../graph/product-check.js';
import { Session, type Tensors, tensor } from '../graph/session.js';
import { type CheckpointOrigin, companionFiles, readCheckpoint, writeCheckpoint } from '../model/checkpoint.js';
import { type ModelConfig, requireModelConfig } from '../model/config.js';
import { type InitOptions, initialParameters } from '../model/init.js';
import { type ParameterLayout, parameterLayout, requireLength, viewOf } from '../model/layout.js';
import type { FileSums } from '../model/weight-files.js';
import { AdamW, clippingScale, globalNorm } from './adamw.js';
import {
  type MicroBatch,
  markedTokens,
  microBatches,
  perToken,
  requirePolicyRows,
  requireRows,
  type TokenRow,
  tokenFeeds,
} from './batches.js';
import { FusedRuns } from './fused-runs.js';
import {
  attentionBlocks,
  gradientGraph,
  gradientName,
  logProbGraph,
  longBlock,
  type Objective,
  weightInputs,
} from './graphs.js';
import { rowFeeds, scalar, supervisedFeeds, vector } from './loss-feeds.js';
import { floats, outputsFor, type RunResult, summary, Totals } from './run-results.js';
import { defaultCallWork } from './shards.js';
import {
  defaultBatching,
  defaultThreads,
  type GradientResult,
  type LogProbOptions,
  type LogProbResult,
  type PolicyGradientResult,
  type PolicyLossOptions,
  type PolicyRow,
  type PolicyStepOptions,
  type PolicyStepResult,
  type StepResult,
  type SupervisedLossOptions,
  type SupervisedStepResult,
  type TrainingOptions,
} from './training-types.js';

type GraphKind = 'logProbs' | Objective;

export class TrainingEngine {
  readonly layout: ParameterLayout;
  /** Flat, as the layout says. Changed in place by steps. */
  readonly parameters: Float32Array;
  readonly #options: Required<TrainingOptions>;
  readonly #gradient: Float32Array;
  /** Gradient of one micro-batch when several are summed. */
  readonly #partial: Float32Array;
  readonly #optimizer: AdamW;
  readonly #parameterFeeds: Tensors;
  readonly #fused: FusedRuns;
  /** By kind of graph; those for long rows have a name of their own. */
  readonly #sessions = new Map<string, Promise<Session>>();
  #threads: number;
  #companions: readonly string[] = [];
  /** Of the checkpoint that was opened: `save` keeps its config.json. */
  #origin: CheckpointOrigin | null = null;
  /** Whether the gradient holds something that no step has used. */
  #pending = false;

  constructor(config: ModelConfig, parameters: Float32Array, options: TrainingOptions = {}) {
    this.layout = parameterLayout(requireModelConfig(config));
    requireLength(this.layout, parameters);
    this.parameters = parameters;
    this.#options = {
      device: 'cpu',
      precision: 'float32',
      threads: defaultThreads,
      ...defaultBatching,
      callWork: defaultCallWork,
      maxGradientNorm: 1,
      optimizer: {},
      fuseSteps: options.device === 'cuda',
      checkProducts: options.device === 'cuda' && options.precision !== 'tf32',
      ...options,
    };
    this.#threads = this.#options.threads;
    if (this.#options.device === 'cuda') setMatrixPrecision(this.#options.precision);
    if (!(this.#options.lengthMultiple > 0) || this.#options.lengthMultiple % attentionBlocks !== 0) {
      throw new SegueError('INVALID_CONFIG', `lengthMultiple must be a multiple of ${attentionBlocks}`);
    }
    this.#gradient = new Float32Array(this.layout.length);
    this.#partial = new Float32Array(this.layout.length);
    const ranges = this.layout.blocks.map(({ offset, size, shape }) => ({ offset, size, decays: shape.length > 1 }));
    this.#optimizer = new AdamW(this.layout.length, ranges, this.#options.optimizer);
    this.#fused = new FusedRuns(this.layout, parameters, this.#optimizer, this.#options);
    this.#parameterFeeds = Object.fromEntries(
      weightInputs(this.layout).map((weight) => [
        weight.name,
        tensor('float32', weight.shape, viewOf(parameters, weight)),
      ]),
    );
  }

  /** A new policy from a seed. */
  static initialize(config: ModelConfig, seed: number, options?: TrainingOptions, init?: InitOptions): TrainingEngine {
    return new TrainingEngine(
      config,
      initialParameters(parameterLayout(requireModelConfig(config)), seed, init),
      options,
    );
  }

  /** A policy from a checkpoint folder, whose tokenizer files `save` copies along. */
  static async open(folder: string, options?: TrainingOptions): Promise<TrainingEngine> {
    const { config, parameters, origin } = await readCheckpoint(folder);
    const engine = new TrainingEngine(config, parameters, options);
    engine.#companions = await companionFiles(folder);
    engine.#origin = origin ?? null;
    return engine;
  }

  get config(): ModelConfig {
    return this.layout.config;
  }

  /** The gradient summed since the last step, laid out as the parameters. A view. */
  get gradient(): Float32Array {
    return this.#gradient;
  }

  get hasGradient(): boolean {
    return this.#pending;
  }

  /** How many threads share an operator, for sessions that are made from now on. */
  useThreads(threads: number): void {
    this.#threads = threads;
  }

  /** Adds a gradient that was computed elsewhere under the same parameters. */
  addGradient(gradient: Float32Array): void {
    requireLength(this.layout, gradient);
    if (this.#pending) addInto(this.#gradient, gradient);
    else this.#gradient.set(gradient);
    this.#pending = true;
  }

  /** Takes the parameters of a checkpoint of the same shape; resets the optimiser and drops the gradient. */
  async load(folder: string): Promise<void> {
    const { config, parameters, origin } = await readCheckpoint(folder);
    const loaded = parameterLayout(config).tensors;
    const misfit = this.layout.tensors.find(
      ({ name, shape }, i) => loaded[i]?.name !== name || loaded[i].shape.join() !== shape.join(),
    );
    if (misfit || loaded.length !== this.layout.tensors.length) {
      throw new SegueError(
        'INVALID_INPUT',
        `${folder} holds a model of another shape${misfit ? ` (${misfit.name})` : ''}`,
      );
    }
    this.parameters.set(parameters);
    this.#companions = await companionFiles(folder);
    this.#origin = origin ?? null;
    this.dropGradient();
    this.resetOptimizer();
  }

  /** Writes a checkpoint. @param companions files to copy along; those of the folder that was opened when left out @returns sums of the weights' files */
  async save(folder: string, companions: readonly string[] = this.#companions): Promise<FileSums> {
    const { config, layout, parameters } = this;
    const origin = this.#origin ? { origin: this.#origin } : {};
    return writeCheckpoint(folder, { config, layout, parameters, ...origin }, companions);
  }

  /** Log-probabilities of the masked tokens under the current parameters, at the sampling temperature. */
  async logProbs(rows: readonly TokenRow[], { temperature = 1 }: LogProbOptions = {}): Promise<LogProbResult> {
    const feeds = { inverseTemperature: this.#inverse(temperature) };
    const total = new Totals(rows);
    const batches = this.#batches(rows);
    if (this.#fuses(batches) && batches.length > 0) {
      const fed = batches.map((batch) => ({ batch, feeds: { ...feeds, ...tokenFeeds(rows, batch) } }));
      const outputs = await this.#fused.logProbs(fed);
      for (const [i, batch] of batches.entries()) total.add(rows, batch, outputs[i]!);
      return total.result();
    }
    for (const batch of batches) {
      const session = await this.#session('logProbs', batch);
      const outputs = await session.run({ ...this.#parameterFeeds, ...feeds, ...tokenFeeds(rows, batch) });
      total.add(rows, batch, outputs);
    }
    return total.result();
  }

  /** Adds the gradient of the k1.5 objective (losses.ts) over these rows. After an error, drop the gradient: part of it may be there. */
  async policyGradients(rows: readonly PolicyRow[], options: PolicyLossOptions): Promise<PolicyGradientResult> {
    return this.#policy(rows, options, (feedsOf) => this.#accumulate('policy', rows, feedsOf));
  }

  /** Gradients and step in one. */
  async policyStep(rows: readonly PolicyRow[], options: PolicyStepOptions): Promise<PolicyStepResult> {
    const { learningRate, thenReset = false } = options;
    if (this.#pending || !this.#fuses(this.#batches(rows))) {
      const result = await this.policyGradients(rows, options);
      const step = await this.step(learningRate);
      if (thenReset) this.resetOptimizer();
      return { ...result, ...step };
    }
    let step: StepResult | null = null;
    const result = await this.#policy(rows, options, async (feedsOf) => {
      const fused = await this.#fusedStep('policy', rows, feedsOf, { learningRate, keepState: !thenReset });
      step = fused.step;
      return fused;
    });
    return { ...result, ...step! };
  }

  async #policy(
    rows: readonly PolicyRow[],
    options: PolicyLossOptions,
    run: (feedsOf: (batch: MicroBatch) => Tensors) => Promise<RunResult>,
  ): Promise<PolicyGradientResult> {
    const { tau, temperature = 1, logPi = 'sum', normalizer = rows.length } = options;
    requirePolicyRows(rows, this.config);
    const logRatios = new Float32Array(rows.length);
    const constant = { inverseTemperature: this.#inverse(temperature), tau: scalar(tau) };
    const feedsOf = (batch: MicroBatch): Tensors => ({
      ...constant,
      ...rowFeeds(rows, batch, () => 1 / normalizer),
      advantages: vector(Float32Array.from(batch.indices, (index) => rows[index]!.advantage)),
      lengths: vector(Float32Array.from(batch.indices, (index) => (logPi === 'mean' ? markedTokens(rows[index]!) : 1))),
      referenceLogProbs: vector(perToken(rows, batch, (index) => rows[index]!.referenceLogProbs, 0)),
      weights: vector(perToken(rows, batch, (index) => rows[index]!.weights, 1)),
    });
    const { result, outputs } = await run(feedsOf);
    for (const [{ indices }, tensors] of outputs) {
      const values = floats(tensors, 'logRatios');
      indices.forEach((index, row) => {
        logRatios[index] = values[row]!;
      });
    }
    const squares = logRatios.reduce((sum, ratio) => sum + ratio * ratio, 0);
    return { ...result, logRatios, squaredLogRatio: squares / Math.max(1, result.rows) };
  }

  /** Adds the gradient of the cross-entropy over the masked tokens of these rows. */
  async supervisedGradients(rows: readonly TokenRow[], options: SupervisedLossOptions = {}): Promise<GradientResult> {
    return (await this.#accumulate('supervised', rows, supervisedFeeds(rows, options))).result;
  }

  /** One optimiser step with the summed gradient, clipped; the gradient is then empty. */
  async step(learningRate: number): Promise<StepResult> {
    if (!this.#pending) throw new SegueError('FAILED_PRECONDITION', 'there is no gradient to step with');
    const gradientNorm = globalNorm(this.#gradient);
    this.#pending = false;
    const scale = clippingScale(gradientNorm, this.#options.maxGradientNorm);
    this.#optimizer.step(this.parameters, this.#gradient, learningRate, scale);
    return { gradientNorm, clipped: scale < 1, steps: this.#optimizer.steps };
  }

  /** Gradients and step in one. */
  async supervisedStep(rows: readonly TokenRow[], learningRate: number): Promise<SupervisedStepResult> {
    if (this.#pending || !this.#fuses(this.#batches(rows))) {
      const result = await this.supervisedGradients(rows);
      return { ...result, ...(await this.step(learningRate)) };
    }
    const order = { learningRate, keepState: true };
    const { result, step } = await this.#fusedStep('supervised', rows, supervisedFeeds(rows, {}), order);
    return { ...result, ...step };
  }

  resetOptimizer(): void {
    this.#optimizer.reset();
  }

  dropGradient(): void {
    this.#pending = false;
  }

  /** Frees the sessions. Await what runs first. */
  async dispose(): Promise<void> {
    const sessions = await Promise.allSettled(this.#sessions.values());
    this.#sessions.clear();
    for (const session of sessions) if (session.status === 'fulfilled') await session.value.dispose();
    await this.#fused.dispose();
  }

  #inverse(temperature: number) {
    if (!(temperature > 0)) throw new SegueError('INVALID_INPUT', `temperature must be above 0, not ${temperature}`);
    return scalar(1 / temperature);
  }

  /** Whether these are taken in one run; long rows have a graph of their own. */
  #fuses(batches: readonly MicroBatch[]): boolean {
    return this.#options.fuseSteps && batches.every(({ long }) => !long);
  }

  #batches(rows: readonly TokenRow[]): MicroBatch[] {
    requireRows(rows, this.config);
    const { maxTokensPerMicroBatch: maxTokens, lengthMultiple, longRowTokens } = this.#options;
    return microBatches(rows, { maxTokens, lengthMultiple, longRowTokens, maxPositions: this.config.maxPositions });
  }

  #session(kind: GraphKind, { long }: MicroBatch): Promise<Session> {
    const name = long ? `${kind} of long rows` : kind;
    let session = this.#sessions.get(name);
    if (!session) {
      const shape = { longBlock: long ? longBlock : 0 };
      const graph: Builder =
        kind === 'logProbs' ? logProbGraph(this.layout, shape) : gradientGraph(this.layout, kind, shape);
      const { device } = this.#options;
      if (this.#options.checkProducts) addProductCheck(graph);
      session = Session.create(emit(graph), {
        device,
        threads: this.#threads,
        shrinkMemory: device === 'cuda',
        name,
      });
      this.#sessions.set(name, session);
      // What failed is tried again: memory may be there the next time.
      session.catch(() => this.#sessions.delete(name));
    }
    return session;
  }

  async #accumulate(
    kind: Objective,
    rows: readonly TokenRow[],
    feedsOf: (batch: MicroBatch) => Tensors,
  ): Promise<RunResult> {
    const batches = this.#batches(rows);
    const all: [MicroBatch, Tensors][] = [];
    for (const batch of batches) {
      const session = await this.#session(kind, batch);
      const into = this.#pending ? this.#partial : this.#gradient;
      const fetches = this.#gradientFetches(into);
      const outputs = outputsFor(kind, batch);
      const feeds = { ...this.#parameterFeeds, ...tokenFeeds(rows, batch), ...feedsOf(batch) };
      await session.runInto(feeds, { ...fetches, ...outputs });
      if (this.#pending) addInto(this.#gradient, this.#partial);
      this.#pending = true;
      all.push([batch, outputs]);
    }
    return { result: summary(rows, all), outputs: all };
  }

  async #fusedStep(
    objective: Objective,
    rows: readonly TokenRow[],
    feedsOf: (batch: MicroBatch) => Tensors,
    order: { readonly learningRate: number; readonly keepState: boolean },
  ): Promise<RunResult & { readonly step: StepResult }> {
    const batches = this.#batches(rows);
    if (batches.length === 0) throw new SegueError('FAILED_PRECONDITION', 'there is no gradient to step with');
    const fed = batches.map((batch) => ({ batch, feeds: { ...tokenFeeds(rows, batch), ...feedsOf(batch) } }));
    const steps = this.#optimizer.steps + 1;
    const { outputs, gradientNorm } = await this.#fused.step({ objective, batches: fed, ...order });
    const all = batches.map((batch, i): [MicroBatch, Tensors] => [batch, outputs[i]!]);
    const clipped = clippingScale(gradientNorm, this.#options.maxGradientNorm) < 1;
    return { result: summary(rows, all), outputs: all, step: { gradientNorm, clipped, steps } };
  }

  #gradientFetches(into: Float32Array): Tensors {
    return Object.fromEntries(
      weightInputs(this.layout).map((weight) => [
        gradientName(weight.name),
        tensor('float32', weight.shape, viewOf(into, weight)),
      ]),
    );
  }
}

function addInto(sum: Float32Array, term: Float32Array): void {
  for (let i = 0; i < sum.length; i++) sum[i]! += term[i]!;
}
