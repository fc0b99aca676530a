import type * as grpc from '@grpc/grpc-js';
import type { EnumTypeDefinition, MessageTypeDefinition } from '@grpc/proto-loader';

import type { ChatMessage as _segue_v1_ChatMessage, ChatMessage__Output as _segue_v1_ChatMessage__Output } from './segue/v1/ChatMessage.js';
import type { DownloadPolicyRequest as _segue_v1_DownloadPolicyRequest, DownloadPolicyRequest__Output as _segue_v1_DownloadPolicyRequest__Output } from './segue/v1/DownloadPolicyRequest.js';
import type { FineTuneRequest as _segue_v1_FineTuneRequest, FineTuneRequest__Output as _segue_v1_FineTuneRequest__Output } from './segue/v1/FineTuneRequest.js';
import type { GetTrainerStatusRequest as _segue_v1_GetTrainerStatusRequest, GetTrainerStatusRequest__Output as _segue_v1_GetTrainerStatusRequest__Output } from './segue/v1/GetTrainerStatusRequest.js';
import type { Group as _segue_v1_Group, Group__Output as _segue_v1_Group__Output } from './segue/v1/Group.js';
import type { InitializePolicyRequest as _segue_v1_InitializePolicyRequest, InitializePolicyRequest__Output as _segue_v1_InitializePolicyRequest__Output } from './segue/v1/InitializePolicyRequest.js';
import type { MessagePart as _segue_v1_MessagePart, MessagePart__Output as _segue_v1_MessagePart__Output } from './segue/v1/MessagePart.js';
import type { PolicyChunk as _segue_v1_PolicyChunk, PolicyChunk__Output as _segue_v1_PolicyChunk__Output } from './segue/v1/PolicyChunk.js';
import type { PolicyRef as _segue_v1_PolicyRef, PolicyRef__Output as _segue_v1_PolicyRef__Output } from './segue/v1/PolicyRef.js';
import type { PolicyVersion as _segue_v1_PolicyVersion, PolicyVersion__Output as _segue_v1_PolicyVersion__Output } from './segue/v1/PolicyVersion.js';
import type { Problem as _segue_v1_Problem, Problem__Output as _segue_v1_Problem__Output } from './segue/v1/Problem.js';
import type { Sampling as _segue_v1_Sampling, Sampling__Output as _segue_v1_Sampling__Output } from './segue/v1/Sampling.js';
import type { Score as _segue_v1_Score, Score__Output as _segue_v1_Score__Output } from './segue/v1/Score.js';
import type { Segment as _segue_v1_Segment, Segment__Output as _segue_v1_Segment__Output } from './segue/v1/Segment.js';
import type { TrainIterationRequest as _segue_v1_TrainIterationRequest, TrainIterationRequest__Output as _segue_v1_TrainIterationRequest__Output } from './segue/v1/TrainIterationRequest.js';
import type { TrainProgress as _segue_v1_TrainProgress, TrainProgress__Output as _segue_v1_TrainProgress__Output } from './segue/v1/TrainProgress.js';
import type { TrainerClient as _segue_v1_TrainerClient, TrainerDefinition as _segue_v1_TrainerDefinition } from './segue/v1/Trainer.js';
import type { TrainerStatus as _segue_v1_TrainerStatus, TrainerStatus__Output as _segue_v1_TrainerStatus__Output } from './segue/v1/TrainerStatus.js';
import type { Trajectory as _segue_v1_Trajectory, Trajectory__Output as _segue_v1_Trajectory__Output } from './segue/v1/Trajectory.js';
import type { TrajectorySummary as _segue_v1_TrajectorySummary, TrajectorySummary__Output as _segue_v1_TrajectorySummary__Output } from './segue/v1/TrajectorySummary.js';

type SubtypeConstructor<Constructor extends new (...args: any) => any, Subtype> = {
  new(...args: ConstructorParameters<Constructor>): Subtype;
};

export interface ProtoGrpcType {
  segue: {
    v1: {
      ChatMessage: MessageTypeDefinition<_segue_v1_ChatMessage, _segue_v1_ChatMessage__Output>
      DownloadPolicyRequest: MessageTypeDefinition<_segue_v1_DownloadPolicyRequest, _segue_v1_DownloadPolicyRequest__Output>
      EndReason: EnumTypeDefinition
      FineTuneRequest: MessageTypeDefinition<_segue_v1_FineTuneRequest, _segue_v1_FineTuneRequest__Output>
      GetTrainerStatusRequest: MessageTypeDefinition<_segue_v1_GetTrainerStatusRequest, _segue_v1_GetTrainerStatusRequest__Output>
      Group: MessageTypeDefinition<_segue_v1_Group, _segue_v1_Group__Output>
      InitializePolicyRequest: MessageTypeDefinition<_segue_v1_InitializePolicyRequest, _segue_v1_InitializePolicyRequest__Output>
      MessagePart: MessageTypeDefinition<_segue_v1_MessagePart, _segue_v1_MessagePart__Output>
      PolicyChunk: MessageTypeDefinition<_segue_v1_PolicyChunk, _segue_v1_PolicyChunk__Output>
      PolicyRef: MessageTypeDefinition<_segue_v1_PolicyRef, _segue_v1_PolicyRef__Output>
      PolicyVersion: MessageTypeDefinition<_segue_v1_PolicyVersion, _segue_v1_PolicyVersion__Output>
      Problem: MessageTypeDefinition<_segue_v1_Problem, _segue_v1_Problem__Output>
      ProblemPurpose: EnumTypeDefinition
      Sampling: MessageTypeDefinition<_segue_v1_Sampling, _segue_v1_Sampling__Output>
      Score: MessageTypeDefinition<_segue_v1_Score, _segue_v1_Score__Output>
      ScoreStatus: EnumTypeDefinition
      Segment: MessageTypeDefinition<_segue_v1_Segment, _segue_v1_Segment__Output>
      TrainIterationRequest: MessageTypeDefinition<_segue_v1_TrainIterationRequest, _segue_v1_TrainIterationRequest__Output>
      TrainProgress: MessageTypeDefinition<_segue_v1_TrainProgress, _segue_v1_TrainProgress__Output>
      Trainer: SubtypeConstructor<typeof grpc.Client, _segue_v1_TrainerClient> & { service: _segue_v1_TrainerDefinition }
      TrainerStatus: MessageTypeDefinition<_segue_v1_TrainerStatus, _segue_v1_TrainerStatus__Output>
      Trajectory: MessageTypeDefinition<_segue_v1_Trajectory, _segue_v1_Trajectory__Output>
      TrajectoryState: EnumTypeDefinition
      TrajectorySummary: MessageTypeDefinition<_segue_v1_TrajectorySummary, _segue_v1_TrajectorySummary__Output>
    }
  }
}

