/**
 * Work on many micro-batches inside one `session.run`: optimiser steps, which change parameters and state in place, and log-probs.
 * What a run computes is in update-graph.ts and micro-batch-loop.ts; the rows and their feeds come from the training engine.
 */
import { SegueError } from '@segue/core';
import type { Builder } from '../graph/builder.js';
import { emit } from '../graph/emit.js';
import { addProductCheck } from '../graph/product-check.js';
import { type Device, Session, type Tensors, tensor } from '../graph/session.js';
import { type ParameterLayout, viewOf } from '../model/layout.js';
import type { AdamW } from './adamw.js';
import type { MicroBatch } from './batches.js';
import { attentionBlocks, type Objective, weightInputs } from './graphs.js';
import { logProbLoopGraph, sizeColumns } from './micro-batch-loop.js';
import { meanName, squareName, updatedName, updateGraph } from './update-graph.js';

export interface FusedOptions {
  readonly device: Device;
  readonly threads: number;
  /** Whether each run is to tell that its products are float32 (product-check.ts). */
  readonly checkProducts: boolean;
  readonly maxGradientNorm: number;
}

/** One micro-batch and what the gradient graph would be fed with. */
export interface FedBatch {
  readonly batch: MicroBatch;
  readonly feeds: Tensors;
}

export interface UpdateOrder {
  readonly objective: Objective;
  readonly batches: readonly FedBatch[];
  readonly learningRate: number;
  /** Whether a later step needs the optimiser's state; it is left on the device otherwise, and lost. */
  readonly keepState: boolean;
}

export interface UpdateOutcome {
  /** Per micro-batch, named as by the gradient graph; the first has the entropy of all. */
  readonly outputs: readonly Tensors[];
  readonly gradientNorm: number;
}

export class FusedRuns {
  readonly #layout: ParameterLayout;
  readonly #optimizer: AdamW;
  readonly #options: FusedOptions;
  /** Over the engine's own array: read and written in place. */
  readonly #parameters: Tensors;
  readonly #sessions = new Map<string, Session>();

  constructor(layout: ParameterLayout, parameters: Float32Array, optimizer: AdamW, options: FusedOptions) {
    this.#layout = layout;
    this.#optimizer = optimizer;
    this.#options = options;
    this.#parameters = this.#weights(parameters, (name) => name);
  }

  /** FAILED_PRECONDITION when the gradient's norm is not finite; nothing has changed then. */
  async step({ objective, batches, learningRate, keepState }: UpdateOrder): Promise<UpdateOutcome> {
    const fresh = this.#optimizer.steps === 0;
    const session = await this.#session(`${objective} step${fresh ? ', fresh' : ''}`, () =>
      updateGraph(this.#layout, { objective, fresh }, this.#optimizer.settings),
    );
    const state = {
      ...this.#weights(this.#optimizer.mean, meanName),
      ...this.#weights(this.#optimizer.square, squareName),
    };
    const { rate, squareCorrection, keep } = this.#optimizer.advance(learningRate);
    const scalars = { rate, squareCorrection, keep, maxGradientNorm: this.#options.maxGradientNorm };
    const feeds: Tensors = {
      ...this.#parameters,
      ...(fresh ? {} : state),
      ...joined(batches),
    };
    for (const [name, value] of Object.entries(scalars)) feeds[name] = tensor('float32', [], Float32Array.of(value));
    const changed = { ...this.#parameters, ...(keepState ? state : {}) };
    const results = resultTensors(batches, objective === 'policy' ? ['rowLosses', 'logRatios'] : ['rowLosses']);
    const outputs = { ...results, gradientNorm: tensor('float32', [], new Float32Array(1)) };
    try {
      const fetches = Object.fromEntries(Object.entries(changed).map(([name, value]) => [updatedName(name), value]));
      await session.runInto(feeds, { ...fetches, ...outputs });
    } catch (error) {
      this.#optimizer.retreat();
      throw error;
    }
    const gradientNorm = floats(outputs.gradientNorm.data)[0]!;
    if (!Number.isFinite(gradientNorm)) this.#optimizer.retreat();
    else if (!keepState) this.#optimizer.reset();
    return { outputs: split(results, batches), gradientNorm };
  }

  /** Per micro-batch logProbs and entropy; the first has the entropy of all. */
  async logProbs(batches: readonly FedBatch[]): Promise<readonly Tensors[]> {
    const session = await this.#session('log-probs', () => logProbLoopGraph(this.#layout));
    const results = resultTensors(batches, []);
    await session.runInto({ ...this.#parameters, ...joined(batches) }, results);
    return split(results, batches);
  }

  async dispose(): Promise<void> {
    const sessions = [...this.#sessions.values()];
    this.#sessions.clear();
    for (const session of sessions) await session.dispose();
  }

  async #session(name: string, build: () => Builder): Promise<Session> {
    const known = this.#sessions.get(name);
    if (known) return known;
    const { device, threads, checkProducts } = this.#options;
    const graph = build();
    if (checkProducts) addProductCheck(graph);
    const session = await Session.create(emit(graph), { device, threads, shrinkMemory: device === 'cuda', name });
    this.#sessions.set(name, session);
    return session;
  }

  #weights(flat: Float32Array, nameOf: (weight: string) => string): Tensors {
    return Object.fromEntries(
      weightInputs(this.#layout).map((weight) => [
        nameOf(weight.name),
        tensor('float32', weight.shape, viewOf(flat, weight)),
      ]),
    );
  }
}

function floats(data: unknown): Float32Array {
  if (!(data instanceof Float32Array)) throw new SegueError('INTERNAL', 'the update graph gives float32 results');
  return data;
}

/** The arrays of all micro-batches, one after the other; scalars are the same in all of them. */
function joined(batches: readonly FedBatch[]): Tensors {
  const feeds = batches.map((own) => own.feeds);
  const all: Tensors = { sizes: sizesOf(batches.map(({ batch }) => batch)) };
  for (const [name, { type, dims }] of Object.entries(feeds[0] ?? {})) {
    const parts = feeds.map((own) => own[name]!.data);
    if (dims.length === 0) all[name] = feeds[0]![name]!;
    else if (type === 'int64') all[name] = joinedIntegers(parts as BigInt64Array[]);
    else all[name] = joinedFloats(parts.map(floats));
  }
  return all;
}

function joinedIntegers(parts: readonly BigInt64Array[]) {
  const data = new BigInt64Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    data.set(part, at);
    at += part.length;
  }
  return tensor('int64', [data.length], data);
}

function joinedFloats(parts: readonly Float32Array[]) {
  const data = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    data.set(part, at);
    at += part.length;
  }
  return tensor('float32', [data.length], data);
}

/** `sizes` of the update graph. */
function sizesOf(batches: readonly MicroBatch[]) {
  const begin = { tokenBegin: 0, trainedBegin: 0, rowBegin: 0 };
  const rows = batches.map(({ indices, length, tokens }) => {
    const sizes = { rows: indices.length, blockLength: length / attentionBlocks, trained: tokens, ...begin };
    begin.tokenBegin += indices.length * length;
    begin.trainedBegin += tokens;
    begin.rowBegin += indices.length;
    return sizeColumns.map((column) => BigInt(sizes[column]));
  });
  return tensor('int64', [batches.length, sizeColumns.length], BigInt64Array.from(rows.flat()));
}

/** @param perRow names of the results that have one number per row */
function resultTensors(batches: readonly FedBatch[], perRow: readonly string[]): Tensors {
  const sum = (of: (batch: MicroBatch) => number) => batches.reduce((total, { batch }) => total + of(batch), 0);
  const vector = (length: number) => tensor('float32', [length], new Float32Array(length));
  const rows = sum(({ indices }) => indices.length);
  return {
    logProbs: vector(sum(({ tokens }) => tokens)),
    ...Object.fromEntries(perRow.map((name) => [name, vector(rows)])),
    entropy: tensor('float32', [], new Float32Array(1)),
  };
}

/** The results of each micro-batch. */
function split(results: Tensors, batches: readonly FedBatch[]): Tensors[] {
  const at = { tokens: 0, rows: 0 };
  return batches.map(({ batch }, index) => {
    const own: Tensors = {};
    for (const [name, { data, dims }] of Object.entries(results)) {
      const values = floats(data);
      if (dims.length === 0) own[name] = tensor('float32', [], index === 0 ? values : new Float32Array(1));
      else {
        const [from, length] = name === 'logProbs' ? [at.tokens, batch.tokens] : [at.rows, batch.indices.length];
        own[name] = tensor('float32', [length], values.subarray(from, from + length));
      }
    }
    at.tokens += batch.tokens;
    at.rows += batch.indices.length;
    return own;
  });
}
