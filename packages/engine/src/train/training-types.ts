/** What goes into training and what comes out: plain data that crosses threads. */
import type { MatrixPrecision } from '../graph/cuda.js';
import type { Device } from '../graph/session.js';
import type { AdamWOptions } from './adamw.js';

export type { PolicyRow, TokenRow } from './batches.js';

export const defaultThreads = 2;
/** How rows fall into micro-batches unless told otherwise. */
export const defaultBatching = { maxTokensPerMicroBatch: 2048, lengthMultiple: 8, longRowTokens: 1024 } as const;

export interface TrainingOptions {
  readonly device?: Device;
  /** Of matrix products on CUDA. Default float32. */
  readonly precision?: MatrixPrecision;
  /** Threads inside an operator; a TrainingWorker uses them as `planThreads` says. Default 2. */
  readonly threads?: number;
  /** Padded tokens of a micro-batch: bounds memory, and small ones need less padding. Default 2048. */
  readonly maxTokensPerMicroBatch?: number;
  /** Row lengths are rounded up to a multiple of this, itself a multiple of 4. Default 8. */
  readonly lengthMultiple?: number;
  /**
   * Rows with more tokens go through the graph that computes in blocks and again for the gradients: memory linear in the length, and
   * faster from about 2048 tokens on (docs/long-contexts.md). Default 1024.
   */
  readonly longRowTokens?: number;
  /**
   * Work of one call of a thread, in tokens times parameters (attention counts too): a TrainingWorker cuts what is more into several calls, so that a
   * deadline tells slow from stuck. Default 2^38, some half a minute of a slow core. A call takes 256 tokens, or a row, however large the model.
   */
  readonly callWork?: number;
  /** A longer gradient is scaled down to this norm. Default 1. */
  readonly maxGradientNorm?: number;
  readonly optimizer?: AdamWOptions;
  /** Whether a step with its gradients is one run, without a gradient on the host: pays where a bus lies between. Default: on CUDA. */
  readonly fuseSteps?: boolean;
  /** Whether each run tells that it rounds no product (product-check.ts). Default: on CUDA in float32, where a library may though nobody asked for it. */
  readonly checkProducts?: boolean;
}

export interface LogProbOptions {
  /** Sampling temperature; must be above 0. Default 1. */
  readonly temperature?: number;
}

export interface PolicyLossOptions extends LogProbOptions {
  /** Weight of the squared log ratio (section 2.3.2 of the report). */
  readonly tau: number;
  /** log pi of a response: the sum over its masked tokens, or their mean. Default 'sum'. */
  readonly logPi?: 'sum' | 'mean';
  /** What the sum over responses is divided by. Default: the number of rows. Give the whole step's when it comes in several calls. */
  readonly normalizer?: number;
}

export interface SupervisedLossOptions {
  /** What the sum over tokens is divided by. Default: the number of masked tokens. */
  readonly normalizer?: number;
}

export interface LogProbResult {
  /** Per row, as long as its tokens; 0 where the mask is 0. */
  readonly logProbs: readonly Float32Array[];
  /** Mean over masked tokens, in nats. */
  readonly entropy: number;
  readonly tokens: number;
}

export interface GradientResult extends LogProbResult {
  readonly loss: number;
  /** Rows with at least one masked token. */
  readonly rows: number;
  readonly microBatches: number;
  /** Tokens computed, padding included. */
  readonly paddedTokens: number;
}

export interface PolicyGradientResult extends GradientResult {
  /** log pi - log pi_ref of each row, summed (or averaged) over its masked tokens. */
  readonly logRatios: Float32Array;
  /** Mean over rows of the squared log ratio. */
  readonly squaredLogRatio: number;
}

export interface StepResult {
  /** Before clipping. */
  readonly gradientNorm: number;
  readonly clipped: boolean;
  /** Optimiser steps since the last reset, this one included. */
  readonly steps: number;
}

export interface SupervisedStepResult extends GradientResult, StepResult {}

export interface PolicyStepOptions extends PolicyLossOptions {
  readonly learningRate: number;
  /** The optimiser forgets what it has seen after this step: on a GPU its state then need not be fetched. Default false. */
  readonly thenReset?: boolean;
}

export interface PolicyStepResult extends PolicyGradientResult, StepResult {}
