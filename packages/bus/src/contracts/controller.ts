/** segue.v1.Controller: the RPCs with their converters, deadlines and retry rules. Meanings are in controller.proto. */
import type {
  ActorReport,
  ClusterStatus,
  ControllerApi,
  EvaluationRequest,
  EvaluationResult,
  ProblemInput,
  QueueReport,
  RunState,
  RunView,
  ServiceAddress,
  Waiting,
} from '@segue/core';
import { problemInputConverter, samplingConverter } from '../convert/common.js';
import {
  count,
  counts,
  emptyConverter,
  enumConverter,
  enumField,
  fields,
  flag,
  listOf,
  nested,
  optional,
  real,
  text,
  uint,
  zeroMeans,
} from '../convert/converter.js';
import { deadLetterCalls } from '../convert/dead-letter.js';
import { batchPartConverter, storedEventConverter } from '../convert/replay.js';
import { scorerCalls } from '../convert/scorers.js';
import type { ActorReport__Output } from '../gen/segue/v1/ActorReport.js';
import type { ClusterStatus__Output } from '../gen/segue/v1/ClusterStatus.js';
import type { CreateRunRequest__Output } from '../gen/segue/v1/CreateRunRequest.js';
import type { EvaluateRequest__Output } from '../gen/segue/v1/EvaluateRequest.js';
import type { Evaluation__Output } from '../gen/segue/v1/Evaluation.js';
import type { GetRunRequest__Output } from '../gen/segue/v1/GetRunRequest.js';
import type { ListRunsResponse__Output } from '../gen/segue/v1/ListRunsResponse.js';
import type { QueueReport__Output } from '../gen/segue/v1/QueueReport.js';
import type { Run__Output } from '../gen/segue/v1/Run.js';
import type { ServiceAddress__Output } from '../gen/segue/v1/ServiceAddress.js';
import type { SubmitProblemsResponse__Output } from '../gen/segue/v1/SubmitProblemsResponse.js';
import type { Waiting__Output } from '../gen/segue/v1/Waiting.js';
import type { WatchRunRequest__Output } from '../gen/segue/v1/WatchRunRequest.js';
import { type Contract, clientStream, deadlines, serverStream, unary } from '../rpc/contract.js';

const runStateNames = enumConverter({
  created: 'RUN_STATE_CREATED',
  running: 'RUN_STATE_RUNNING',
  paused: 'RUN_STATE_PAUSED',
  stopped: 'RUN_STATE_STOPPED',
  finished: 'RUN_STATE_FINISHED',
  failed: 'RUN_STATE_FAILED',
} as const satisfies Record<RunState, string>);

const runConverter = fields<RunView, Run__Output>({
  id: text,
  state: enumField(runStateNames),
  configJson: text,
  iterations: uint,
  policyVersion: uint,
  createdAtMs: real,
  error: text,
  trainProblems: uint,
  evaluationProblems: uint,
  warmupProblems: uint,
});

const waitingConverter = fields<Waiting, Waiting__Output>({ what: text, from: text, sinceMs: real, count: uint });

const actorReportConverter = fields<ActorReport, ActorReport__Output>({
  actorId: text,
  address: text,
  running: uint,
  slots: uint,
  policyVersion: optional(uint),
  seenAtMs: real,
});

const serviceAddressConverter = fields<ServiceAddress, ServiceAddress__Output>({
  service: text,
  id: text,
  address: text,
  trouble: text,
});

const clusterStatusConverter = fields<ClusterStatus, ClusterStatus__Output>({
  runId: text,
  iteration: uint,
  phase: text,
  phaseSinceMs: real,
  waiting: listOf(waitingConverter),
  actors: listOf(actorReportConverter),
  services: listOf(serviceAddressConverter),
  faults: counts,
  queues: listOf(fields<QueueReport, QueueReport__Output>({ queue: text, pending: uint, leased: uint })),
  runsRetired: uint,
});

const ofRun = fields<{ runId: string }, GetRunRequest__Output>({ runId: text });
const untilAtRest = { deadlineMs: deadlines.slowMs, retry: true };

export const controllerContract: Contract<ControllerApi> = {
  name: 'segue.v1.Controller',
  methods: {
    submitProblems: clientStream(
      batchPartConverter<ProblemInput>(problemInputConverter),
      fields<ControllerApi['submitProblems']['response'], SubmitProblemsResponse__Output>({
        batchId: text,
        accepted: uint,
        repeated: flag,
      }),
    ),
    // Makes the policy's version 0, so it takes as long as a model takes to be written.
    createRun: unary(
      fields<ControllerApi['createRun']['request'], CreateRunRequest__Output>({ runId: text, configJson: text }),
      runConverter,
      { deadlineMs: deadlines.slowMs, retry: true },
    ),
    getRun: unary(ofRun, runConverter),
    listRuns: unary(
      emptyConverter,
      fields<ControllerApi['listRuns']['response'], ListRunsResponse__Output>({ runs: listOf(runConverter) }),
    ),
    pauseRun: unary(ofRun, runConverter, untilAtRest),
    resumeRun: unary(ofRun, runConverter, untilAtRest),
    stopRun: unary(ofRun, runConverter, untilAtRest),
    // A watcher goes on from what it has seen: the client package does that.
    watchRun: serverStream(
      fields<ControllerApi['watchRun']['request'], WatchRunRequest__Output>({
        runId: text,
        fromStart: flag,
        afterSequence: count,
        tellPosition: flag,
      }),
      storedEventConverter,
      { deadlineMs: deadlines.watchMs, retry: false },
    ),
    evaluate: unary(
      fields<EvaluationRequest, EvaluateRequest__Output>({
        runId: text,
        policyVersion: optional(uint),
        maxProblems: uint,
        samples: zeroMeans(1),
        sampling: optional(nested(samplingConverter)),
      }),
      fields<EvaluationResult, Evaluation__Output>({
        policyVersion: uint,
        problems: uint,
        samples: uint,
        accuracy: optional(real),
        failed: uint,
        responseTokensMean: real,
        responseTokensP95: real,
      }),
      { deadlineMs: deadlines.workMs, retry: false },
    ),
    getClusterStatus: unary(ofRun, clusterStatusConverter),
    ...deadLetterCalls,
    ...scorerCalls,
  },
};
