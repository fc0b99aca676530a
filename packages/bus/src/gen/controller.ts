import type * as grpc from '@grpc/grpc-js';
import type { EnumTypeDefinition, MessageTypeDefinition } from '@grpc/proto-loader';

import type { ActorReport as _segue_v1_ActorReport, ActorReport__Output as _segue_v1_ActorReport__Output } from './segue/v1/ActorReport.js';
import type { ChatMessage as _segue_v1_ChatMessage, ChatMessage__Output as _segue_v1_ChatMessage__Output } from './segue/v1/ChatMessage.js';
import type { ClusterStatus as _segue_v1_ClusterStatus, ClusterStatus__Output as _segue_v1_ClusterStatus__Output } from './segue/v1/ClusterStatus.js';
import type { ControllerClient as _segue_v1_ControllerClient, ControllerDefinition as _segue_v1_ControllerDefinition } from './segue/v1/Controller.js';
import type { CreateRunRequest as _segue_v1_CreateRunRequest, CreateRunRequest__Output as _segue_v1_CreateRunRequest__Output } from './segue/v1/CreateRunRequest.js';
import type { EvaluateRequest as _segue_v1_EvaluateRequest, EvaluateRequest__Output as _segue_v1_EvaluateRequest__Output } from './segue/v1/EvaluateRequest.js';
import type { Evaluation as _segue_v1_Evaluation, Evaluation__Output as _segue_v1_Evaluation__Output } from './segue/v1/Evaluation.js';
import type { GetClusterStatusRequest as _segue_v1_GetClusterStatusRequest, GetClusterStatusRequest__Output as _segue_v1_GetClusterStatusRequest__Output } from './segue/v1/GetClusterStatusRequest.js';
import type { GetRunRequest as _segue_v1_GetRunRequest, GetRunRequest__Output as _segue_v1_GetRunRequest__Output } from './segue/v1/GetRunRequest.js';
import type { Group as _segue_v1_Group, Group__Output as _segue_v1_Group__Output } from './segue/v1/Group.js';
import type { ListRunsRequest as _segue_v1_ListRunsRequest, ListRunsRequest__Output as _segue_v1_ListRunsRequest__Output } from './segue/v1/ListRunsRequest.js';
import type { ListRunsResponse as _segue_v1_ListRunsResponse, ListRunsResponse__Output as _segue_v1_ListRunsResponse__Output } from './segue/v1/ListRunsResponse.js';
import type { MessagePart as _segue_v1_MessagePart, MessagePart__Output as _segue_v1_MessagePart__Output } from './segue/v1/MessagePart.js';
import type { PauseRunRequest as _segue_v1_PauseRunRequest, PauseRunRequest__Output as _segue_v1_PauseRunRequest__Output } from './segue/v1/PauseRunRequest.js';
import type { PolicyRef as _segue_v1_PolicyRef, PolicyRef__Output as _segue_v1_PolicyRef__Output } from './segue/v1/PolicyRef.js';
import type { Problem as _segue_v1_Problem, Problem__Output as _segue_v1_Problem__Output } from './segue/v1/Problem.js';
import type { ResumeRunRequest as _segue_v1_ResumeRunRequest, ResumeRunRequest__Output as _segue_v1_ResumeRunRequest__Output } from './segue/v1/ResumeRunRequest.js';
import type { Run as _segue_v1_Run, Run__Output as _segue_v1_Run__Output } from './segue/v1/Run.js';
import type { RunEvent as _segue_v1_RunEvent, RunEvent__Output as _segue_v1_RunEvent__Output } from './segue/v1/RunEvent.js';
import type { Sampling as _segue_v1_Sampling, Sampling__Output as _segue_v1_Sampling__Output } from './segue/v1/Sampling.js';
import type { Score as _segue_v1_Score, Score__Output as _segue_v1_Score__Output } from './segue/v1/Score.js';
import type { Segment as _segue_v1_Segment, Segment__Output as _segue_v1_Segment__Output } from './segue/v1/Segment.js';
import type { StopRunRequest as _segue_v1_StopRunRequest, StopRunRequest__Output as _segue_v1_StopRunRequest__Output } from './segue/v1/StopRunRequest.js';
import type { SubmitProblemsHeader as _segue_v1_SubmitProblemsHeader, SubmitProblemsHeader__Output as _segue_v1_SubmitProblemsHeader__Output } from './segue/v1/SubmitProblemsHeader.js';
import type { SubmitProblemsRequest as _segue_v1_SubmitProblemsRequest, SubmitProblemsRequest__Output as _segue_v1_SubmitProblemsRequest__Output } from './segue/v1/SubmitProblemsRequest.js';
import type { SubmitProblemsResponse as _segue_v1_SubmitProblemsResponse, SubmitProblemsResponse__Output as _segue_v1_SubmitProblemsResponse__Output } from './segue/v1/SubmitProblemsResponse.js';
import type { Trajectory as _segue_v1_Trajectory, Trajectory__Output as _segue_v1_Trajectory__Output } from './segue/v1/Trajectory.js';
import type { TrajectorySummary as _segue_v1_TrajectorySummary, TrajectorySummary__Output as _segue_v1_TrajectorySummary__Output } from './segue/v1/TrajectorySummary.js';
import type { Waiting as _segue_v1_Waiting, Waiting__Output as _segue_v1_Waiting__Output } from './segue/v1/Waiting.js';
import type { WatchRunRequest as _segue_v1_WatchRunRequest, WatchRunRequest__Output as _segue_v1_WatchRunRequest__Output } from './segue/v1/WatchRunRequest.js';

type SubtypeConstructor<Constructor extends new (...args: any) => any, Subtype> = {
  new(...args: ConstructorParameters<Constructor>): Subtype;
};

export interface ProtoGrpcType {
  segue: {
    v1: {
      ActorReport: MessageTypeDefinition<_segue_v1_ActorReport, _segue_v1_ActorReport__Output>
      ChatMessage: MessageTypeDefinition<_segue_v1_ChatMessage, _segue_v1_ChatMessage__Output>
      ClusterStatus: MessageTypeDefinition<_segue_v1_ClusterStatus, _segue_v1_ClusterStatus__Output>
      Controller: SubtypeConstructor<typeof grpc.Client, _segue_v1_ControllerClient> & { service: _segue_v1_ControllerDefinition }
      CreateRunRequest: MessageTypeDefinition<_segue_v1_CreateRunRequest, _segue_v1_CreateRunRequest__Output>
      EndReason: EnumTypeDefinition
      EvaluateRequest: MessageTypeDefinition<_segue_v1_EvaluateRequest, _segue_v1_EvaluateRequest__Output>
      Evaluation: MessageTypeDefinition<_segue_v1_Evaluation, _segue_v1_Evaluation__Output>
      GetClusterStatusRequest: MessageTypeDefinition<_segue_v1_GetClusterStatusRequest, _segue_v1_GetClusterStatusRequest__Output>
      GetRunRequest: MessageTypeDefinition<_segue_v1_GetRunRequest, _segue_v1_GetRunRequest__Output>
      Group: MessageTypeDefinition<_segue_v1_Group, _segue_v1_Group__Output>
      ListRunsRequest: MessageTypeDefinition<_segue_v1_ListRunsRequest, _segue_v1_ListRunsRequest__Output>
      ListRunsResponse: MessageTypeDefinition<_segue_v1_ListRunsResponse, _segue_v1_ListRunsResponse__Output>
      MessagePart: MessageTypeDefinition<_segue_v1_MessagePart, _segue_v1_MessagePart__Output>
      PauseRunRequest: MessageTypeDefinition<_segue_v1_PauseRunRequest, _segue_v1_PauseRunRequest__Output>
      PolicyRef: MessageTypeDefinition<_segue_v1_PolicyRef, _segue_v1_PolicyRef__Output>
      Problem: MessageTypeDefinition<_segue_v1_Problem, _segue_v1_Problem__Output>
      ProblemPurpose: EnumTypeDefinition
      ResumeRunRequest: MessageTypeDefinition<_segue_v1_ResumeRunRequest, _segue_v1_ResumeRunRequest__Output>
      Run: MessageTypeDefinition<_segue_v1_Run, _segue_v1_Run__Output>
      RunEvent: MessageTypeDefinition<_segue_v1_RunEvent, _segue_v1_RunEvent__Output>
      RunState: EnumTypeDefinition
      Sampling: MessageTypeDefinition<_segue_v1_Sampling, _segue_v1_Sampling__Output>
      Score: MessageTypeDefinition<_segue_v1_Score, _segue_v1_Score__Output>
      ScoreStatus: EnumTypeDefinition
      Segment: MessageTypeDefinition<_segue_v1_Segment, _segue_v1_Segment__Output>
      StopRunRequest: MessageTypeDefinition<_segue_v1_StopRunRequest, _segue_v1_StopRunRequest__Output>
      SubmitProblemsHeader: MessageTypeDefinition<_segue_v1_SubmitProblemsHeader, _segue_v1_SubmitProblemsHeader__Output>
      SubmitProblemsRequest: MessageTypeDefinition<_segue_v1_SubmitProblemsRequest, _segue_v1_SubmitProblemsRequest__Output>
      SubmitProblemsResponse: MessageTypeDefinition<_segue_v1_SubmitProblemsResponse, _segue_v1_SubmitProblemsResponse__Output>
      Trajectory: MessageTypeDefinition<_segue_v1_Trajectory, _segue_v1_Trajectory__Output>
      TrajectoryState: EnumTypeDefinition
      TrajectorySummary: MessageTypeDefinition<_segue_v1_TrajectorySummary, _segue_v1_TrajectorySummary__Output>
      Waiting: MessageTypeDefinition<_segue_v1_Waiting, _segue_v1_Waiting__Output>
      WatchRunRequest: MessageTypeDefinition<_segue_v1_WatchRunRequest, _segue_v1_WatchRunRequest__Output>
    }
  }
}

