/** What an engine's process is told, beside taking the device: engines that generate, by number, and one that trains. */
import type { TakeDeviceCall } from '@segue/core';
import type { EngineSettings } from '../generate/engine-options.js';
import type { EngineArguments, EngineMethod } from '../generate/worker-protocol.js';
import type { WorkerStart } from '../train/training-calls.js';
import type { TrainingWorker } from '../train/training-worker.js';

/** The calls of a training worker that cross to its process. */
export type TrainingMethod =
  | 'logProbs'
  | 'policyStep'
  | 'supervisedStep'
  | 'resetOptimizer'
  | 'dropGradient'
  | 'save'
  | 'status';

/** Makes a thread ready for what is to come; nothing of it needs the device. Answered at once when it is there. */
export type WarmUpCall =
  | { readonly name: 'warmEngine'; readonly settings: EngineSettings }
  | { readonly name: 'warmTraining'; readonly callTimeoutMs: number };

export type ProcessCall =
  | TakeDeviceCall
  | WarmUpCall
  | { readonly name: 'openEngine'; readonly settings: EngineSettings }
  | {
      readonly name: 'engine';
      readonly engine: number;
      readonly method: EngineMethod;
      readonly args: EngineArguments<EngineMethod>;
    }
  | { readonly name: 'openTraining'; readonly start: WorkerStart }
  | {
      readonly name: 'training';
      readonly method: TrainingMethod;
      readonly args: Parameters<TrainingWorker[TrainingMethod]>;
    };
