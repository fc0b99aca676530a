// Original file: protos/segue/v1/controller.proto

import type { MethodDefinition } from '@grpc/proto-loader'
import type { ClusterStatus as _segue_v1_ClusterStatus, ClusterStatus__Output as _segue_v1_ClusterStatus__Output } from '../../segue/v1/ClusterStatus.js';
import type { CreateRunRequest as _segue_v1_CreateRunRequest, CreateRunRequest__Output as _segue_v1_CreateRunRequest__Output } from '../../segue/v1/CreateRunRequest.js';
import type { DeadLetter as _segue_v1_DeadLetter, DeadLetter__Output as _segue_v1_DeadLetter__Output } from '../../segue/v1/DeadLetter.js';
import type { DeadLetterRequest as _segue_v1_DeadLetterRequest, DeadLetterRequest__Output as _segue_v1_DeadLetterRequest__Output } from '../../segue/v1/DeadLetterRequest.js';
import type { EvaluateRequest as _segue_v1_EvaluateRequest, EvaluateRequest__Output as _segue_v1_EvaluateRequest__Output } from '../../segue/v1/EvaluateRequest.js';
import type { Evaluation as _segue_v1_Evaluation, Evaluation__Output as _segue_v1_Evaluation__Output } from '../../segue/v1/Evaluation.js';
import type { GetClusterStatusRequest as _segue_v1_GetClusterStatusRequest, GetClusterStatusRequest__Output as _segue_v1_GetClusterStatusRequest__Output } from '../../segue/v1/GetClusterStatusRequest.js';
import type { GetRunRequest as _segue_v1_GetRunRequest, GetRunRequest__Output as _segue_v1_GetRunRequest__Output } from '../../segue/v1/GetRunRequest.js';
import type { ListDeadLettersRequest as _segue_v1_ListDeadLettersRequest, ListDeadLettersRequest__Output as _segue_v1_ListDeadLettersRequest__Output } from '../../segue/v1/ListDeadLettersRequest.js';
import type { ListRunsRequest as _segue_v1_ListRunsRequest, ListRunsRequest__Output as _segue_v1_ListRunsRequest__Output } from '../../segue/v1/ListRunsRequest.js';
import type { ListRunsResponse as _segue_v1_ListRunsResponse, ListRunsResponse__Output as _segue_v1_ListRunsResponse__Output } from '../../segue/v1/ListRunsResponse.js';
import type { ListScorersRequest as _segue_v1_ListScorersRequest, ListScorersRequest__Output as _segue_v1_ListScorersRequest__Output } from '../../segue/v1/ListScorersRequest.js';
import type { ListScorersResponse as _segue_v1_ListScorersResponse, ListScorersResponse__Output as _segue_v1_ListScorersResponse__Output } from '../../segue/v1/ListScorersResponse.js';
import type { PauseRunRequest as _segue_v1_PauseRunRequest, PauseRunRequest__Output as _segue_v1_PauseRunRequest__Output } from '../../segue/v1/PauseRunRequest.js';
import type { RegisterScorersRequest as _segue_v1_RegisterScorersRequest, RegisterScorersRequest__Output as _segue_v1_RegisterScorersRequest__Output } from '../../segue/v1/RegisterScorersRequest.js';
import type { RegisterScorersResponse as _segue_v1_RegisterScorersResponse, RegisterScorersResponse__Output as _segue_v1_RegisterScorersResponse__Output } from '../../segue/v1/RegisterScorersResponse.js';
import type { RequeueDeadLetterResponse as _segue_v1_RequeueDeadLetterResponse, RequeueDeadLetterResponse__Output as _segue_v1_RequeueDeadLetterResponse__Output } from '../../segue/v1/RequeueDeadLetterResponse.js';
import type { ResumeRunRequest as _segue_v1_ResumeRunRequest, ResumeRunRequest__Output as _segue_v1_ResumeRunRequest__Output } from '../../segue/v1/ResumeRunRequest.js';
import type { Run as _segue_v1_Run, Run__Output as _segue_v1_Run__Output } from '../../segue/v1/Run.js';
import type { RunEvent as _segue_v1_RunEvent, RunEvent__Output as _segue_v1_RunEvent__Output } from '../../segue/v1/RunEvent.js';
import type { StopRunRequest as _segue_v1_StopRunRequest, StopRunRequest__Output as _segue_v1_StopRunRequest__Output } from '../../segue/v1/StopRunRequest.js';
import type { SubmitProblemsRequest as _segue_v1_SubmitProblemsRequest, SubmitProblemsRequest__Output as _segue_v1_SubmitProblemsRequest__Output } from '../../segue/v1/SubmitProblemsRequest.js';
import type { SubmitProblemsResponse as _segue_v1_SubmitProblemsResponse, SubmitProblemsResponse__Output as _segue_v1_SubmitProblemsResponse__Output } from '../../segue/v1/SubmitProblemsResponse.js';
import type { UnregisterScorersRequest as _segue_v1_UnregisterScorersRequest, UnregisterScorersRequest__Output as _segue_v1_UnregisterScorersRequest__Output } from '../../segue/v1/UnregisterScorersRequest.js';
import type { UnregisterScorersResponse as _segue_v1_UnregisterScorersResponse, UnregisterScorersResponse__Output as _segue_v1_UnregisterScorersResponse__Output } from '../../segue/v1/UnregisterScorersResponse.js';
import type { WatchRunRequest as _segue_v1_WatchRunRequest, WatchRunRequest__Output as _segue_v1_WatchRunRequest__Output } from '../../segue/v1/WatchRunRequest.js';

export interface ControllerDefinition {
  CreateRun: MethodDefinition<_segue_v1_CreateRunRequest, _segue_v1_Run, _segue_v1_CreateRunRequest__Output, _segue_v1_Run__Output>
  DropDeadLetter: MethodDefinition<_segue_v1_DeadLetterRequest, _segue_v1_DeadLetter, _segue_v1_DeadLetterRequest__Output, _segue_v1_DeadLetter__Output>
  Evaluate: MethodDefinition<_segue_v1_EvaluateRequest, _segue_v1_Evaluation, _segue_v1_EvaluateRequest__Output, _segue_v1_Evaluation__Output>
  GetClusterStatus: MethodDefinition<_segue_v1_GetClusterStatusRequest, _segue_v1_ClusterStatus, _segue_v1_GetClusterStatusRequest__Output, _segue_v1_ClusterStatus__Output>
  GetDeadLetter: MethodDefinition<_segue_v1_DeadLetterRequest, _segue_v1_DeadLetter, _segue_v1_DeadLetterRequest__Output, _segue_v1_DeadLetter__Output>
  GetRun: MethodDefinition<_segue_v1_GetRunRequest, _segue_v1_Run, _segue_v1_GetRunRequest__Output, _segue_v1_Run__Output>
  ListDeadLetters: MethodDefinition<_segue_v1_ListDeadLettersRequest, _segue_v1_DeadLetter, _segue_v1_ListDeadLettersRequest__Output, _segue_v1_DeadLetter__Output>
  ListRuns: MethodDefinition<_segue_v1_ListRunsRequest, _segue_v1_ListRunsResponse, _segue_v1_ListRunsRequest__Output, _segue_v1_ListRunsResponse__Output>
  ListScorers: MethodDefinition<_segue_v1_ListScorersRequest, _segue_v1_ListScorersResponse, _segue_v1_ListScorersRequest__Output, _segue_v1_ListScorersResponse__Output>
  PauseRun: MethodDefinition<_segue_v1_PauseRunRequest, _segue_v1_Run, _segue_v1_PauseRunRequest__Output, _segue_v1_Run__Output>
  RegisterScorers: MethodDefinition<_segue_v1_RegisterScorersRequest, _segue_v1_RegisterScorersResponse, _segue_v1_RegisterScorersRequest__Output, _segue_v1_RegisterScorersResponse__Output>
  RequeueDeadLetter: MethodDefinition<_segue_v1_DeadLetterRequest, _segue_v1_RequeueDeadLetterResponse, _segue_v1_DeadLetterRequest__Output, _segue_v1_RequeueDeadLetterResponse__Output>
  ResumeRun: MethodDefinition<_segue_v1_ResumeRunRequest, _segue_v1_Run, _segue_v1_ResumeRunRequest__Output, _segue_v1_Run__Output>
  StopRun: MethodDefinition<_segue_v1_StopRunRequest, _segue_v1_Run, _segue_v1_StopRunRequest__Output, _segue_v1_Run__Output>
  SubmitProblems: MethodDefinition<_segue_v1_SubmitProblemsRequest, _segue_v1_SubmitProblemsResponse, _segue_v1_SubmitProblemsRequest__Output, _segue_v1_SubmitProblemsResponse__Output>
  UnregisterScorers: MethodDefinition<_segue_v1_UnregisterScorersRequest, _segue_v1_UnregisterScorersResponse, _segue_v1_UnregisterScorersRequest__Output, _segue_v1_UnregisterScorersResponse__Output>
  WatchRun: MethodDefinition<_segue_v1_WatchRunRequest, _segue_v1_RunEvent, _segue_v1_WatchRunRequest__Output, _segue_v1_RunEvent__Output>
}
