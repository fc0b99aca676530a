// Original file: protos/segue/v1/trainer.proto

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

export interface TrainerDefinition {
  DownloadPolicy: MethodDefinition<_segue_v1_DownloadPolicyRequest, _segue_v1_PolicyChunk, _segue_v1_DownloadPolicyRequest__Output, _segue_v1_PolicyChunk__Output>
  FineTune: MethodDefinition<_segue_v1_FineTuneRequest, _segue_v1_TrainProgress, _segue_v1_FineTuneRequest__Output, _segue_v1_TrainProgress__Output>
  GetTrainerStatus: MethodDefinition<_segue_v1_GetTrainerStatusRequest, _segue_v1_TrainerStatus, _segue_v1_GetTrainerStatusRequest__Output, _segue_v1_TrainerStatus__Output>
  InitializePolicy: MethodDefinition<_segue_v1_InitializePolicyRequest, _segue_v1_PolicyVersion, _segue_v1_InitializePolicyRequest__Output, _segue_v1_PolicyVersion__Output>
  TrainIteration: MethodDefinition<_segue_v1_TrainIterationRequest, _segue_v1_TrainProgress, _segue_v1_TrainIterationRequest__Output, _segue_v1_TrainProgress__Output>
}
