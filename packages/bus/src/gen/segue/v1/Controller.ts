// Original file: /work/main/protos/segue/v1/controller.proto

import type * as grpc from '@grpc/grpc-js'
import type { MethodDefinition } from '@grpc/proto-loader'
import type { ClusterStatus as _segue_v1_ClusterStatus, ClusterStatus__Output as _segue_v1_ClusterStatus__Output } from '../../segue/v1/ClusterStatus.js';
import type { CreateRunRequest as _segue_v1_CreateRunRequest, CreateRunRequest__Output as _segue_v1_CreateRunRequest__Output } from '../../segue/v1/CreateRunRequest.js';
import type { EvaluateRequest as _segue_v1_EvaluateRequest, EvaluateRequest__Output as _segue_v1_EvaluateRequest__Output } from '../../segue/v1/EvaluateRequest.js';
import type { Evaluation as _segue_v1_Evaluation, Evaluation__Output as _segue_v1_Evaluation__Output } from '../../segue/v1/Evaluation.js';
import type { GetClusterStatusRequest as _segue_v1_GetClusterStatusRequest, GetClusterStatusRequest__Output as _segue_v1_GetClusterStatusRequest__Output } from '../../segue/v1/GetClusterStatusRequest.js';
import type { GetRunRequest as _segue_v1_GetRunRequest, GetRunRequest__Output as _segue_v1_GetRunRequest__Output } from '../../segue/v1/GetRunRequest.js';
import type { ListRunsRequest as _segue_v1_ListRunsRequest, ListRunsRequest__Output as _segue_v1_ListRunsRequest__Output } from '../../segue/v1/ListRunsRequest.js';
import type { ListRunsResponse as _segue_v1_ListRunsResponse, ListRunsResponse__Output as _segue_v1_ListRunsResponse__Output } from '../../segue/v1/ListRunsResponse.js';
import type { PauseRunRequest as _segue_v1_PauseRunRequest, PauseRunRequest__Output as _segue_v1_PauseRunRequest__Output } from '../../segue/v1/PauseRunRequest.js';
import type { ResumeRunRequest as _segue_v1_ResumeRunRequest, ResumeRunRequest__Output as _segue_v1_ResumeRunRequest__Output } from '../../segue/v1/ResumeRunRequest.js';
import type { Run as _segue_v1_Run, Run__Output as _segue_v1_Run__Output } from '../../segue/v1/Run.js';
import type { RunEvent as _segue_v1_RunEvent, RunEvent__Output as _segue_v1_RunEvent__Output } from '../../segue/v1/RunEvent.js';
import type { StopRunRequest as _segue_v1_StopRunRequest, StopRunRequest__Output as _segue_v1_StopRunRequest__Output } from '../../segue/v1/StopRunRequest.js';
import type { SubmitProblemsRequest as _segue_v1_SubmitProblemsRequest, SubmitProblemsRequest__Output as _segue_v1_SubmitProblemsRequest__Output } from '../../segue/v1/SubmitProblemsRequest.js';
import type { SubmitProblemsResponse as _segue_v1_SubmitProblemsResponse, SubmitProblemsResponse__Output as _segue_v1_SubmitProblemsResponse__Output } from '../../segue/v1/SubmitProblemsResponse.js';
import type { WatchRunRequest as _segue_v1_WatchRunRequest, WatchRunRequest__Output as _segue_v1_WatchRunRequest__Output } from '../../segue/v1/WatchRunRequest.js';

export interface ControllerClient extends grpc.Client {
  /**
   * Creates a run in state CREATED and makes its policy version 0. Idempotent by run id: the same configuration
   * answers with the existing run, another one is refused with ALREADY_EXISTS. Nothing starts until ResumeRun.
   */
  CreateRun(argument: _segue_v1_CreateRunRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_segue_v1_Run__Output>): grpc.ClientUnaryCall;
  CreateRun(argument: _segue_v1_CreateRunRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_segue_v1_Run__Output>): grpc.ClientUnaryCall;
  CreateRun(argument: _segue_v1_CreateRunRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_segue_v1_Run__Output>): grpc.ClientUnaryCall;
  CreateRun(argument: _segue_v1_CreateRunRequest, callback: grpc.requestCallback<_segue_v1_Run__Output>): grpc.ClientUnaryCall;
  /**
   * Creates a run in state CREATED and makes its policy version 0. Idempotent by run id: the same configuration
   * answers with the existing run, another one is refused with ALREADY_EXISTS. Nothing starts until ResumeRun.
   */
  createRun(argument: _segue_v1_CreateRunRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_segue_v1_Run__Output>): grpc.ClientUnaryCall;
  createRun(argument: _segue_v1_CreateRunRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_segue_v1_Run__Output>): grpc.ClientUnaryCall;
  createRun(argument: _segue_v1_CreateRunRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_segue_v1_Run__Output>): grpc.ClientUnaryCall;
  createRun(argument: _segue_v1_CreateRunRequest, callback: grpc.requestCallback<_segue_v1_Run__Output>): grpc.ClientUnaryCall;
  
  /**
   * Evaluates one policy version on the run's evaluation problems, in its own lane on a pinned version; it neither waits
   * for nor delays an iteration's plan. Not idempotent, harmless to repeat: every call samples again with the same seeds.
   */
  Evaluate(argument: _segue_v1_EvaluateRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_segue_v1_Evaluation__Output>): grpc.ClientUnaryCall;
  Evaluate(argument: _segue_v1_EvaluateRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_segue_v1_Evaluation__Output>): grpc.ClientUnaryCall;
  Evaluate(argument: _segue_v1_EvaluateRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_segue_v1_Evaluation__Output>): grpc.ClientUnaryCall;
  Evaluate(argument: _segue_v1_EvaluateRequest, callback: grpc.requestCallback<_segue_v1_Evaluation__Output>): grpc.ClientUnaryCall;
  /**
   * Evaluates one policy version on the run's evaluation problems, in its own lane on a pinned version; it neither waits
   * for nor delays an iteration's plan. Not idempotent, harmless to repeat: every call samples again with the same seeds.
   */
  evaluate(argument: _segue_v1_EvaluateRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_segue_v1_Evaluation__Output>): grpc.ClientUnaryCall;
  evaluate(argument: _segue_v1_EvaluateRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_segue_v1_Evaluation__Output>): grpc.ClientUnaryCall;
  evaluate(argument: _segue_v1_EvaluateRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_segue_v1_Evaluation__Output>): grpc.ClientUnaryCall;
  evaluate(argument: _segue_v1_EvaluateRequest, callback: grpc.requestCallback<_segue_v1_Evaluation__Output>): grpc.ClientUnaryCall;
  
  /**
   * What the cluster does and waits for at this moment: phase, open leases, actors, queue depths. Never blocks on a peer.
   */
  GetClusterStatus(argument: _segue_v1_GetClusterStatusRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_segue_v1_ClusterStatus__Output>): grpc.ClientUnaryCall;
  GetClusterStatus(argument: _segue_v1_GetClusterStatusRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_segue_v1_ClusterStatus__Output>): grpc.ClientUnaryCall;
  GetClusterStatus(argument: _segue_v1_GetClusterStatusRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_segue_v1_ClusterStatus__Output>): grpc.ClientUnaryCall;
  GetClusterStatus(argument: _segue_v1_GetClusterStatusRequest, callback: grpc.requestCallback<_segue_v1_ClusterStatus__Output>): grpc.ClientUnaryCall;
  /**
   * What the cluster does and waits for at this moment: phase, open leases, actors, queue depths. Never blocks on a peer.
   */
  getClusterStatus(argument: _segue_v1_GetClusterStatusRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_segue_v1_ClusterStatus__Output>): grpc.ClientUnaryCall;
  getClusterStatus(argument: _segue_v1_GetClusterStatusRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_segue_v1_ClusterStatus__Output>): grpc.ClientUnaryCall;
  getClusterStatus(argument: _segue_v1_GetClusterStatusRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_segue_v1_ClusterStatus__Output>): grpc.ClientUnaryCall;
  getClusterStatus(argument: _segue_v1_GetClusterStatusRequest, callback: grpc.requestCallback<_segue_v1_ClusterStatus__Output>): grpc.ClientUnaryCall;
  
  /**
   * Reads one run. NOT_FOUND when there is none.
   */
  GetRun(argument: _segue_v1_GetRunRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_segue_v1_Run__Output>): grpc.ClientUnaryCall;
  GetRun(argument: _segue_v1_GetRunRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_segue_v1_Run__Output>): grpc.ClientUnaryCall;
  GetRun(argument: _segue_v1_GetRunRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_segue_v1_Run__Output>): grpc.ClientUnaryCall;
  GetRun(argument: _segue_v1_GetRunRequest, callback: grpc.requestCallback<_segue_v1_Run__Output>): grpc.ClientUnaryCall;
  /**
   * Reads one run. NOT_FOUND when there is none.
   */
  getRun(argument: _segue_v1_GetRunRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_segue_v1_Run__Output>): grpc.ClientUnaryCall;
  getRun(argument: _segue_v1_GetRunRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_segue_v1_Run__Output>): grpc.ClientUnaryCall;
  getRun(argument: _segue_v1_GetRunRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_segue_v1_Run__Output>): grpc.ClientUnaryCall;
  getRun(argument: _segue_v1_GetRunRequest, callback: grpc.requestCallback<_segue_v1_Run__Output>): grpc.ClientUnaryCall;
  
  /**
   * All runs, newest first. Not paged: a controller keeps hundreds, not millions.
   */
  ListRuns(argument: _segue_v1_ListRunsRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_segue_v1_ListRunsResponse__Output>): grpc.ClientUnaryCall;
  ListRuns(argument: _segue_v1_ListRunsRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_segue_v1_ListRunsResponse__Output>): grpc.ClientUnaryCall;
  ListRuns(argument: _segue_v1_ListRunsRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_segue_v1_ListRunsResponse__Output>): grpc.ClientUnaryCall;
  ListRuns(argument: _segue_v1_ListRunsRequest, callback: grpc.requestCallback<_segue_v1_ListRunsResponse__Output>): grpc.ClientUnaryCall;
  /**
   * All runs, newest first. Not paged: a controller keeps hundreds, not millions.
   */
  listRuns(argument: _segue_v1_ListRunsRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_segue_v1_ListRunsResponse__Output>): grpc.ClientUnaryCall;
  listRuns(argument: _segue_v1_ListRunsRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_segue_v1_ListRunsResponse__Output>): grpc.ClientUnaryCall;
  listRuns(argument: _segue_v1_ListRunsRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_segue_v1_ListRunsResponse__Output>): grpc.ClientUnaryCall;
  listRuns(argument: _segue_v1_ListRunsRequest, callback: grpc.requestCallback<_segue_v1_ListRunsResponse__Output>): grpc.ClientUnaryCall;
  
  /**
   * Stops after the current phase: the rollout phase is closed (running segments are cut and saved), a training phase is
   * finished. Returns when the run has come to rest, or DEADLINE_EXCEEDED while it still does. Idempotent.
   */
  PauseRun(argument: _segue_v1_PauseRunRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_segue_v1_Run__Output>): grpc.ClientUnaryCall;
  PauseRun(argument: _segue_v1_PauseRunRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_segue_v1_Run__Output>): grpc.ClientUnaryCall;
  PauseRun(argument: _segue_v1_PauseRunRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_segue_v1_Run__Output>): grpc.ClientUnaryCall;
  PauseRun(argument: _segue_v1_PauseRunRequest, callback: grpc.requestCallback<_segue_v1_Run__Output>): grpc.ClientUnaryCall;
  /**
   * Stops after the current phase: the rollout phase is closed (running segments are cut and saved), a training phase is
   * finished. Returns when the run has come to rest, or DEADLINE_EXCEEDED while it still does. Idempotent.
   */
  pauseRun(argument: _segue_v1_PauseRunRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_segue_v1_Run__Output>): grpc.ClientUnaryCall;
  pauseRun(argument: _segue_v1_PauseRunRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_segue_v1_Run__Output>): grpc.ClientUnaryCall;
  pauseRun(argument: _segue_v1_PauseRunRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_segue_v1_Run__Output>): grpc.ClientUnaryCall;
  pauseRun(argument: _segue_v1_PauseRunRequest, callback: grpc.requestCallback<_segue_v1_Run__Output>): grpc.ClientUnaryCall;
  
  /**
   * Starts a created run, or goes on with a paused one from what the replay store holds. Idempotent.
   */
  ResumeRun(argument: _segue_v1_ResumeRunRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_segue_v1_Run__Output>): grpc.ClientUnaryCall;
  ResumeRun(argument: _segue_v1_ResumeRunRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_segue_v1_Run__Output>): grpc.ClientUnaryCall;
  ResumeRun(argument: _segue_v1_ResumeRunRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_segue_v1_Run__Output>): grpc.ClientUnaryCall;
  ResumeRun(argument: _segue_v1_ResumeRunRequest, callback: grpc.requestCallback<_segue_v1_Run__Output>): grpc.ClientUnaryCall;
  /**
   * Starts a created run, or goes on with a paused one from what the replay store holds. Idempotent.
   */
  resumeRun(argument: _segue_v1_ResumeRunRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_segue_v1_Run__Output>): grpc.ClientUnaryCall;
  resumeRun(argument: _segue_v1_ResumeRunRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_segue_v1_Run__Output>): grpc.ClientUnaryCall;
  resumeRun(argument: _segue_v1_ResumeRunRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_segue_v1_Run__Output>): grpc.ClientUnaryCall;
  resumeRun(argument: _segue_v1_ResumeRunRequest, callback: grpc.requestCallback<_segue_v1_Run__Output>): grpc.ClientUnaryCall;
  
  /**
   * Ends a run for good: as PauseRun, then state STOPPED. Its data stays readable. Idempotent.
   */
  StopRun(argument: _segue_v1_StopRunRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_segue_v1_Run__Output>): grpc.ClientUnaryCall;
  StopRun(argument: _segue_v1_StopRunRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_segue_v1_Run__Output>): grpc.ClientUnaryCall;
  StopRun(argument: _segue_v1_StopRunRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_segue_v1_Run__Output>): grpc.ClientUnaryCall;
  StopRun(argument: _segue_v1_StopRunRequest, callback: grpc.requestCallback<_segue_v1_Run__Output>): grpc.ClientUnaryCall;
  /**
   * Ends a run for good: as PauseRun, then state STOPPED. Its data stays readable. Idempotent.
   */
  stopRun(argument: _segue_v1_StopRunRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_segue_v1_Run__Output>): grpc.ClientUnaryCall;
  stopRun(argument: _segue_v1_StopRunRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_segue_v1_Run__Output>): grpc.ClientUnaryCall;
  stopRun(argument: _segue_v1_StopRunRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_segue_v1_Run__Output>): grpc.ClientUnaryCall;
  stopRun(argument: _segue_v1_StopRunRequest, callback: grpc.requestCallback<_segue_v1_Run__Output>): grpc.ClientUnaryCall;
  
  /**
   * Adds problems to a run. The client streams one header, then problems in any number. Order inside the stream is
   * kept: it is the order that ids are made from. Idempotent by (run, batch id): a batch that was accepted before with the
   * same content answers as it did then, with other content it is refused with ALREADY_EXISTS. All or nothing: when
   * one problem is refused (INVALID_ARGUMENT, with its position) none is kept, and so when the stream breaks off. Safe to retry.
   */
  SubmitProblems(metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_segue_v1_SubmitProblemsResponse__Output>): grpc.ClientWritableStream<_segue_v1_SubmitProblemsRequest>;
  SubmitProblems(metadata: grpc.Metadata, callback: grpc.requestCallback<_segue_v1_SubmitProblemsResponse__Output>): grpc.ClientWritableStream<_segue_v1_SubmitProblemsRequest>;
  SubmitProblems(options: grpc.CallOptions, callback: grpc.requestCallback<_segue_v1_SubmitProblemsResponse__Output>): grpc.ClientWritableStream<_segue_v1_SubmitProblemsRequest>;
  SubmitProblems(callback: grpc.requestCallback<_segue_v1_SubmitProblemsResponse__Output>): grpc.ClientWritableStream<_segue_v1_SubmitProblemsRequest>;
  /**
   * Adds problems to a run. The client streams one header, then problems in any number. Order inside the stream is
   * kept: it is the order that ids are made from. Idempotent by (run, batch id): a batch that was accepted before with the
   * same content answers as it did then, with other content it is refused with ALREADY_EXISTS. All or nothing: when
   * one problem is refused (INVALID_ARGUMENT, with its position) none is kept, and so when the stream breaks off. Safe to retry.
   */
  submitProblems(metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_segue_v1_SubmitProblemsResponse__Output>): grpc.ClientWritableStream<_segue_v1_SubmitProblemsRequest>;
  submitProblems(metadata: grpc.Metadata, callback: grpc.requestCallback<_segue_v1_SubmitProblemsResponse__Output>): grpc.ClientWritableStream<_segue_v1_SubmitProblemsRequest>;
  submitProblems(options: grpc.CallOptions, callback: grpc.requestCallback<_segue_v1_SubmitProblemsResponse__Output>): grpc.ClientWritableStream<_segue_v1_SubmitProblemsRequest>;
  submitProblems(callback: grpc.requestCallback<_segue_v1_SubmitProblemsResponse__Output>): grpc.ClientWritableStream<_segue_v1_SubmitProblemsRequest>;
  
  /**
   * Events of a run from now on, or from the start with `from_start`. At least once, in order; each has a number. The stream
   * ends when the run comes to rest (finished, failed, stopped, paused). A watcher that breaks off asks again with
   * `after_sequence` and misses nothing.
   */
  WatchRun(argument: _segue_v1_WatchRunRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_segue_v1_RunEvent__Output>;
  WatchRun(argument: _segue_v1_WatchRunRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_segue_v1_RunEvent__Output>;
  /**
   * Events of a run from now on, or from the start with `from_start`. At least once, in order; each has a number. The stream
   * ends when the run comes to rest (finished, failed, stopped, paused). A watcher that breaks off asks again with
   * `after_sequence` and misses nothing.
   */
  watchRun(argument: _segue_v1_WatchRunRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_segue_v1_RunEvent__Output>;
  watchRun(argument: _segue_v1_WatchRunRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_segue_v1_RunEvent__Output>;
  
}

export interface ControllerHandlers extends grpc.UntypedServiceImplementation {
  /**
   * Creates a run in state CREATED and makes its policy version 0. Idempotent by run id: the same configuration
   * answers with the existing run, another one is refused with ALREADY_EXISTS. Nothing starts until ResumeRun.
   */
  CreateRun: grpc.handleUnaryCall<_segue_v1_CreateRunRequest__Output, _segue_v1_Run>;
  
  /**
   * Evaluates one policy version on the run's evaluation problems, in its own lane on a pinned version; it neither waits
   * for nor delays an iteration's plan. Not idempotent, harmless to repeat: every call samples again with the same seeds.
   */
  Evaluate: grpc.handleUnaryCall<_segue_v1_EvaluateRequest__Output, _segue_v1_Evaluation>;
  
  /**
   * What the cluster does and waits for at this moment: phase, open leases, actors, queue depths. Never blocks on a peer.
   */
  GetClusterStatus: grpc.handleUnaryCall<_segue_v1_GetClusterStatusRequest__Output, _segue_v1_ClusterStatus>;
  
  /**
   * Reads one run. NOT_FOUND when there is none.
   */
  GetRun: grpc.handleUnaryCall<_segue_v1_GetRunRequest__Output, _segue_v1_Run>;
  
  /**
   * All runs, newest first. Not paged: a controller keeps hundreds, not millions.
   */
  ListRuns: grpc.handleUnaryCall<_segue_v1_ListRunsRequest__Output, _segue_v1_ListRunsResponse>;
  
  /**
   * Stops after the current phase: the rollout phase is closed (running segments are cut and saved), a training phase is
   * finished. Returns when the run has come to rest, or DEADLINE_EXCEEDED while it still does. Idempotent.
   */
  PauseRun: grpc.handleUnaryCall<_segue_v1_PauseRunRequest__Output, _segue_v1_Run>;
  
  /**
   * Starts a created run, or goes on with a paused one from what the replay store holds. Idempotent.
   */
  ResumeRun: grpc.handleUnaryCall<_segue_v1_ResumeRunRequest__Output, _segue_v1_Run>;
  
  /**
   * Ends a run for good: as PauseRun, then state STOPPED. Its data stays readable. Idempotent.
   */
  StopRun: grpc.handleUnaryCall<_segue_v1_StopRunRequest__Output, _segue_v1_Run>;
  
  /**
   * Adds problems to a run. The client streams one header, then problems in any number. Order inside the stream is
   * kept: it is the order that ids are made from. Idempotent by (run, batch id): a batch that was accepted before with the
   * same content answers as it did then, with other content it is refused with ALREADY_EXISTS. All or nothing: when
   * one problem is refused (INVALID_ARGUMENT, with its position) none is kept, and so when the stream breaks off. Safe to retry.
   */
  SubmitProblems: grpc.handleClientStreamingCall<_segue_v1_SubmitProblemsRequest__Output, _segue_v1_SubmitProblemsResponse>;
  
  /**
   * Events of a run from now on, or from the start with `from_start`. At least once, in order; each has a number. The stream
   * ends when the run comes to rest (finished, failed, stopped, paused). A watcher that breaks off asks again with
   * `after_sequence` and misses nothing.
   */
  WatchRun: grpc.handleServerStreamingCall<_segue_v1_WatchRunRequest__Output, _segue_v1_RunEvent>;
  
}

export interface ControllerDefinition extends grpc.ServiceDefinition {
  CreateRun: MethodDefinition<_segue_v1_CreateRunRequest, _segue_v1_Run, _segue_v1_CreateRunRequest__Output, _segue_v1_Run__Output>
  Evaluate: MethodDefinition<_segue_v1_EvaluateRequest, _segue_v1_Evaluation, _segue_v1_EvaluateRequest__Output, _segue_v1_Evaluation__Output>
  GetClusterStatus: MethodDefinition<_segue_v1_GetClusterStatusRequest, _segue_v1_ClusterStatus, _segue_v1_GetClusterStatusRequest__Output, _segue_v1_ClusterStatus__Output>
  GetRun: MethodDefinition<_segue_v1_GetRunRequest, _segue_v1_Run, _segue_v1_GetRunRequest__Output, _segue_v1_Run__Output>
  ListRuns: MethodDefinition<_segue_v1_ListRunsRequest, _segue_v1_ListRunsResponse, _segue_v1_ListRunsRequest__Output, _segue_v1_ListRunsResponse__Output>
  PauseRun: MethodDefinition<_segue_v1_PauseRunRequest, _segue_v1_Run, _segue_v1_PauseRunRequest__Output, _segue_v1_Run__Output>
  ResumeRun: MethodDefinition<_segue_v1_ResumeRunRequest, _segue_v1_Run, _segue_v1_ResumeRunRequest__Output, _segue_v1_Run__Output>
  StopRun: MethodDefinition<_segue_v1_StopRunRequest, _segue_v1_Run, _segue_v1_StopRunRequest__Output, _segue_v1_Run__Output>
  SubmitProblems: MethodDefinition<_segue_v1_SubmitProblemsRequest, _segue_v1_SubmitProblemsResponse, _segue_v1_SubmitProblemsRequest__Output, _segue_v1_SubmitProblemsResponse__Output>
  WatchRun: MethodDefinition<_segue_v1_WatchRunRequest, _segue_v1_RunEvent, _segue_v1_WatchRunRequest__Output, _segue_v1_RunEvent__Output>
}
