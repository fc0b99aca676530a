/** segue.v1.ReplayStore: the RPCs with their converters, deadlines and retry rules. Meanings are in replay.proto. */
import type { ReplayApi, Score, Segment } from '@segue/core';
import {
  groupConverter,
  purposeFilter,
  scoreConverter,
  segmentConverter,
  summaryConverter,
  trajectoryConverter,
} from '../convert/common.js';
import {
  count,
  emptyConverter,
  fields,
  flag,
  listOf,
  nested,
  optional,
  real,
  text,
  texts,
  uint,
  zeroMeans,
} from '../convert/converter.js';
import { deadLetterCalls } from '../convert/dead-letter.js';
import {
  snapshotChunkConverter,
  storeCheckConverter,
  takeSnapshotRequestConverter,
  verifyRequestConverter,
} from '../convert/keeping.js';
import {
  appendResultConverter,
  batchResultConverter,
  completeGroupConverter,
  iterationConverter,
  plannedTaskConverter,
  problemPartConverter,
  problemRecordConverter,
  progressConverter,
  runRecordConverter,
  sampleResultConverter,
  scoreResultConverter,
  selectorField,
  statisticsConverter,
  storedEventConverter,
  timelineRowsConverter,
  trajectoryRecordConverter,
} from '../convert/replay.js';
import type { AppendEventRequest__Output } from '../gen/segue/v1/AppendEventRequest.js';
import type { AppendSegmentRequest__Output } from '../gen/segue/v1/AppendSegmentRequest.js';
import type { CloseIterationRequest__Output } from '../gen/segue/v1/CloseIterationRequest.js';
import type { CommitIterationRequest__Output } from '../gen/segue/v1/CommitIterationRequest.js';
import type { FreezeBatchRequest__Output } from '../gen/segue/v1/FreezeBatchRequest.js';
import type { GetIterationProgressRequest__Output } from '../gen/segue/v1/GetIterationProgressRequest.js';
import type { GetIterationRequest__Output } from '../gen/segue/v1/GetIterationRequest.js';
import type { GetRunRecordRequest__Output } from '../gen/segue/v1/GetRunRecordRequest.js';
import type { GetTrajectoriesRequest__Output } from '../gen/segue/v1/GetTrajectoriesRequest.js';
import type { GetTrajectoryRequest__Output } from '../gen/segue/v1/GetTrajectoryRequest.js';
import type { ListEventsRequest__Output } from '../gen/segue/v1/ListEventsRequest.js';
import type { ListIterationsRequest__Output } from '../gen/segue/v1/ListIterationsRequest.js';
import type { ListProblemsRequest__Output } from '../gen/segue/v1/ListProblemsRequest.js';
import type { ListRunRecordsResponse__Output } from '../gen/segue/v1/ListRunRecordsResponse.js';
import type { ListTimelineRequest__Output } from '../gen/segue/v1/ListTimelineRequest.js';
import type { OpenIterationRequest__Output } from '../gen/segue/v1/OpenIterationRequest.js';
import type { PutRunRequest__Output } from '../gen/segue/v1/PutRunRequest.js';
import type { RecordScoreRequest__Output } from '../gen/segue/v1/RecordScoreRequest.js';
import type { SampleRequest__Output } from '../gen/segue/v1/SampleRequest.js';
import type { StreamCompleteGroupsRequest__Output } from '../gen/segue/v1/StreamCompleteGroupsRequest.js';
import { type Contract, clientStream, deadlines, serverStream, unary } from '../rpc/contract.js';

type Request<K extends keyof ReplayApi> = ReplayApi[K] extends { readonly request: infer R extends object } ? R : never;

const ofRun = fields<{ runId: string }, GetRunRecordRequest__Output>({ runId: text });

export const replayContract: Contract<ReplayApi> = {
  name: 'segue.v1.ReplayStore',
  methods: {
    // With an expected revision a second try would meet its own first one.
    putRun: unary(
      fields<Request<'putRun'>, PutRunRequest__Output>({
        run: nested(runRecordConverter),
        expectedRevision: optional(uint),
      }),
      runRecordConverter,
      { deadlineMs: deadlines.quickMs, retry: false },
    ),
    getRun: unary(ofRun, runRecordConverter),
    listRuns: unary(
      emptyConverter,
      fields<ReplayApi['listRuns']['response'], ListRunRecordsResponse__Output>({ runs: listOf(runRecordConverter) }),
    ),
    putProblems: clientStream(problemPartConverter, batchResultConverter),
    listProblems: serverStream(
      fields<Request<'listProblems'>, ListProblemsRequest__Output>({ runId: text, purpose: purposeFilter }),
      problemRecordConverter,
    ),
    openIteration: unary(
      fields<Request<'openIteration'>, OpenIterationRequest__Output>({
        runId: text,
        iteration: uint,
        policyVersion: uint,
        maxAttempts: zeroMeans(3),
        newGroups: listOf(groupConverter),
        tasks: listOf(plannedTaskConverter),
      }),
      iterationConverter,
    ),
    appendSegment: unary(
      fields<{ runId: string; segment: Segment }, AppendSegmentRequest__Output>({
        runId: text,
        segment: nested(segmentConverter),
      }),
      appendResultConverter,
    ),
    recordScore: unary(
      fields<{ runId: string; score: Score }, RecordScoreRequest__Output>({
        runId: text,
        score: nested(scoreConverter),
      }),
      scoreResultConverter,
    ),
    closeIteration: unary(
      fields<Request<'closeIteration'>, CloseIterationRequest__Output>({ runId: text, iteration: uint }),
      iterationConverter,
    ),
    freezeBatch: unary(
      fields<Request<'freezeBatch'>, FreezeBatchRequest__Output>({
        runId: text,
        iteration: uint,
        maxGroups: uint,
        minUsable: zeroMeans(2),
        keepEqual: flag,
      }),
      iterationConverter,
    ),
    commitIteration: unary(
      fields<Request<'commitIteration'>, CommitIterationRequest__Output>({
        runId: text,
        iteration: uint,
        policyVersionOut: uint,
        metricsJson: text,
      }),
      iterationConverter,
    ),
    getIteration: unary(
      fields<Request<'getIteration'>, GetIterationRequest__Output>({ runId: text, iteration: optional(uint) }),
      iterationConverter,
    ),
    getIterationProgress: unary(
      fields<Request<'getIterationProgress'>, GetIterationProgressRequest__Output>({ runId: text, iteration: uint }),
      progressConverter,
    ),
    listIterations: serverStream(
      fields<Request<'listIterations'>, ListIterationsRequest__Output>({ runId: text, fromIteration: uint }),
      iterationConverter,
    ),
    getTrajectory: unary(
      fields<Request<'getTrajectory'>, GetTrajectoryRequest__Output>({ trajectoryId: text }),
      trajectoryConverter,
    ),
    getTrajectories: serverStream(
      fields<Request<'getTrajectories'>, GetTrajectoriesRequest__Output>({ trajectoryIds: texts }),
      trajectoryConverter,
      { deadlineMs: deadlines.quickMs, retry: true },
    ),
    listUnfinished: serverStream(ofRun, summaryConverter),
    listTrajectories: serverStream(ofRun, trajectoryRecordConverter),
    listTimeline: serverStream(
      fields<Request<'listTimeline'>, ListTimelineRequest__Output>({ runId: text, fromGroup: uint, also: texts }),
      timelineRowsConverter,
    ),
    streamCompleteGroups: serverStream(
      fields<Request<'streamCompleteGroups'>, StreamCompleteGroupsRequest__Output>({
        runId: text,
        iteration: optional(uint),
      }),
      completeGroupConverter,
      { deadlineMs: deadlines.slowMs, retry: true },
    ),
    sample: unary(
      fields<Request<'sample'>, SampleRequest__Output>({
        runId: text,
        count: uint,
        selector: selectorField,
        seed: uint,
      }),
      sampleResultConverter,
    ),
    // Events are told at least once; with a key, once.
    appendEvent: unary(
      fields<Request<'appendEvent'>, AppendEventRequest__Output>({
        runId: text,
        kind: text,
        bodyJson: text,
        atMs: real,
        key: text,
      }),
      storedEventConverter,
    ),
    listEvents: serverStream(
      fields<Request<'listEvents'>, ListEventsRequest__Output>({ runId: text, afterSequence: count }),
      storedEventConverter,
    ),
    getStatistics: unary(ofRun, statisticsConverter),
    verify: serverStream(verifyRequestConverter, storeCheckConverter, { deadlineMs: deadlines.workMs, retry: true }),
    takeSnapshot: serverStream(takeSnapshotRequestConverter, snapshotChunkConverter, {
      deadlineMs: deadlines.workMs,
      retry: true,
    }),
    ...deadLetterCalls,
  },
};
