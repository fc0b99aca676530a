/** Public face of the engine. Generating (actors) and training (the trainer) meet in the model definition only. */
export { CallQueue } from './generate/call-queue.js';
export type { EngineOptions } from './generate/engine-options.js';
export { LocalEngine } from './generate/local-engine.js';
export { requireSequence, Sequence, type SequenceBounds } from './generate/sequence.js';
export { WorkerEngine } from './generate/worker-engine.js';
export { type Precision, requireDevice } from './graph/device.js';
export type { Device } from './graph/session.js';
export {
  type Checkpoint,
  type CheckpointOrigin,
  companionFiles,
  configFile,
  readCheckpoint,
  readConfig,
  writeCheckpoint,
} from './model/checkpoint.js';
export {
  type Architecture,
  formatModelConfig,
  type ModelConfig,
  parseModelConfig,
  requireModelConfig,
} from './model/config.js';
export { type InitOptions, initialParameters } from './model/init.js';
export {
  type ParameterBlock,
  type ParameterLayout,
  type ParameterTensor,
  parameterLayout,
  viewOf,
} from './model/layout.js';
export type { RopeScaling } from './model/rope.js';
export { type FileSums, type WriteOptions, weightsFile, weightsIndexFile } from './model/weight-files.js';
export type { WeightType } from './model/weight-types.js';
export { filesIdentity } from './model/weights.js';
export { requireDeviceBriefly } from './process/device-check.js';
export { ProcessEngine, warmEngine } from './process/process-engine.js';
export { ProcessTraining, type TrainingHandle, warmTraining } from './process/process-training.js';
export type { AdamWOptions } from './train/adamw.js';
export type { PolicySource, TrainingStatus, WorkerStart } from './train/training-calls.js';
export { TrainingEngine } from './train/training-engine.js';
export type { TrainingCall } from './train/training-thread.js';
export type {
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
} from './train/training-types.js';
export { TrainingWorker } from './train/training-worker.js';

/** Program of a process that an agent owns: it runs what ProcessEngine and ProcessTraining ask for. */
export const engineProcessEntry = new URL('./process/engine-process.js', import.meta.url);
