import type * as grpc from '@grpc/grpc-js';
import type { EnumTypeDefinition, MessageTypeDefinition } from '@grpc/proto-loader';

import type { ChatMessage as _segue_v1_ChatMessage, ChatMessage__Output as _segue_v1_ChatMessage__Output } from './segue/v1/ChatMessage.js';
import type { Group as _segue_v1_Group, Group__Output as _segue_v1_Group__Output } from './segue/v1/Group.js';
import type { ListScorersRequest as _segue_v1_ListScorersRequest, ListScorersRequest__Output as _segue_v1_ListScorersRequest__Output } from './segue/v1/ListScorersRequest.js';
import type { ListScorersResponse as _segue_v1_ListScorersResponse, ListScorersResponse__Output as _segue_v1_ListScorersResponse__Output } from './segue/v1/ListScorersResponse.js';
import type { MessagePart as _segue_v1_MessagePart, MessagePart__Output as _segue_v1_MessagePart__Output } from './segue/v1/MessagePart.js';
import type { PolicyRef as _segue_v1_PolicyRef, PolicyRef__Output as _segue_v1_PolicyRef__Output } from './segue/v1/PolicyRef.js';
import type { Problem as _segue_v1_Problem, Problem__Output as _segue_v1_Problem__Output } from './segue/v1/Problem.js';
import type { RewardScorerClient as _segue_v1_RewardScorerClient, RewardScorerDefinition as _segue_v1_RewardScorerDefinition } from './segue/v1/RewardScorer.js';
import type { Sampling as _segue_v1_Sampling, Sampling__Output as _segue_v1_Sampling__Output } from './segue/v1/Sampling.js';
import type { Score as _segue_v1_Score, Score__Output as _segue_v1_Score__Output } from './segue/v1/Score.js';
import type { ScoreBatchRequest as _segue_v1_ScoreBatchRequest, ScoreBatchRequest__Output as _segue_v1_ScoreBatchRequest__Output } from './segue/v1/ScoreBatchRequest.js';
import type { ScoreBatchResponse as _segue_v1_ScoreBatchResponse, ScoreBatchResponse__Output as _segue_v1_ScoreBatchResponse__Output } from './segue/v1/ScoreBatchResponse.js';
import type { ScoreRequest as _segue_v1_ScoreRequest, ScoreRequest__Output as _segue_v1_ScoreRequest__Output } from './segue/v1/ScoreRequest.js';
import type { ScorerInfo as _segue_v1_ScorerInfo, ScorerInfo__Output as _segue_v1_ScorerInfo__Output } from './segue/v1/ScorerInfo.js';
import type { Segment as _segue_v1_Segment, Segment__Output as _segue_v1_Segment__Output } from './segue/v1/Segment.js';
import type { Trajectory as _segue_v1_Trajectory, Trajectory__Output as _segue_v1_Trajectory__Output } from './segue/v1/Trajectory.js';
import type { TrajectorySummary as _segue_v1_TrajectorySummary, TrajectorySummary__Output as _segue_v1_TrajectorySummary__Output } from './segue/v1/TrajectorySummary.js';

type SubtypeConstructor<Constructor extends new (...args: any) => any, Subtype> = {
  new(...args: ConstructorParameters<Constructor>): Subtype;
};

export interface ProtoGrpcType {
  segue: {
    v1: {
      ChatMessage: MessageTypeDefinition<_segue_v1_ChatMessage, _segue_v1_ChatMessage__Output>
      EndReason: EnumTypeDefinition
      Group: MessageTypeDefinition<_segue_v1_Group, _segue_v1_Group__Output>
      ListScorersRequest: MessageTypeDefinition<_segue_v1_ListScorersRequest, _segue_v1_ListScorersRequest__Output>
      ListScorersResponse: MessageTypeDefinition<_segue_v1_ListScorersResponse, _segue_v1_ListScorersResponse__Output>
      MessagePart: MessageTypeDefinition<_segue_v1_MessagePart, _segue_v1_MessagePart__Output>
      PolicyRef: MessageTypeDefinition<_segue_v1_PolicyRef, _segue_v1_PolicyRef__Output>
      Problem: MessageTypeDefinition<_segue_v1_Problem, _segue_v1_Problem__Output>
      ProblemPurpose: EnumTypeDefinition
      RewardScorer: SubtypeConstructor<typeof grpc.Client, _segue_v1_RewardScorerClient> & { service: _segue_v1_RewardScorerDefinition }
      Sampling: MessageTypeDefinition<_segue_v1_Sampling, _segue_v1_Sampling__Output>
      Score: MessageTypeDefinition<_segue_v1_Score, _segue_v1_Score__Output>
      ScoreBatchRequest: MessageTypeDefinition<_segue_v1_ScoreBatchRequest, _segue_v1_ScoreBatchRequest__Output>
      ScoreBatchResponse: MessageTypeDefinition<_segue_v1_ScoreBatchResponse, _segue_v1_ScoreBatchResponse__Output>
      ScoreRequest: MessageTypeDefinition<_segue_v1_ScoreRequest, _segue_v1_ScoreRequest__Output>
      ScoreStatus: EnumTypeDefinition
      ScorerInfo: MessageTypeDefinition<_segue_v1_ScorerInfo, _segue_v1_ScorerInfo__Output>
      Segment: MessageTypeDefinition<_segue_v1_Segment, _segue_v1_Segment__Output>
      Trajectory: MessageTypeDefinition<_segue_v1_Trajectory, _segue_v1_Trajectory__Output>
      TrajectoryState: EnumTypeDefinition
      TrajectorySummary: MessageTypeDefinition<_segue_v1_TrajectorySummary, _segue_v1_TrajectorySummary__Output>
    }
  }
}

