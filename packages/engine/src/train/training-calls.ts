/** What a TrainingThread and its thread say to each other: one call, one reply. Errors cross as code and message. */
import type { ErrorCode } from '@segue/core';
import type { ModelConfig } from '../model/config.js';
import type { InitOptions } from '../model/init.js';
import type { FileSums } from '../model/weight-files.js';
import type {
  GradientResult,
  LogProbOptions,
  LogProbResult,
  PolicyGradientResult,
  PolicyLossOptions,
  PolicyRow,
  PolicyStepOptions,
  PolicyStepResult,
  StepResult,
  SupervisedLossOptions,
  SupervisedStepResult,
  TokenRow,
  TrainingOptions,
} from './training-types.js';

/** Where the first policy comes from. */
export type PolicySource =
  | { readonly folder: string }
  | { readonly config: ModelConfig; readonly seed: number; readonly init?: InitOptions };

export interface WorkerStart {
  readonly source: PolicySource;
  readonly options?: TrainingOptions;
}

/** A helper begins without parameters of its own: it takes those that the first thread shares. */
export interface HelperStart {
  readonly helperOf: ModelConfig;
  readonly options?: TrainingOptions;
}

/** Memory that all threads see. Runs never touch it: ONNX Runtime takes no shared memory. */
export interface SharedArrays {
  /** The current parameters, written by the first thread. */
  readonly parameters: Float32Array;
  /** One gradient per helper. */
  readonly gradients: readonly Float32Array[];
}

export interface TrainingStatus {
  readonly config: ModelConfig;
  /** Number of parameters. */
  readonly parameters: number;
  /** Resident memory of the process. */
  readonly residentBytes: number;
}

/** Arguments and result of every call. */
interface Calls {
  /** Answered once the thread has read its code. */
  ready: { args: object; result: undefined };
  start: { args: { from: WorkerStart | HelperStart }; result: ModelConfig };
  /** Threads that share an operator; before the first gradient. */
  useThreads: { args: { threads: number }; result: undefined };
  share: { args: { shared: SharedArrays; helper: number | null }; result: undefined };
  logProbs: { args: { rows: readonly TokenRow[]; options: LogProbOptions }; result: LogProbResult };
  policyGradients: { args: { rows: readonly PolicyRow[]; options: PolicyLossOptions }; result: PolicyGradientResult };
  /** Gradients and step in one; only without helpers. */
  policyStep: { args: { rows: readonly PolicyRow[]; options: PolicyStepOptions }; result: PolicyStepResult };
  supervisedStep: { args: { rows: readonly TokenRow[]; learningRate: number }; result: SupervisedStepResult };
  supervisedGradients: { args: { rows: readonly TokenRow[]; options: SupervisedLossOptions }; result: GradientResult };
  /** A helper gives its gradient away; false when it has none. */
  giveGradient: { args: object; result: boolean };
  /** The first thread adds the helpers' gradients, in their order, steps, and shares the parameters. */
  step: { args: { learningRate: number; helpers: readonly number[] }; result: StepResult };
  /** A helper takes the shared parameters. */
  takeParameters: { args: object; result: undefined };
  resetOptimizer: { args: object; result: undefined };
  dropGradient: { args: object; result: undefined };
  /** The first thread loads and shares. */
  load: { args: { folder: string }; result: undefined };
  save: { args: { folder: string; companions?: readonly string[] }; result: FileSums };
  status: { args: object; result: TrainingStatus };
  stop: { args: object; result: undefined };
}

export type CallName = keyof Calls;
export type CallOf<N extends CallName> = { readonly name: N } & Readonly<Calls[N]['args']>;
export type Call = { [N in CallName]: CallOf<N> }[CallName];
export type ResultOf<N extends CallName> = Calls[N]['result'];

export interface CallMessage {
  readonly id: number;
  readonly call: Call;
}

export type Reply =
  | { readonly id: number; readonly ok: true; readonly value: ResultOf<CallName> }
  | { readonly id: number; readonly ok: false; readonly code: ErrorCode; readonly message: string };
