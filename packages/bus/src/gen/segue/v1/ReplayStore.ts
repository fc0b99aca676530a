// Original file: protos/segue/v1/replay.proto

import type { MethodDefinition } from '@grpc/proto-loader'
import type { AppendEventRequest as _segue_v1_AppendEventRequest, AppendEventRequest__Output as _segue_v1_AppendEventRequest__Output } from '../../segue/v1/AppendEventRequest.js';
import type { AppendSegmentRequest as _segue_v1_AppendSegmentRequest, AppendSegmentRequest__Output as _segue_v1_AppendSegmentRequest__Output } from '../../segue/v1/AppendSegmentRequest.js';
import type { AppendSegmentResponse as _segue_v1_AppendSegmentResponse, AppendSegmentResponse__Output as _segue_v1_AppendSegmentResponse__Output } from '../../segue/v1/AppendSegmentResponse.js';
import type { CloseIterationRequest as _segue_v1_CloseIterationRequest, CloseIterationRequest__Output as _segue_v1_CloseIterationRequest__Output } from '../../segue/v1/CloseIterationRequest.js';
import type { CommitIterationRequest as _segue_v1_CommitIterationRequest, CommitIterationRequest__Output as _segue_v1_CommitIterationRequest__Output } from '../../segue/v1/CommitIterationRequest.js';
import type { CompleteGroup as _segue_v1_CompleteGroup, CompleteGroup__Output as _segue_v1_CompleteGroup__Output } from '../../segue/v1/CompleteGroup.js';
import type { DeadLetter as _segue_v1_DeadLetter, DeadLetter__Output as _segue_v1_DeadLetter__Output } from '../../segue/v1/DeadLetter.js';
import type { DeadLetterRequest as _segue_v1_DeadLetterRequest, DeadLetterRequest__Output as _segue_v1_DeadLetterRequest__Output } from '../../segue/v1/DeadLetterRequest.js';
import type { FreezeBatchRequest as _segue_v1_FreezeBatchRequest, FreezeBatchRequest__Output as _segue_v1_FreezeBatchRequest__Output } from '../../segue/v1/FreezeBatchRequest.js';
import type { GetIterationProgressRequest as _segue_v1_GetIterationProgressRequest, GetIterationProgressRequest__Output as _segue_v1_GetIterationProgressRequest__Output } from '../../segue/v1/GetIterationProgressRequest.js';
import type { GetIterationRequest as _segue_v1_GetIterationRequest, GetIterationRequest__Output as _segue_v1_GetIterationRequest__Output } from '../../segue/v1/GetIterationRequest.js';
import type { GetRunRecordRequest as _segue_v1_GetRunRecordRequest, GetRunRecordRequest__Output as _segue_v1_GetRunRecordRequest__Output } from '../../segue/v1/GetRunRecordRequest.js';
import type { GetStatisticsRequest as _segue_v1_GetStatisticsRequest, GetStatisticsRequest__Output as _segue_v1_GetStatisticsRequest__Output } from '../../segue/v1/GetStatisticsRequest.js';
import type { GetTrajectoriesRequest as _segue_v1_GetTrajectoriesRequest, GetTrajectoriesRequest__Output as _segue_v1_GetTrajectoriesRequest__Output } from '../../segue/v1/GetTrajectoriesRequest.js';
import type { GetTrajectoryRequest as _segue_v1_GetTrajectoryRequest, GetTrajectoryRequest__Output as _segue_v1_GetTrajectoryRequest__Output } from '../../segue/v1/GetTrajectoryRequest.js';
import type { IterationProgress as _segue_v1_IterationProgress, IterationProgress__Output as _segue_v1_IterationProgress__Output } from '../../segue/v1/IterationProgress.js';
import type { IterationRecord as _segue_v1_IterationRecord, IterationRecord__Output as _segue_v1_IterationRecord__Output } from '../../segue/v1/IterationRecord.js';
import type { ListDeadLettersRequest as _segue_v1_ListDeadLettersRequest, ListDeadLettersRequest__Output as _segue_v1_ListDeadLettersRequest__Output } from '../../segue/v1/ListDeadLettersRequest.js';
import type { ListEventsRequest as _segue_v1_ListEventsRequest, ListEventsRequest__Output as _segue_v1_ListEventsRequest__Output } from '../../segue/v1/ListEventsRequest.js';
import type { ListIterationsRequest as _segue_v1_ListIterationsRequest, ListIterationsRequest__Output as _segue_v1_ListIterationsRequest__Output } from '../../segue/v1/ListIterationsRequest.js';
import type { ListProblemsRequest as _segue_v1_ListProblemsRequest, ListProblemsRequest__Output as _segue_v1_ListProblemsRequest__Output } from '../../segue/v1/ListProblemsRequest.js';
import type { ListRunRecordsRequest as _segue_v1_ListRunRecordsRequest, ListRunRecordsRequest__Output as _segue_v1_ListRunRecordsRequest__Output } from '../../segue/v1/ListRunRecordsRequest.js';
import type { ListRunRecordsResponse as _segue_v1_ListRunRecordsResponse, ListRunRecordsResponse__Output as _segue_v1_ListRunRecordsResponse__Output } from '../../segue/v1/ListRunRecordsResponse.js';
import type { ListTimelineRequest as _segue_v1_ListTimelineRequest, ListTimelineRequest__Output as _segue_v1_ListTimelineRequest__Output } from '../../segue/v1/ListTimelineRequest.js';
import type { ListTrajectoriesRequest as _segue_v1_ListTrajectoriesRequest, ListTrajectoriesRequest__Output as _segue_v1_ListTrajectoriesRequest__Output } from '../../segue/v1/ListTrajectoriesRequest.js';
import type { ListUnfinishedRequest as _segue_v1_ListUnfinishedRequest, ListUnfinishedRequest__Output as _segue_v1_ListUnfinishedRequest__Output } from '../../segue/v1/ListUnfinishedRequest.js';
import type { OpenIterationRequest as _segue_v1_OpenIterationRequest, OpenIterationRequest__Output as _segue_v1_OpenIterationRequest__Output } from '../../segue/v1/OpenIterationRequest.js';
import type { ProblemRecord as _segue_v1_ProblemRecord, ProblemRecord__Output as _segue_v1_ProblemRecord__Output } from '../../segue/v1/ProblemRecord.js';
import type { PutProblemsRequest as _segue_v1_PutProblemsRequest, PutProblemsRequest__Output as _segue_v1_PutProblemsRequest__Output } from '../../segue/v1/PutProblemsRequest.js';
import type { PutProblemsResponse as _segue_v1_PutProblemsResponse, PutProblemsResponse__Output as _segue_v1_PutProblemsResponse__Output } from '../../segue/v1/PutProblemsResponse.js';
import type { PutRunRequest as _segue_v1_PutRunRequest, PutRunRequest__Output as _segue_v1_PutRunRequest__Output } from '../../segue/v1/PutRunRequest.js';
import type { RecordScoreRequest as _segue_v1_RecordScoreRequest, RecordScoreRequest__Output as _segue_v1_RecordScoreRequest__Output } from '../../segue/v1/RecordScoreRequest.js';
import type { RecordScoreResponse as _segue_v1_RecordScoreResponse, RecordScoreResponse__Output as _segue_v1_RecordScoreResponse__Output } from '../../segue/v1/RecordScoreResponse.js';
import type { RequeueDeadLetterResponse as _segue_v1_RequeueDeadLetterResponse, RequeueDeadLetterResponse__Output as _segue_v1_RequeueDeadLetterResponse__Output } from '../../segue/v1/RequeueDeadLetterResponse.js';
import type { RunRecord as _segue_v1_RunRecord, RunRecord__Output as _segue_v1_RunRecord__Output } from '../../segue/v1/RunRecord.js';
import type { SampleRequest as _segue_v1_SampleRequest, SampleRequest__Output as _segue_v1_SampleRequest__Output } from '../../segue/v1/SampleRequest.js';
import type { SampleResponse as _segue_v1_SampleResponse, SampleResponse__Output as _segue_v1_SampleResponse__Output } from '../../segue/v1/SampleResponse.js';
import type { SnapshotChunk as _segue_v1_SnapshotChunk, SnapshotChunk__Output as _segue_v1_SnapshotChunk__Output } from '../../segue/v1/SnapshotChunk.js';
import type { Statistics as _segue_v1_Statistics, Statistics__Output as _segue_v1_Statistics__Output } from '../../segue/v1/Statistics.js';
import type { StoreCheck as _segue_v1_StoreCheck, StoreCheck__Output as _segue_v1_StoreCheck__Output } from '../../segue/v1/StoreCheck.js';
import type { StoredEvent as _segue_v1_StoredEvent, StoredEvent__Output as _segue_v1_StoredEvent__Output } from '../../segue/v1/StoredEvent.js';
import type { StreamCompleteGroupsRequest as _segue_v1_StreamCompleteGroupsRequest, StreamCompleteGroupsRequest__Output as _segue_v1_StreamCompleteGroupsRequest__Output } from '../../segue/v1/StreamCompleteGroupsRequest.js';
import type { TakeSnapshotRequest as _segue_v1_TakeSnapshotRequest, TakeSnapshotRequest__Output as _segue_v1_TakeSnapshotRequest__Output } from '../../segue/v1/TakeSnapshotRequest.js';
import type { TimelineRows as _segue_v1_TimelineRows, TimelineRows__Output as _segue_v1_TimelineRows__Output } from '../../segue/v1/TimelineRows.js';
import type { Trajectory as _segue_v1_Trajectory, Trajectory__Output as _segue_v1_Trajectory__Output } from '../../segue/v1/Trajectory.js';
import type { TrajectoryRecord as _segue_v1_TrajectoryRecord, TrajectoryRecord__Output as _segue_v1_TrajectoryRecord__Output } from '../../segue/v1/TrajectoryRecord.js';
import type { TrajectorySummary as _segue_v1_TrajectorySummary, TrajectorySummary__Output as _segue_v1_TrajectorySummary__Output } from '../../segue/v1/TrajectorySummary.js';
import type { VerifyRequest as _segue_v1_VerifyRequest, VerifyRequest__Output as _segue_v1_VerifyRequest__Output } from '../../segue/v1/VerifyRequest.js';

export interface ReplayStoreDefinition {
  AppendEvent: MethodDefinition<_segue_v1_AppendEventRequest, _segue_v1_StoredEvent, _segue_v1_AppendEventRequest__Output, _segue_v1_StoredEvent__Output>
  AppendSegment: MethodDefinition<_segue_v1_AppendSegmentRequest, _segue_v1_AppendSegmentResponse, _segue_v1_AppendSegmentRequest__Output, _segue_v1_AppendSegmentResponse__Output>
  CloseIteration: MethodDefinition<_segue_v1_CloseIterationRequest, _segue_v1_IterationRecord, _segue_v1_CloseIterationRequest__Output, _segue_v1_IterationRecord__Output>
  CommitIteration: MethodDefinition<_segue_v1_CommitIterationRequest, _segue_v1_IterationRecord, _segue_v1_CommitIterationRequest__Output, _segue_v1_IterationRecord__Output>
  DropDeadLetter: MethodDefinition<_segue_v1_DeadLetterRequest, _segue_v1_DeadLetter, _segue_v1_DeadLetterRequest__Output, _segue_v1_DeadLetter__Output>
  FreezeBatch: MethodDefinition<_segue_v1_FreezeBatchRequest, _segue_v1_IterationRecord, _segue_v1_FreezeBatchRequest__Output, _segue_v1_IterationRecord__Output>
  GetDeadLetter: MethodDefinition<_segue_v1_DeadLetterRequest, _segue_v1_DeadLetter, _segue_v1_DeadLetterRequest__Output, _segue_v1_DeadLetter__Output>
  GetIteration: MethodDefinition<_segue_v1_GetIterationRequest, _segue_v1_IterationRecord, _segue_v1_GetIterationRequest__Output, _segue_v1_IterationRecord__Output>
  GetIterationProgress: MethodDefinition<_segue_v1_GetIterationProgressRequest, _segue_v1_IterationProgress, _segue_v1_GetIterationProgressRequest__Output, _segue_v1_IterationProgress__Output>
  GetRun: MethodDefinition<_segue_v1_GetRunRecordRequest, _segue_v1_RunRecord, _segue_v1_GetRunRecordRequest__Output, _segue_v1_RunRecord__Output>
  GetStatistics: MethodDefinition<_segue_v1_GetStatisticsRequest, _segue_v1_Statistics, _segue_v1_GetStatisticsRequest__Output, _segue_v1_Statistics__Output>
  GetTrajectories: MethodDefinition<_segue_v1_GetTrajectoriesRequest, _segue_v1_Trajectory, _segue_v1_GetTrajectoriesRequest__Output, _segue_v1_Trajectory__Output>
  GetTrajectory: MethodDefinition<_segue_v1_GetTrajectoryRequest, _segue_v1_Trajectory, _segue_v1_GetTrajectoryRequest__Output, _segue_v1_Trajectory__Output>
  ListDeadLetters: MethodDefinition<_segue_v1_ListDeadLettersRequest, _segue_v1_DeadLetter, _segue_v1_ListDeadLettersRequest__Output, _segue_v1_DeadLetter__Output>
  ListEvents: MethodDefinition<_segue_v1_ListEventsRequest, _segue_v1_StoredEvent, _segue_v1_ListEventsRequest__Output, _segue_v1_StoredEvent__Output>
  ListIterations: MethodDefinition<_segue_v1_ListIterationsRequest, _segue_v1_IterationRecord, _segue_v1_ListIterationsRequest__Output, _segue_v1_IterationRecord__Output>
  ListProblems: MethodDefinition<_segue_v1_ListProblemsRequest, _segue_v1_ProblemRecord, _segue_v1_ListProblemsRequest__Output, _segue_v1_ProblemRecord__Output>
  ListRuns: MethodDefinition<_segue_v1_ListRunRecordsRequest, _segue_v1_ListRunRecordsResponse, _segue_v1_ListRunRecordsRequest__Output, _segue_v1_ListRunRecordsResponse__Output>
  ListTimeline: MethodDefinition<_segue_v1_ListTimelineRequest, _segue_v1_TimelineRows, _segue_v1_ListTimelineRequest__Output, _segue_v1_TimelineRows__Output>
  ListTrajectories: MethodDefinition<_segue_v1_ListTrajectoriesRequest, _segue_v1_TrajectoryRecord, _segue_v1_ListTrajectoriesRequest__Output, _segue_v1_TrajectoryRecord__Output>
  ListUnfinished: MethodDefinition<_segue_v1_ListUnfinishedRequest, _segue_v1_TrajectorySummary, _segue_v1_ListUnfinishedRequest__Output, _segue_v1_TrajectorySummary__Output>
  OpenIteration: MethodDefinition<_segue_v1_OpenIterationRequest, _segue_v1_IterationRecord, _segue_v1_OpenIterationRequest__Output, _segue_v1_IterationRecord__Output>
  PutProblems: MethodDefinition<_segue_v1_PutProblemsRequest, _segue_v1_PutProblemsResponse, _segue_v1_PutProblemsRequest__Output, _segue_v1_PutProblemsResponse__Output>
  PutRun: MethodDefinition<_segue_v1_PutRunRequest, _segue_v1_RunRecord, _segue_v1_PutRunRequest__Output, _segue_v1_RunRecord__Output>
  RecordScore: MethodDefinition<_segue_v1_RecordScoreRequest, _segue_v1_RecordScoreResponse, _segue_v1_RecordScoreRequest__Output, _segue_v1_RecordScoreResponse__Output>
  RequeueDeadLetter: MethodDefinition<_segue_v1_DeadLetterRequest, _segue_v1_RequeueDeadLetterResponse, _segue_v1_DeadLetterRequest__Output, _segue_v1_RequeueDeadLetterResponse__Output>
  Sample: MethodDefinition<_segue_v1_SampleRequest, _segue_v1_SampleResponse, _segue_v1_SampleRequest__Output, _segue_v1_SampleResponse__Output>
  StreamCompleteGroups: MethodDefinition<_segue_v1_StreamCompleteGroupsRequest, _segue_v1_CompleteGroup, _segue_v1_StreamCompleteGroupsRequest__Output, _segue_v1_CompleteGroup__Output>
  TakeSnapshot: MethodDefinition<_segue_v1_TakeSnapshotRequest, _segue_v1_SnapshotChunk, _segue_v1_TakeSnapshotRequest__Output, _segue_v1_SnapshotChunk__Output>
  Verify: MethodDefinition<_segue_v1_VerifyRequest, _segue_v1_StoreCheck, _segue_v1_VerifyRequest__Output, _segue_v1_StoreCheck__Output>
}
