// Original file: /work/main/protos/segue/v1/replay.proto

import type * as grpc from '@grpc/grpc-js'
import type { MethodDefinition } from '@grpc/proto-loader'
import type { AppendEventRequest as _segue_v1_AppendEventRequest, AppendEventRequest__Output as _segue_v1_AppendEventRequest__Output } from '../../segue/v1/AppendEventRequest.js';
import type { AppendSegmentRequest as _segue_v1_AppendSegmentRequest, AppendSegmentRequest__Output as _segue_v1_AppendSegmentRequest__Output } from '../../segue/v1/AppendSegmentRequest.js';
import type { AppendSegmentResponse as _segue_v1_AppendSegmentResponse, AppendSegmentResponse__Output as _segue_v1_AppendSegmentResponse__Output } from '../../segue/v1/AppendSegmentResponse.js';
import type { CloseIterationRequest as _segue_v1_CloseIterationRequest, CloseIterationRequest__Output as _segue_v1_CloseIterationRequest__Output } from '../../segue/v1/CloseIterationRequest.js';
import type { CommitIterationRequest as _segue_v1_CommitIterationRequest, CommitIterationRequest__Output as _segue_v1_CommitIterationRequest__Output } from '../../segue/v1/CommitIterationRequest.js';
import type { CompleteGroup as _segue_v1_CompleteGroup, CompleteGroup__Output as _segue_v1_CompleteGroup__Output } from '../../segue/v1/CompleteGroup.js';
import type { FreezeBatchRequest as _segue_v1_FreezeBatchRequest, FreezeBatchRequest__Output as _segue_v1_FreezeBatchRequest__Output } from '../../segue/v1/FreezeBatchRequest.js';
import type { GetIterationRequest as _segue_v1_GetIterationRequest, GetIterationRequest__Output as _segue_v1_GetIterationRequest__Output } from '../../segue/v1/GetIterationRequest.js';
import type { GetRunRecordRequest as _segue_v1_GetRunRecordRequest, GetRunRecordRequest__Output as _segue_v1_GetRunRecordRequest__Output } from '../../segue/v1/GetRunRecordRequest.js';
import type { GetStatisticsRequest as _segue_v1_GetStatisticsRequest, GetStatisticsRequest__Output as _segue_v1_GetStatisticsRequest__Output } from '../../segue/v1/GetStatisticsRequest.js';
import type { GetTrajectoryRequest as _segue_v1_GetTrajectoryRequest, GetTrajectoryRequest__Output as _segue_v1_GetTrajectoryRequest__Output } from '../../segue/v1/GetTrajectoryRequest.js';
import type { IterationRecord as _segue_v1_IterationRecord, IterationRecord__Output as _segue_v1_IterationRecord__Output } from '../../segue/v1/IterationRecord.js';
import type { ListEventsRequest as _segue_v1_ListEventsRequest, ListEventsRequest__Output as _segue_v1_ListEventsRequest__Output } from '../../segue/v1/ListEventsRequest.js';
import type { ListIterationsRequest as _segue_v1_ListIterationsRequest, ListIterationsRequest__Output as _segue_v1_ListIterationsRequest__Output } from '../../segue/v1/ListIterationsRequest.js';
import type { ListProblemsRequest as _segue_v1_ListProblemsRequest, ListProblemsRequest__Output as _segue_v1_ListProblemsRequest__Output } from '../../segue/v1/ListProblemsRequest.js';
import type { ListRunRecordsRequest as _segue_v1_ListRunRecordsRequest, ListRunRecordsRequest__Output as _segue_v1_ListRunRecordsRequest__Output } from '../../segue/v1/ListRunRecordsRequest.js';
import type { ListRunRecordsResponse as _segue_v1_ListRunRecordsResponse, ListRunRecordsResponse__Output as _segue_v1_ListRunRecordsResponse__Output } from '../../segue/v1/ListRunRecordsResponse.js';
import type { ListTrajectoriesRequest as _segue_v1_ListTrajectoriesRequest, ListTrajectoriesRequest__Output as _segue_v1_ListTrajectoriesRequest__Output } from '../../segue/v1/ListTrajectoriesRequest.js';
import type { ListUnfinishedRequest as _segue_v1_ListUnfinishedRequest, ListUnfinishedRequest__Output as _segue_v1_ListUnfinishedRequest__Output } from '../../segue/v1/ListUnfinishedRequest.js';
import type { OpenIterationRequest as _segue_v1_OpenIterationRequest, OpenIterationRequest__Output as _segue_v1_OpenIterationRequest__Output } from '../../segue/v1/OpenIterationRequest.js';
import type { ProblemRecord as _segue_v1_ProblemRecord, ProblemRecord__Output as _segue_v1_ProblemRecord__Output } from '../../segue/v1/ProblemRecord.js';
import type { PutProblemsRequest as _segue_v1_PutProblemsRequest, PutProblemsRequest__Output as _segue_v1_PutProblemsRequest__Output } from '../../segue/v1/PutProblemsRequest.js';
import type { PutProblemsResponse as _segue_v1_PutProblemsResponse, PutProblemsResponse__Output as _segue_v1_PutProblemsResponse__Output } from '../../segue/v1/PutProblemsResponse.js';
import type { PutRunRequest as _segue_v1_PutRunRequest, PutRunRequest__Output as _segue_v1_PutRunRequest__Output } from '../../segue/v1/PutRunRequest.js';
import type { RecordScoreRequest as _segue_v1_RecordScoreRequest, RecordScoreRequest__Output as _segue_v1_RecordScoreRequest__Output } from '../../segue/v1/RecordScoreRequest.js';
import type { RecordScoreResponse as _segue_v1_RecordScoreResponse, RecordScoreResponse__Output as _segue_v1_RecordScoreResponse__Output } from '../../segue/v1/RecordScoreResponse.js';
import type { RunRecord as _segue_v1_RunRecord, RunRecord__Output as _segue_v1_RunRecord__Output } from '../../segue/v1/RunRecord.js';
import type { SampleRequest as _segue_v1_SampleRequest, SampleRequest__Output as _segue_v1_SampleRequest__Output } from '../../segue/v1/SampleRequest.js';
import type { SampleResponse as _segue_v1_SampleResponse, SampleResponse__Output as _segue_v1_SampleResponse__Output } from '../../segue/v1/SampleResponse.js';
import type { Statistics as _segue_v1_Statistics, Statistics__Output as _segue_v1_Statistics__Output } from '../../segue/v1/Statistics.js';
import type { StoredEvent as _segue_v1_StoredEvent, StoredEvent__Output as _segue_v1_StoredEvent__Output } from '../../segue/v1/StoredEvent.js';
import type { StreamCompleteGroupsRequest as _segue_v1_StreamCompleteGroupsRequest, StreamCompleteGroupsRequest__Output as _segue_v1_StreamCompleteGroupsRequest__Output } from '../../segue/v1/StreamCompleteGroupsRequest.js';
import type { Trajectory as _segue_v1_Trajectory, Trajectory__Output as _segue_v1_Trajectory__Output } from '../../segue/v1/Trajectory.js';
import type { TrajectoryRecord as _segue_v1_TrajectoryRecord, TrajectoryRecord__Output as _segue_v1_TrajectoryRecord__Output } from '../../segue/v1/TrajectoryRecord.js';
import type { TrajectorySummary as _segue_v1_TrajectorySummary, TrajectorySummary__Output as _segue_v1_TrajectorySummary__Output } from '../../segue/v1/TrajectorySummary.js';

export interface ReplayStoreClient extends grpc.Client {
  /**
   * Appends events of a run; the store numbers them from 1 without gaps. Idempotent by key.
   */
  AppendEvent(argument: _segue_v1_AppendEventRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_segue_v1_StoredEvent__Output>): grpc.ClientUnaryCall;
  AppendEvent(argument: _segue_v1_AppendEventRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_segue_v1_StoredEvent__Output>): grpc.ClientUnaryCall;
  AppendEvent(argument: _segue_v1_AppendEventRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_segue_v1_StoredEvent__Output>): grpc.ClientUnaryCall;
  AppendEvent(argument: _segue_v1_AppendEventRequest, callback: grpc.requestCallback<_segue_v1_StoredEvent__Output>): grpc.ClientUnaryCall;
  /**
   * Appends events of a run; the store numbers them from 1 without gaps. Idempotent by key.
   */
  appendEvent(argument: _segue_v1_AppendEventRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_segue_v1_StoredEvent__Output>): grpc.ClientUnaryCall;
  appendEvent(argument: _segue_v1_AppendEventRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_segue_v1_StoredEvent__Output>): grpc.ClientUnaryCall;
  appendEvent(argument: _segue_v1_AppendEventRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_segue_v1_StoredEvent__Output>): grpc.ClientUnaryCall;
  appendEvent(argument: _segue_v1_AppendEventRequest, callback: grpc.requestCallback<_segue_v1_StoredEvent__Output>): grpc.ClientUnaryCall;
  
  /**
   * Commits a segment by compare-and-append: index, prefix hash, iteration and policy version must fit, and the first fitting append for an
   * index is kept. A later one for the same index is answered with what is there (outcome KEPT_EARLIER), never an error.
   * CLOSED: the iteration is closed. STALE: prefix, version or index do not fit. Refusals are counted. Safe to repeat.
   */
  AppendSegment(argument: _segue_v1_AppendSegmentRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_segue_v1_AppendSegmentResponse__Output>): grpc.ClientUnaryCall;
  AppendSegment(argument: _segue_v1_AppendSegmentRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_segue_v1_AppendSegmentResponse__Output>): grpc.ClientUnaryCall;
  AppendSegment(argument: _segue_v1_AppendSegmentRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_segue_v1_AppendSegmentResponse__Output>): grpc.ClientUnaryCall;
  AppendSegment(argument: _segue_v1_AppendSegmentRequest, callback: grpc.requestCallback<_segue_v1_AppendSegmentResponse__Output>): grpc.ClientUnaryCall;
  /**
   * Commits a segment by compare-and-append: index, prefix hash, iteration and policy version must fit, and the first fitting append for an
   * index is kept. A later one for the same index is answered with what is there (outcome KEPT_EARLIER), never an error.
   * CLOSED: the iteration is closed. STALE: prefix, version or index do not fit. Refusals are counted. Safe to repeat.
   */
  appendSegment(argument: _segue_v1_AppendSegmentRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_segue_v1_AppendSegmentResponse__Output>): grpc.ClientUnaryCall;
  appendSegment(argument: _segue_v1_AppendSegmentRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_segue_v1_AppendSegmentResponse__Output>): grpc.ClientUnaryCall;
  appendSegment(argument: _segue_v1_AppendSegmentRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_segue_v1_AppendSegmentResponse__Output>): grpc.ClientUnaryCall;
  appendSegment(argument: _segue_v1_AppendSegmentRequest, callback: grpc.requestCallback<_segue_v1_AppendSegmentResponse__Output>): grpc.ClientUnaryCall;
  
  /**
   * Closes an iteration: later appends for it are refused. Idempotent.
   */
  CloseIteration(argument: _segue_v1_CloseIterationRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_segue_v1_IterationRecord__Output>): grpc.ClientUnaryCall;
  CloseIteration(argument: _segue_v1_CloseIterationRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_segue_v1_IterationRecord__Output>): grpc.ClientUnaryCall;
  CloseIteration(argument: _segue_v1_CloseIterationRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_segue_v1_IterationRecord__Output>): grpc.ClientUnaryCall;
  CloseIteration(argument: _segue_v1_CloseIterationRequest, callback: grpc.requestCallback<_segue_v1_IterationRecord__Output>): grpc.ClientUnaryCall;
  /**
   * Closes an iteration: later appends for it are refused. Idempotent.
   */
  closeIteration(argument: _segue_v1_CloseIterationRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_segue_v1_IterationRecord__Output>): grpc.ClientUnaryCall;
  closeIteration(argument: _segue_v1_CloseIterationRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_segue_v1_IterationRecord__Output>): grpc.ClientUnaryCall;
  closeIteration(argument: _segue_v1_CloseIterationRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_segue_v1_IterationRecord__Output>): grpc.ClientUnaryCall;
  closeIteration(argument: _segue_v1_CloseIterationRequest, callback: grpc.requestCallback<_segue_v1_IterationRecord__Output>): grpc.ClientUnaryCall;
  
  /**
   * Ends the iteration: its batch is consumed by `policy_version_out`, recorded with it in one transaction. Idempotent with the same version; another one is refused
   * with FAILED_PRECONDITION. With an empty batch the version stays.
   */
  CommitIteration(argument: _segue_v1_CommitIterationRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_segue_v1_IterationRecord__Output>): grpc.ClientUnaryCall;
  CommitIteration(argument: _segue_v1_CommitIterationRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_segue_v1_IterationRecord__Output>): grpc.ClientUnaryCall;
  CommitIteration(argument: _segue_v1_CommitIterationRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_segue_v1_IterationRecord__Output>): grpc.ClientUnaryCall;
  CommitIteration(argument: _segue_v1_CommitIterationRequest, callback: grpc.requestCallback<_segue_v1_IterationRecord__Output>): grpc.ClientUnaryCall;
  /**
   * Ends the iteration: its batch is consumed by `policy_version_out`, recorded with it in one transaction. Idempotent with the same version; another one is refused
   * with FAILED_PRECONDITION. With an empty batch the version stays.
   */
  commitIteration(argument: _segue_v1_CommitIterationRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_segue_v1_IterationRecord__Output>): grpc.ClientUnaryCall;
  commitIteration(argument: _segue_v1_CommitIterationRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_segue_v1_IterationRecord__Output>): grpc.ClientUnaryCall;
  commitIteration(argument: _segue_v1_CommitIterationRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_segue_v1_IterationRecord__Output>): grpc.ClientUnaryCall;
  commitIteration(argument: _segue_v1_CommitIterationRequest, callback: grpc.requestCallback<_segue_v1_IterationRecord__Output>): grpc.ClientUnaryCall;
  
  /**
   * Freezes what the iteration trains on: complete groups that no version consumed, oldest first, at most `max_groups`; groups whose rewards are all equal, or
   * with too few usable members, are marked filtered instead. Idempotent: the first batch stays. An empty batch is an answer.
   */
  FreezeBatch(argument: _segue_v1_FreezeBatchRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_segue_v1_IterationRecord__Output>): grpc.ClientUnaryCall;
  FreezeBatch(argument: _segue_v1_FreezeBatchRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_segue_v1_IterationRecord__Output>): grpc.ClientUnaryCall;
  FreezeBatch(argument: _segue_v1_FreezeBatchRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_segue_v1_IterationRecord__Output>): grpc.ClientUnaryCall;
  FreezeBatch(argument: _segue_v1_FreezeBatchRequest, callback: grpc.requestCallback<_segue_v1_IterationRecord__Output>): grpc.ClientUnaryCall;
  /**
   * Freezes what the iteration trains on: complete groups that no version consumed, oldest first, at most `max_groups`; groups whose rewards are all equal, or
   * with too few usable members, are marked filtered instead. Idempotent: the first batch stays. An empty batch is an answer.
   */
  freezeBatch(argument: _segue_v1_FreezeBatchRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_segue_v1_IterationRecord__Output>): grpc.ClientUnaryCall;
  freezeBatch(argument: _segue_v1_FreezeBatchRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_segue_v1_IterationRecord__Output>): grpc.ClientUnaryCall;
  freezeBatch(argument: _segue_v1_FreezeBatchRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_segue_v1_IterationRecord__Output>): grpc.ClientUnaryCall;
  freezeBatch(argument: _segue_v1_FreezeBatchRequest, callback: grpc.requestCallback<_segue_v1_IterationRecord__Output>): grpc.ClientUnaryCall;
  
  GetIteration(argument: _segue_v1_GetIterationRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_segue_v1_IterationRecord__Output>): grpc.ClientUnaryCall;
  GetIteration(argument: _segue_v1_GetIterationRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_segue_v1_IterationRecord__Output>): grpc.ClientUnaryCall;
  GetIteration(argument: _segue_v1_GetIterationRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_segue_v1_IterationRecord__Output>): grpc.ClientUnaryCall;
  GetIteration(argument: _segue_v1_GetIterationRequest, callback: grpc.requestCallback<_segue_v1_IterationRecord__Output>): grpc.ClientUnaryCall;
  getIteration(argument: _segue_v1_GetIterationRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_segue_v1_IterationRecord__Output>): grpc.ClientUnaryCall;
  getIteration(argument: _segue_v1_GetIterationRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_segue_v1_IterationRecord__Output>): grpc.ClientUnaryCall;
  getIteration(argument: _segue_v1_GetIterationRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_segue_v1_IterationRecord__Output>): grpc.ClientUnaryCall;
  getIteration(argument: _segue_v1_GetIterationRequest, callback: grpc.requestCallback<_segue_v1_IterationRecord__Output>): grpc.ClientUnaryCall;
  
  GetRun(argument: _segue_v1_GetRunRecordRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_segue_v1_RunRecord__Output>): grpc.ClientUnaryCall;
  GetRun(argument: _segue_v1_GetRunRecordRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_segue_v1_RunRecord__Output>): grpc.ClientUnaryCall;
  GetRun(argument: _segue_v1_GetRunRecordRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_segue_v1_RunRecord__Output>): grpc.ClientUnaryCall;
  GetRun(argument: _segue_v1_GetRunRecordRequest, callback: grpc.requestCallback<_segue_v1_RunRecord__Output>): grpc.ClientUnaryCall;
  getRun(argument: _segue_v1_GetRunRecordRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_segue_v1_RunRecord__Output>): grpc.ClientUnaryCall;
  getRun(argument: _segue_v1_GetRunRecordRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_segue_v1_RunRecord__Output>): grpc.ClientUnaryCall;
  getRun(argument: _segue_v1_GetRunRecordRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_segue_v1_RunRecord__Output>): grpc.ClientUnaryCall;
  getRun(argument: _segue_v1_GetRunRecordRequest, callback: grpc.requestCallback<_segue_v1_RunRecord__Output>): grpc.ClientUnaryCall;
  
  /**
   * Counters of a run since it began.
   */
  GetStatistics(argument: _segue_v1_GetStatisticsRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_segue_v1_Statistics__Output>): grpc.ClientUnaryCall;
  GetStatistics(argument: _segue_v1_GetStatisticsRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_segue_v1_Statistics__Output>): grpc.ClientUnaryCall;
  GetStatistics(argument: _segue_v1_GetStatisticsRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_segue_v1_Statistics__Output>): grpc.ClientUnaryCall;
  GetStatistics(argument: _segue_v1_GetStatisticsRequest, callback: grpc.requestCallback<_segue_v1_Statistics__Output>): grpc.ClientUnaryCall;
  /**
   * Counters of a run since it began.
   */
  getStatistics(argument: _segue_v1_GetStatisticsRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_segue_v1_Statistics__Output>): grpc.ClientUnaryCall;
  getStatistics(argument: _segue_v1_GetStatisticsRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_segue_v1_Statistics__Output>): grpc.ClientUnaryCall;
  getStatistics(argument: _segue_v1_GetStatisticsRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_segue_v1_Statistics__Output>): grpc.ClientUnaryCall;
  getStatistics(argument: _segue_v1_GetStatisticsRequest, callback: grpc.requestCallback<_segue_v1_Statistics__Output>): grpc.ClientUnaryCall;
  
  /**
   * One trajectory with all its segments. NOT_FOUND when it was never planned.
   */
  GetTrajectory(argument: _segue_v1_GetTrajectoryRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_segue_v1_Trajectory__Output>): grpc.ClientUnaryCall;
  GetTrajectory(argument: _segue_v1_GetTrajectoryRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_segue_v1_Trajectory__Output>): grpc.ClientUnaryCall;
  GetTrajectory(argument: _segue_v1_GetTrajectoryRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_segue_v1_Trajectory__Output>): grpc.ClientUnaryCall;
  GetTrajectory(argument: _segue_v1_GetTrajectoryRequest, callback: grpc.requestCallback<_segue_v1_Trajectory__Output>): grpc.ClientUnaryCall;
  /**
   * One trajectory with all its segments. NOT_FOUND when it was never planned.
   */
  getTrajectory(argument: _segue_v1_GetTrajectoryRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_segue_v1_Trajectory__Output>): grpc.ClientUnaryCall;
  getTrajectory(argument: _segue_v1_GetTrajectoryRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_segue_v1_Trajectory__Output>): grpc.ClientUnaryCall;
  getTrajectory(argument: _segue_v1_GetTrajectoryRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_segue_v1_Trajectory__Output>): grpc.ClientUnaryCall;
  getTrajectory(argument: _segue_v1_GetTrajectoryRequest, callback: grpc.requestCallback<_segue_v1_Trajectory__Output>): grpc.ClientUnaryCall;
  
  /**
   * Events with a greater sequence, in order, then ends.
   */
  ListEvents(argument: _segue_v1_ListEventsRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_segue_v1_StoredEvent__Output>;
  ListEvents(argument: _segue_v1_ListEventsRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_segue_v1_StoredEvent__Output>;
  /**
   * Events with a greater sequence, in order, then ends.
   */
  listEvents(argument: _segue_v1_ListEventsRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_segue_v1_StoredEvent__Output>;
  listEvents(argument: _segue_v1_ListEventsRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_segue_v1_StoredEvent__Output>;
  
  /**
   * In order, all from `from_iteration` on.
   */
  ListIterations(argument: _segue_v1_ListIterationsRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_segue_v1_IterationRecord__Output>;
  ListIterations(argument: _segue_v1_ListIterationsRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_segue_v1_IterationRecord__Output>;
  /**
   * In order, all from `from_iteration` on.
   */
  listIterations(argument: _segue_v1_ListIterationsRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_segue_v1_IterationRecord__Output>;
  listIterations(argument: _segue_v1_ListIterationsRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_segue_v1_IterationRecord__Output>;
  
  /**
   * Streams a run's problems in the order of their submission, with what is known of their success.
   */
  ListProblems(argument: _segue_v1_ListProblemsRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_segue_v1_ProblemRecord__Output>;
  ListProblems(argument: _segue_v1_ListProblemsRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_segue_v1_ProblemRecord__Output>;
  /**
   * Streams a run's problems in the order of their submission, with what is known of their success.
   */
  listProblems(argument: _segue_v1_ListProblemsRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_segue_v1_ProblemRecord__Output>;
  listProblems(argument: _segue_v1_ListProblemsRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_segue_v1_ProblemRecord__Output>;
  
  /**
   * Newest first.
   */
  ListRuns(argument: _segue_v1_ListRunRecordsRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_segue_v1_ListRunRecordsResponse__Output>): grpc.ClientUnaryCall;
  ListRuns(argument: _segue_v1_ListRunRecordsRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_segue_v1_ListRunRecordsResponse__Output>): grpc.ClientUnaryCall;
  ListRuns(argument: _segue_v1_ListRunRecordsRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_segue_v1_ListRunRecordsResponse__Output>): grpc.ClientUnaryCall;
  ListRuns(argument: _segue_v1_ListRunRecordsRequest, callback: grpc.requestCallback<_segue_v1_ListRunRecordsResponse__Output>): grpc.ClientUnaryCall;
  /**
   * Newest first.
   */
  listRuns(argument: _segue_v1_ListRunRecordsRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_segue_v1_ListRunRecordsResponse__Output>): grpc.ClientUnaryCall;
  listRuns(argument: _segue_v1_ListRunRecordsRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_segue_v1_ListRunRecordsResponse__Output>): grpc.ClientUnaryCall;
  listRuns(argument: _segue_v1_ListRunRecordsRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_segue_v1_ListRunRecordsResponse__Output>): grpc.ClientUnaryCall;
  listRuns(argument: _segue_v1_ListRunRecordsRequest, callback: grpc.requestCallback<_segue_v1_ListRunRecordsResponse__Output>): grpc.ClientUnaryCall;
  
  /**
   * All trajectories of a run with their segments but without tokens, in order of planning: for pictures and statistics.
   */
  ListTrajectories(argument: _segue_v1_ListTrajectoriesRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_segue_v1_TrajectoryRecord__Output>;
  ListTrajectories(argument: _segue_v1_ListTrajectoriesRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_segue_v1_TrajectoryRecord__Output>;
  /**
   * All trajectories of a run with their segments but without tokens, in order of planning: for pictures and statistics.
   */
  listTrajectories(argument: _segue_v1_ListTrajectoriesRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_segue_v1_TrajectoryRecord__Output>;
  listTrajectories(argument: _segue_v1_ListTrajectoriesRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_segue_v1_TrajectoryRecord__Output>;
  
  /**
   * Trajectories that go on or were never begun, oldest first (first iteration, then id): what a plan resumes.
   */
  ListUnfinished(argument: _segue_v1_ListUnfinishedRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_segue_v1_TrajectorySummary__Output>;
  ListUnfinished(argument: _segue_v1_ListUnfinishedRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_segue_v1_TrajectorySummary__Output>;
  /**
   * Trajectories that go on or were never begun, oldest first (first iteration, then id): what a plan resumes.
   */
  listUnfinished(argument: _segue_v1_ListUnfinishedRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_segue_v1_TrajectorySummary__Output>;
  listUnfinished(argument: _segue_v1_ListUnfinishedRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_segue_v1_TrajectorySummary__Output>;
  
  /**
   * Records the plan of an iteration and opens it: its groups and trajectories exist from here on. Idempotent: the first plan wins and comes
   * back. FAILED_PRECONDITION when the iteration before is not committed.
   */
  OpenIteration(argument: _segue_v1_OpenIterationRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_segue_v1_IterationRecord__Output>): grpc.ClientUnaryCall;
  OpenIteration(argument: _segue_v1_OpenIterationRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_segue_v1_IterationRecord__Output>): grpc.ClientUnaryCall;
  OpenIteration(argument: _segue_v1_OpenIterationRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_segue_v1_IterationRecord__Output>): grpc.ClientUnaryCall;
  OpenIteration(argument: _segue_v1_OpenIterationRequest, callback: grpc.requestCallback<_segue_v1_IterationRecord__Output>): grpc.ClientUnaryCall;
  /**
   * Records the plan of an iteration and opens it: its groups and trajectories exist from here on. Idempotent: the first plan wins and comes
   * back. FAILED_PRECONDITION when the iteration before is not committed.
   */
  openIteration(argument: _segue_v1_OpenIterationRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_segue_v1_IterationRecord__Output>): grpc.ClientUnaryCall;
  openIteration(argument: _segue_v1_OpenIterationRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_segue_v1_IterationRecord__Output>): grpc.ClientUnaryCall;
  openIteration(argument: _segue_v1_OpenIterationRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_segue_v1_IterationRecord__Output>): grpc.ClientUnaryCall;
  openIteration(argument: _segue_v1_OpenIterationRequest, callback: grpc.requestCallback<_segue_v1_IterationRecord__Output>): grpc.ClientUnaryCall;
  
  /**
   * Adds a batch of problems: one header, then the problems. All or nothing, idempotent by (run, batch id) and content hash.
   */
  PutProblems(metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_segue_v1_PutProblemsResponse__Output>): grpc.ClientWritableStream<_segue_v1_PutProblemsRequest>;
  PutProblems(metadata: grpc.Metadata, callback: grpc.requestCallback<_segue_v1_PutProblemsResponse__Output>): grpc.ClientWritableStream<_segue_v1_PutProblemsRequest>;
  PutProblems(options: grpc.CallOptions, callback: grpc.requestCallback<_segue_v1_PutProblemsResponse__Output>): grpc.ClientWritableStream<_segue_v1_PutProblemsRequest>;
  PutProblems(callback: grpc.requestCallback<_segue_v1_PutProblemsResponse__Output>): grpc.ClientWritableStream<_segue_v1_PutProblemsRequest>;
  /**
   * Adds a batch of problems: one header, then the problems. All or nothing, idempotent by (run, batch id) and content hash.
   */
  putProblems(metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_segue_v1_PutProblemsResponse__Output>): grpc.ClientWritableStream<_segue_v1_PutProblemsRequest>;
  putProblems(metadata: grpc.Metadata, callback: grpc.requestCallback<_segue_v1_PutProblemsResponse__Output>): grpc.ClientWritableStream<_segue_v1_PutProblemsRequest>;
  putProblems(options: grpc.CallOptions, callback: grpc.requestCallback<_segue_v1_PutProblemsResponse__Output>): grpc.ClientWritableStream<_segue_v1_PutProblemsRequest>;
  putProblems(callback: grpc.requestCallback<_segue_v1_PutProblemsResponse__Output>): grpc.ClientWritableStream<_segue_v1_PutProblemsRequest>;
  
  /**
   * Writes a run's record. With `expected_revision` it is a compare-and-set (FAILED_PRECONDITION when another write came first); without it, it
   * creates (ALREADY_EXISTS when the id is taken by another configuration). Creating the same again is harmless.
   */
  PutRun(argument: _segue_v1_PutRunRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_segue_v1_RunRecord__Output>): grpc.ClientUnaryCall;
  PutRun(argument: _segue_v1_PutRunRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_segue_v1_RunRecord__Output>): grpc.ClientUnaryCall;
  PutRun(argument: _segue_v1_PutRunRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_segue_v1_RunRecord__Output>): grpc.ClientUnaryCall;
  PutRun(argument: _segue_v1_PutRunRequest, callback: grpc.requestCallback<_segue_v1_RunRecord__Output>): grpc.ClientUnaryCall;
  /**
   * Writes a run's record. With `expected_revision` it is a compare-and-set (FAILED_PRECONDITION when another write came first); without it, it
   * creates (ALREADY_EXISTS when the id is taken by another configuration). Creating the same again is harmless.
   */
  putRun(argument: _segue_v1_PutRunRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_segue_v1_RunRecord__Output>): grpc.ClientUnaryCall;
  putRun(argument: _segue_v1_PutRunRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_segue_v1_RunRecord__Output>): grpc.ClientUnaryCall;
  putRun(argument: _segue_v1_PutRunRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_segue_v1_RunRecord__Output>): grpc.ClientUnaryCall;
  putRun(argument: _segue_v1_PutRunRequest, callback: grpc.requestCallback<_segue_v1_RunRecord__Output>): grpc.ClientUnaryCall;
  
  /**
   * Records a verdict. The first judged one (ok, wrong) is kept; a failed one is replaced by a later try. Safe to repeat.
   */
  RecordScore(argument: _segue_v1_RecordScoreRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_segue_v1_RecordScoreResponse__Output>): grpc.ClientUnaryCall;
  RecordScore(argument: _segue_v1_RecordScoreRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_segue_v1_RecordScoreResponse__Output>): grpc.ClientUnaryCall;
  RecordScore(argument: _segue_v1_RecordScoreRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_segue_v1_RecordScoreResponse__Output>): grpc.ClientUnaryCall;
  RecordScore(argument: _segue_v1_RecordScoreRequest, callback: grpc.requestCallback<_segue_v1_RecordScoreResponse__Output>): grpc.ClientUnaryCall;
  /**
   * Records a verdict. The first judged one (ok, wrong) is kept; a failed one is replaced by a later try. Safe to repeat.
   */
  recordScore(argument: _segue_v1_RecordScoreRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_segue_v1_RecordScoreResponse__Output>): grpc.ClientUnaryCall;
  recordScore(argument: _segue_v1_RecordScoreRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_segue_v1_RecordScoreResponse__Output>): grpc.ClientUnaryCall;
  recordScore(argument: _segue_v1_RecordScoreRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_segue_v1_RecordScoreResponse__Output>): grpc.ClientUnaryCall;
  recordScore(argument: _segue_v1_RecordScoreRequest, callback: grpc.requestCallback<_segue_v1_RecordScoreResponse__Output>): grpc.ClientUnaryCall;
  
  /**
   * Draws finished trajectories with replacement, by selector; each comes with the probability of its draw. Changes nothing.
   */
  Sample(argument: _segue_v1_SampleRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_segue_v1_SampleResponse__Output>): grpc.ClientUnaryCall;
  Sample(argument: _segue_v1_SampleRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_segue_v1_SampleResponse__Output>): grpc.ClientUnaryCall;
  Sample(argument: _segue_v1_SampleRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_segue_v1_SampleResponse__Output>): grpc.ClientUnaryCall;
  Sample(argument: _segue_v1_SampleRequest, callback: grpc.requestCallback<_segue_v1_SampleResponse__Output>): grpc.ClientUnaryCall;
  /**
   * Draws finished trajectories with replacement, by selector; each comes with the probability of its draw. Changes nothing.
   */
  sample(argument: _segue_v1_SampleRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_segue_v1_SampleResponse__Output>): grpc.ClientUnaryCall;
  sample(argument: _segue_v1_SampleRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_segue_v1_SampleResponse__Output>): grpc.ClientUnaryCall;
  sample(argument: _segue_v1_SampleRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_segue_v1_SampleResponse__Output>): grpc.ClientUnaryCall;
  sample(argument: _segue_v1_SampleRequest, callback: grpc.requestCallback<_segue_v1_SampleResponse__Output>): grpc.ClientUnaryCall;
  
  /**
   * Complete groups, one message per group. With `iteration`, its frozen batch in an order shuffled by the run's seed and the iteration; else those that wait
   * to be trained on, oldest first.
   */
  StreamCompleteGroups(argument: _segue_v1_StreamCompleteGroupsRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_segue_v1_CompleteGroup__Output>;
  StreamCompleteGroups(argument: _segue_v1_StreamCompleteGroupsRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_segue_v1_CompleteGroup__Output>;
  /**
   * Complete groups, one message per group. With `iteration`, its frozen batch in an order shuffled by the run's seed and the iteration; else those that wait
   * to be trained on, oldest first.
   */
  streamCompleteGroups(argument: _segue_v1_StreamCompleteGroupsRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_segue_v1_CompleteGroup__Output>;
  streamCompleteGroups(argument: _segue_v1_StreamCompleteGroupsRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_segue_v1_CompleteGroup__Output>;
  
}

export interface ReplayStoreHandlers extends grpc.UntypedServiceImplementation {
  /**
   * Appends events of a run; the store numbers them from 1 without gaps. Idempotent by key.
   */
  AppendEvent: grpc.handleUnaryCall<_segue_v1_AppendEventRequest__Output, _segue_v1_StoredEvent>;
  
  /**
   * Commits a segment by compare-and-append: index, prefix hash, iteration and policy version must fit, and the first fitting append for an
   * index is kept. A later one for the same index is answered with what is there (outcome KEPT_EARLIER), never an error.
   * CLOSED: the iteration is closed. STALE: prefix, version or index do not fit. Refusals are counted. Safe to repeat.
   */
  AppendSegment: grpc.handleUnaryCall<_segue_v1_AppendSegmentRequest__Output, _segue_v1_AppendSegmentResponse>;
  
  /**
   * Closes an iteration: later appends for it are refused. Idempotent.
   */
  CloseIteration: grpc.handleUnaryCall<_segue_v1_CloseIterationRequest__Output, _segue_v1_IterationRecord>;
  
  /**
   * Ends the iteration: its batch is consumed by `policy_version_out`, recorded with it in one transaction. Idempotent with the same version; another one is refused
   * with FAILED_PRECONDITION. With an empty batch the version stays.
   */
  CommitIteration: grpc.handleUnaryCall<_segue_v1_CommitIterationRequest__Output, _segue_v1_IterationRecord>;
  
  /**
   * Freezes what the iteration trains on: complete groups that no version consumed, oldest first, at most `max_groups`; groups whose rewards are all equal, or
   * with too few usable members, are marked filtered instead. Idempotent: the first batch stays. An empty batch is an answer.
   */
  FreezeBatch: grpc.handleUnaryCall<_segue_v1_FreezeBatchRequest__Output, _segue_v1_IterationRecord>;
  
  GetIteration: grpc.handleUnaryCall<_segue_v1_GetIterationRequest__Output, _segue_v1_IterationRecord>;
  
  GetRun: grpc.handleUnaryCall<_segue_v1_GetRunRecordRequest__Output, _segue_v1_RunRecord>;
  
  /**
   * Counters of a run since it began.
   */
  GetStatistics: grpc.handleUnaryCall<_segue_v1_GetStatisticsRequest__Output, _segue_v1_Statistics>;
  
  /**
   * One trajectory with all its segments. NOT_FOUND when it was never planned.
   */
  GetTrajectory: grpc.handleUnaryCall<_segue_v1_GetTrajectoryRequest__Output, _segue_v1_Trajectory>;
  
  /**
   * Events with a greater sequence, in order, then ends.
   */
  ListEvents: grpc.handleServerStreamingCall<_segue_v1_ListEventsRequest__Output, _segue_v1_StoredEvent>;
  
  /**
   * In order, all from `from_iteration` on.
   */
  ListIterations: grpc.handleServerStreamingCall<_segue_v1_ListIterationsRequest__Output, _segue_v1_IterationRecord>;
  
  /**
   * Streams a run's problems in the order of their submission, with what is known of their success.
   */
  ListProblems: grpc.handleServerStreamingCall<_segue_v1_ListProblemsRequest__Output, _segue_v1_ProblemRecord>;
  
  /**
   * Newest first.
   */
  ListRuns: grpc.handleUnaryCall<_segue_v1_ListRunRecordsRequest__Output, _segue_v1_ListRunRecordsResponse>;
  
  /**
   * All trajectories of a run with their segments but without tokens, in order of planning: for pictures and statistics.
   */
  ListTrajectories: grpc.handleServerStreamingCall<_segue_v1_ListTrajectoriesRequest__Output, _segue_v1_TrajectoryRecord>;
  
  /**
   * Trajectories that go on or were never begun, oldest first (first iteration, then id): what a plan resumes.
   */
  ListUnfinished: grpc.handleServerStreamingCall<_segue_v1_ListUnfinishedRequest__Output, _segue_v1_TrajectorySummary>;
  
  /**
   * Records the plan of an iteration and opens it: its groups and trajectories exist from here on. Idempotent: the first plan wins and comes
   * back. FAILED_PRECONDITION when the iteration before is not committed.
   */
  OpenIteration: grpc.handleUnaryCall<_segue_v1_OpenIterationRequest__Output, _segue_v1_IterationRecord>;
  
  /**
   * Adds a batch of problems: one header, then the problems. All or nothing, idempotent by (run, batch id) and content hash.
   */
  PutProblems: grpc.handleClientStreamingCall<_segue_v1_PutProblemsRequest__Output, _segue_v1_PutProblemsResponse>;
  
  /**
   * Writes a run's record. With `expected_revision` it is a compare-and-set (FAILED_PRECONDITION when another write came first); without it, it
   * creates (ALREADY_EXISTS when the id is taken by another configuration). Creating the same again is harmless.
   */
  PutRun: grpc.handleUnaryCall<_segue_v1_PutRunRequest__Output, _segue_v1_RunRecord>;
  
  /**
   * Records a verdict. The first judged one (ok, wrong) is kept; a failed one is replaced by a later try. Safe to repeat.
   */
  RecordScore: grpc.handleUnaryCall<_segue_v1_RecordScoreRequest__Output, _segue_v1_RecordScoreResponse>;
  
  /**
   * Draws finished trajectories with replacement, by selector; each comes with the probability of its draw. Changes nothing.
   */
  Sample: grpc.handleUnaryCall<_segue_v1_SampleRequest__Output, _segue_v1_SampleResponse>;
  
  /**
   * Complete groups, one message per group. With `iteration`, its frozen batch in an order shuffled by the run's seed and the iteration; else those that wait
   * to be trained on, oldest first.
   */
  StreamCompleteGroups: grpc.handleServerStreamingCall<_segue_v1_StreamCompleteGroupsRequest__Output, _segue_v1_CompleteGroup>;
  
}

export interface ReplayStoreDefinition extends grpc.ServiceDefinition {
  AppendEvent: MethodDefinition<_segue_v1_AppendEventRequest, _segue_v1_StoredEvent, _segue_v1_AppendEventRequest__Output, _segue_v1_StoredEvent__Output>
  AppendSegment: MethodDefinition<_segue_v1_AppendSegmentRequest, _segue_v1_AppendSegmentResponse, _segue_v1_AppendSegmentRequest__Output, _segue_v1_AppendSegmentResponse__Output>
  CloseIteration: MethodDefinition<_segue_v1_CloseIterationRequest, _segue_v1_IterationRecord, _segue_v1_CloseIterationRequest__Output, _segue_v1_IterationRecord__Output>
  CommitIteration: MethodDefinition<_segue_v1_CommitIterationRequest, _segue_v1_IterationRecord, _segue_v1_CommitIterationRequest__Output, _segue_v1_IterationRecord__Output>
  FreezeBatch: MethodDefinition<_segue_v1_FreezeBatchRequest, _segue_v1_IterationRecord, _segue_v1_FreezeBatchRequest__Output, _segue_v1_IterationRecord__Output>
  GetIteration: MethodDefinition<_segue_v1_GetIterationRequest, _segue_v1_IterationRecord, _segue_v1_GetIterationRequest__Output, _segue_v1_IterationRecord__Output>
  GetRun: MethodDefinition<_segue_v1_GetRunRecordRequest, _segue_v1_RunRecord, _segue_v1_GetRunRecordRequest__Output, _segue_v1_RunRecord__Output>
  GetStatistics: MethodDefinition<_segue_v1_GetStatisticsRequest, _segue_v1_Statistics, _segue_v1_GetStatisticsRequest__Output, _segue_v1_Statistics__Output>
  GetTrajectory: MethodDefinition<_segue_v1_GetTrajectoryRequest, _segue_v1_Trajectory, _segue_v1_GetTrajectoryRequest__Output, _segue_v1_Trajectory__Output>
  ListEvents: MethodDefinition<_segue_v1_ListEventsRequest, _segue_v1_StoredEvent, _segue_v1_ListEventsRequest__Output, _segue_v1_StoredEvent__Output>
  ListIterations: MethodDefinition<_segue_v1_ListIterationsRequest, _segue_v1_IterationRecord, _segue_v1_ListIterationsRequest__Output, _segue_v1_IterationRecord__Output>
  ListProblems: MethodDefinition<_segue_v1_ListProblemsRequest, _segue_v1_ProblemRecord, _segue_v1_ListProblemsRequest__Output, _segue_v1_ProblemRecord__Output>
  ListRuns: MethodDefinition<_segue_v1_ListRunRecordsRequest, _segue_v1_ListRunRecordsResponse, _segue_v1_ListRunRecordsRequest__Output, _segue_v1_ListRunRecordsResponse__Output>
  ListTrajectories: MethodDefinition<_segue_v1_ListTrajectoriesRequest, _segue_v1_TrajectoryRecord, _segue_v1_ListTrajectoriesRequest__Output, _segue_v1_TrajectoryRecord__Output>
  ListUnfinished: MethodDefinition<_segue_v1_ListUnfinishedRequest, _segue_v1_TrajectorySummary, _segue_v1_ListUnfinishedRequest__Output, _segue_v1_TrajectorySummary__Output>
  OpenIteration: MethodDefinition<_segue_v1_OpenIterationRequest, _segue_v1_IterationRecord, _segue_v1_OpenIterationRequest__Output, _segue_v1_IterationRecord__Output>
  PutProblems: MethodDefinition<_segue_v1_PutProblemsRequest, _segue_v1_PutProblemsResponse, _segue_v1_PutProblemsRequest__Output, _segue_v1_PutProblemsResponse__Output>
  PutRun: MethodDefinition<_segue_v1_PutRunRequest, _segue_v1_RunRecord, _segue_v1_PutRunRequest__Output, _segue_v1_RunRecord__Output>
  RecordScore: MethodDefinition<_segue_v1_RecordScoreRequest, _segue_v1_RecordScoreResponse, _segue_v1_RecordScoreRequest__Output, _segue_v1_RecordScoreResponse__Output>
  Sample: MethodDefinition<_segue_v1_SampleRequest, _segue_v1_SampleResponse, _segue_v1_SampleRequest__Output, _segue_v1_SampleResponse__Output>
  StreamCompleteGroups: MethodDefinition<_segue_v1_StreamCompleteGroupsRequest, _segue_v1_CompleteGroup, _segue_v1_StreamCompleteGroupsRequest__Output, _segue_v1_CompleteGroup__Output>
}
