import type * as grpc from '@grpc/grpc-js';
import type { EnumTypeDefinition, MessageTypeDefinition } from '@grpc/proto-loader';

import type { ActorStatus as _segue_v1_ActorStatus, ActorStatus__Output as _segue_v1_ActorStatus__Output } from './segue/v1/ActorStatus.js';
import type { ChatMessage as _segue_v1_ChatMessage, ChatMessage__Output as _segue_v1_ChatMessage__Output } from './segue/v1/ChatMessage.js';
import type { DrainRequest as _segue_v1_DrainRequest, DrainRequest__Output as _segue_v1_DrainRequest__Output } from './segue/v1/DrainRequest.js';
import type { GeneratePrompt as _segue_v1_GeneratePrompt, GeneratePrompt__Output as _segue_v1_GeneratePrompt__Output } from './segue/v1/GeneratePrompt.js';
import type { GenerateRequest as _segue_v1_GenerateRequest, GenerateRequest__Output as _segue_v1_GenerateRequest__Output } from './segue/v1/GenerateRequest.js';
import type { GenerateResponse as _segue_v1_GenerateResponse, GenerateResponse__Output as _segue_v1_GenerateResponse__Output } from './segue/v1/GenerateResponse.js';
import type { GetActorStatusRequest as _segue_v1_GetActorStatusRequest, GetActorStatusRequest__Output as _segue_v1_GetActorStatusRequest__Output } from './segue/v1/GetActorStatusRequest.js';
import type { Group as _segue_v1_Group, Group__Output as _segue_v1_Group__Output } from './segue/v1/Group.js';
import type { LoadPolicyRequest as _segue_v1_LoadPolicyRequest, LoadPolicyRequest__Output as _segue_v1_LoadPolicyRequest__Output } from './segue/v1/LoadPolicyRequest.js';
import type { MessagePart as _segue_v1_MessagePart, MessagePart__Output as _segue_v1_MessagePart__Output } from './segue/v1/MessagePart.js';
import type { PolicyRef as _segue_v1_PolicyRef, PolicyRef__Output as _segue_v1_PolicyRef__Output } from './segue/v1/PolicyRef.js';
import type { Problem as _segue_v1_Problem, Problem__Output as _segue_v1_Problem__Output } from './segue/v1/Problem.js';
import type { RolloutActorClient as _segue_v1_RolloutActorClient, RolloutActorDefinition as _segue_v1_RolloutActorDefinition } from './segue/v1/RolloutActor.js';
import type { Sampling as _segue_v1_Sampling, Sampling__Output as _segue_v1_Sampling__Output } from './segue/v1/Sampling.js';
import type { Score as _segue_v1_Score, Score__Output as _segue_v1_Score__Output } from './segue/v1/Score.js';
import type { Segment as _segue_v1_Segment, Segment__Output as _segue_v1_Segment__Output } from './segue/v1/Segment.js';
import type { Trajectory as _segue_v1_Trajectory, Trajectory__Output as _segue_v1_Trajectory__Output } from './segue/v1/Trajectory.js';
import type { TrajectorySummary as _segue_v1_TrajectorySummary, TrajectorySummary__Output as _segue_v1_TrajectorySummary__Output } from './segue/v1/TrajectorySummary.js';

type SubtypeConstructor<Constructor extends new (...args: any) => any, Subtype> = {
  new(...args: ConstructorParameters<Constructor>): Subtype;
};

export interface ProtoGrpcType {
  segue: {
    v1: {
      ActorStatus: MessageTypeDefinition<_segue_v1_ActorStatus, _segue_v1_ActorStatus__Output>
      ChatMessage: MessageTypeDefinition<_segue_v1_ChatMessage, _segue_v1_ChatMessage__Output>
      DrainRequest: MessageTypeDefinition<_segue_v1_DrainRequest, _segue_v1_DrainRequest__Output>
      EndReason: EnumTypeDefinition
      GeneratePrompt: MessageTypeDefinition<_segue_v1_GeneratePrompt, _segue_v1_GeneratePrompt__Output>
      GenerateRequest: MessageTypeDefinition<_segue_v1_GenerateRequest, _segue_v1_GenerateRequest__Output>
      GenerateResponse: MessageTypeDefinition<_segue_v1_GenerateResponse, _segue_v1_GenerateResponse__Output>
      GetActorStatusRequest: MessageTypeDefinition<_segue_v1_GetActorStatusRequest, _segue_v1_GetActorStatusRequest__Output>
      Group: MessageTypeDefinition<_segue_v1_Group, _segue_v1_Group__Output>
      LoadPolicyRequest: MessageTypeDefinition<_segue_v1_LoadPolicyRequest, _segue_v1_LoadPolicyRequest__Output>
      MessagePart: MessageTypeDefinition<_segue_v1_MessagePart, _segue_v1_MessagePart__Output>
      PolicyRef: MessageTypeDefinition<_segue_v1_PolicyRef, _segue_v1_PolicyRef__Output>
      Problem: MessageTypeDefinition<_segue_v1_Problem, _segue_v1_Problem__Output>
      ProblemPurpose: EnumTypeDefinition
      RolloutActor: SubtypeConstructor<typeof grpc.Client, _segue_v1_RolloutActorClient> & { service: _segue_v1_RolloutActorDefinition }
      Sampling: MessageTypeDefinition<_segue_v1_Sampling, _segue_v1_Sampling__Output>
      Score: MessageTypeDefinition<_segue_v1_Score, _segue_v1_Score__Output>
      ScoreStatus: EnumTypeDefinition
      Segment: MessageTypeDefinition<_segue_v1_Segment, _segue_v1_Segment__Output>
      Trajectory: MessageTypeDefinition<_segue_v1_Trajectory, _segue_v1_Trajectory__Output>
      TrajectoryState: EnumTypeDefinition
      TrajectorySummary: MessageTypeDefinition<_segue_v1_TrajectorySummary, _segue_v1_TrajectorySummary__Output>
    }
  }
}

