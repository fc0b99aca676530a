// Original file: /work/main/protos/segue/v1/trainer.proto

import type * as grpc from '@grpc/grpc-js'
import type { MethodDefinition } from '@grpc/proto-loader'
import type { DownloadPolicyRequest as _segue_v1_DownloadPolicyRequest, DownloadPolicyRequest__Output as _segue_v1_DownloadPolicyRequest__Output } from '../../segue/v1/DownloadPolicyRequest.js';
import type { FineTuneRequest as _segue_v1_FineTuneRequest, FineTuneRequest__Output as _segue_v1_FineTuneRequest__Output } from '../../segue/v1/FineTuneRequest.js';
import type { GetTrainerStatusRequest as _segue_v1_GetTrainerStatusRequest, GetTrainerStatusRequest__Output as _segue_v1_GetTrainerStatusRequest__Output } from '../../segue/v1/GetTrainerStatusRequest.js';
import type { InitializePolicyRequest as _segue_v1_InitializePolicyRequest, InitializePolicyRequest__Output as _segue_v1_InitializePolicyRequest__Output } from '../../segue/v1/InitializePolicyRequest.js';
import type { PolicyChunk as _segue_v1_PolicyChunk, PolicyChunk__Output as _segue_v1_PolicyChunk__Output } from '../../segue/v1/PolicyChunk.js';
import type { PolicyVersion as _segue_v1_PolicyVersion, PolicyVersion__Output as _segue_v1_PolicyVersion__Output } from '../../segue/v1/PolicyVersion.js';
import type { TrainIterationRequest as _segue_v1_TrainIterationRequest, TrainIterationRequest__Output as _segue_v1_TrainIterationRequest__Output } from '../../segue/v1/TrainIterationRequest.js';
import type { TrainProgress as _segue_v1_TrainProgress, TrainProgress__Output as _segue_v1_TrainProgress__Output } from '../../segue/v1/TrainProgress.js';
import type { TrainerStatus as _segue_v1_TrainerStatus, TrainerStatus__Output as _segue_v1_TrainerStatus__Output } from '../../segue/v1/TrainerStatus.js';

export interface TrainerClient extends grpc.Client {
  /**
   * A version's files in chunks of at most 1 MiB, manifest first, each file in order. The receiver checks every file's sha256 against
   * the manifest. May be repeated at will. NOT_FOUND when the version is not kept any more.
   */
  DownloadPolicy(argument: _segue_v1_DownloadPolicyRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_segue_v1_PolicyChunk__Output>;
  DownloadPolicy(argument: _segue_v1_DownloadPolicyRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_segue_v1_PolicyChunk__Output>;
  /**
   * A version's files in chunks of at most 1 MiB, manifest first, each file in order. The receiver checks every file's sha256 against
   * the manifest. May be repeated at will. NOT_FOUND when the version is not kept any more.
   */
  downloadPolicy(argument: _segue_v1_DownloadPolicyRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_segue_v1_PolicyChunk__Output>;
  downloadPolicy(argument: _segue_v1_DownloadPolicyRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_segue_v1_PolicyChunk__Output>;
  
  /**
   * Supervised fine-tuning on the run's warm-up problems, read from the replay store; streams progress, the last message carries the
   * version that was written (the same number as before the call when `replace` is set: version 0 is "after the warm-up").
   * Cancelling stops between two steps and writes nothing. Repeating it after a failure begins anew from the starting weights with the same seed: same result.
   */
  FineTune(argument: _segue_v1_FineTuneRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_segue_v1_TrainProgress__Output>;
  FineTune(argument: _segue_v1_FineTuneRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_segue_v1_TrainProgress__Output>;
  /**
   * Supervised fine-tuning on the run's warm-up problems, read from the replay store; streams progress, the last message carries the
   * version that was written (the same number as before the call when `replace` is set: version 0 is "after the warm-up").
   * Cancelling stops between two steps and writes nothing. Repeating it after a failure begins anew from the starting weights with the same seed: same result.
   */
  fineTune(argument: _segue_v1_FineTuneRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_segue_v1_TrainProgress__Output>;
  fineTune(argument: _segue_v1_FineTuneRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_segue_v1_TrainProgress__Output>;
  
  /**
   * What the trainer does now. Never blocks on the engine.
   */
  GetTrainerStatus(argument: _segue_v1_GetTrainerStatusRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_segue_v1_TrainerStatus__Output>): grpc.ClientUnaryCall;
  GetTrainerStatus(argument: _segue_v1_GetTrainerStatusRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_segue_v1_TrainerStatus__Output>): grpc.ClientUnaryCall;
  GetTrainerStatus(argument: _segue_v1_GetTrainerStatusRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_segue_v1_TrainerStatus__Output>): grpc.ClientUnaryCall;
  GetTrainerStatus(argument: _segue_v1_GetTrainerStatusRequest, callback: grpc.requestCallback<_segue_v1_TrainerStatus__Output>): grpc.ClientUnaryCall;
  /**
   * What the trainer does now. Never blocks on the engine.
   */
  getTrainerStatus(argument: _segue_v1_GetTrainerStatusRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_segue_v1_TrainerStatus__Output>): grpc.ClientUnaryCall;
  getTrainerStatus(argument: _segue_v1_GetTrainerStatusRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_segue_v1_TrainerStatus__Output>): grpc.ClientUnaryCall;
  getTrainerStatus(argument: _segue_v1_GetTrainerStatusRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_segue_v1_TrainerStatus__Output>): grpc.ClientUnaryCall;
  getTrainerStatus(argument: _segue_v1_GetTrainerStatusRequest, callback: grpc.requestCallback<_segue_v1_TrainerStatus__Output>): grpc.ClientUnaryCall;
  
  /**
   * Makes version 0 of a run from its configuration: seeded random weights, or an imported checkpoint. Idempotent: a version
   * 0 that is there already is checked and answered. INVALID_ARGUMENT when the checkpoint does not fit the model.
   */
  InitializePolicy(argument: _segue_v1_InitializePolicyRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_segue_v1_PolicyVersion__Output>): grpc.ClientUnaryCall;
  InitializePolicy(argument: _segue_v1_InitializePolicyRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_segue_v1_PolicyVersion__Output>): grpc.ClientUnaryCall;
  InitializePolicy(argument: _segue_v1_InitializePolicyRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_segue_v1_PolicyVersion__Output>): grpc.ClientUnaryCall;
  InitializePolicy(argument: _segue_v1_InitializePolicyRequest, callback: grpc.requestCallback<_segue_v1_PolicyVersion__Output>): grpc.ClientUnaryCall;
  /**
   * Makes version 0 of a run from its configuration: seeded random weights, or an imported checkpoint. Idempotent: a version
   * 0 that is there already is checked and answered. INVALID_ARGUMENT when the checkpoint does not fit the model.
   */
  initializePolicy(argument: _segue_v1_InitializePolicyRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_segue_v1_PolicyVersion__Output>): grpc.ClientUnaryCall;
  initializePolicy(argument: _segue_v1_InitializePolicyRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_segue_v1_PolicyVersion__Output>): grpc.ClientUnaryCall;
  initializePolicy(argument: _segue_v1_InitializePolicyRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_segue_v1_PolicyVersion__Output>): grpc.ClientUnaryCall;
  initializePolicy(argument: _segue_v1_InitializePolicyRequest, callback: grpc.requestCallback<_segue_v1_PolicyVersion__Output>): grpc.ClientUnaryCall;
  
  /**
   * Trains one iteration on the batch that is frozen in the replay store for it: reference log-probs under version i, updates, version
   * i+1 staged, checksummed and active; streams progress, the last message carries the version. Idempotent: the frozen batch and the seed decide the result, a version
   * that was already written from the same batch is answered without training again. FAILED_PRECONDITION without a frozen batch.
   */
  TrainIteration(argument: _segue_v1_TrainIterationRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_segue_v1_TrainProgress__Output>;
  TrainIteration(argument: _segue_v1_TrainIterationRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_segue_v1_TrainProgress__Output>;
  /**
   * Trains one iteration on the batch that is frozen in the replay store for it: reference log-probs under version i, updates, version
   * i+1 staged, checksummed and active; streams progress, the last message carries the version. Idempotent: the frozen batch and the seed decide the result, a version
   * that was already written from the same batch is answered without training again. FAILED_PRECONDITION without a frozen batch.
   */
  trainIteration(argument: _segue_v1_TrainIterationRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_segue_v1_TrainProgress__Output>;
  trainIteration(argument: _segue_v1_TrainIterationRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_segue_v1_TrainProgress__Output>;
  
}

export interface TrainerHandlers extends grpc.UntypedServiceImplementation {
  /**
   * A version's files in chunks of at most 1 MiB, manifest first, each file in order. The receiver checks every file's sha256 against
   * the manifest. May be repeated at will. NOT_FOUND when the version is not kept any more.
   */
  DownloadPolicy: grpc.handleServerStreamingCall<_segue_v1_DownloadPolicyRequest__Output, _segue_v1_PolicyChunk>;
  
  /**
   * Supervised fine-tuning on the run's warm-up problems, read from the replay store; streams progress, the last message carries the
   * version that was written (the same number as before the call when `replace` is set: version 0 is "after the warm-up").
   * Cancelling stops between two steps and writes nothing. Repeating it after a failure begins anew from the starting weights with the same seed: same result.
   */
  FineTune: grpc.handleServerStreamingCall<_segue_v1_FineTuneRequest__Output, _segue_v1_TrainProgress>;
  
  /**
   * What the trainer does now. Never blocks on the engine.
   */
  GetTrainerStatus: grpc.handleUnaryCall<_segue_v1_GetTrainerStatusRequest__Output, _segue_v1_TrainerStatus>;
  
  /**
   * Makes version 0 of a run from its configuration: seeded random weights, or an imported checkpoint. Idempotent: a version
   * 0 that is there already is checked and answered. INVALID_ARGUMENT when the checkpoint does not fit the model.
   */
  InitializePolicy: grpc.handleUnaryCall<_segue_v1_InitializePolicyRequest__Output, _segue_v1_PolicyVersion>;
  
  /**
   * Trains one iteration on the batch that is frozen in the replay store for it: reference log-probs under version i, updates, version
   * i+1 staged, checksummed and active; streams progress, the last message carries the version. Idempotent: the frozen batch and the seed decide the result, a version
   * that was already written from the same batch is answered without training again. FAILED_PRECONDITION without a frozen batch.
   */
  TrainIteration: grpc.handleServerStreamingCall<_segue_v1_TrainIterationRequest__Output, _segue_v1_TrainProgress>;
  
}

export interface TrainerDefinition extends grpc.ServiceDefinition {
  DownloadPolicy: MethodDefinition<_segue_v1_DownloadPolicyRequest, _segue_v1_PolicyChunk, _segue_v1_DownloadPolicyRequest__Output, _segue_v1_PolicyChunk__Output>
  FineTune: MethodDefinition<_segue_v1_FineTuneRequest, _segue_v1_TrainProgress, _segue_v1_FineTuneRequest__Output, _segue_v1_TrainProgress__Output>
  GetTrainerStatus: MethodDefinition<_segue_v1_GetTrainerStatusRequest, _segue_v1_TrainerStatus, _segue_v1_GetTrainerStatusRequest__Output, _segue_v1_TrainerStatus__Output>
  InitializePolicy: MethodDefinition<_segue_v1_InitializePolicyRequest, _segue_v1_PolicyVersion, _segue_v1_InitializePolicyRequest__Output, _segue_v1_PolicyVersion__Output>
  TrainIteration: MethodDefinition<_segue_v1_TrainIterationRequest, _segue_v1_TrainProgress, _segue_v1_TrainIterationRequest__Output, _segue_v1_TrainProgress__Output>
}
