/** What each RPC may carry, there and back: one list of requests and one of responses per RPC, edge values included. Of the tables: table-samples.ts; of timelines: timeline-samples.ts. */
import {
  type ActorApi,
  type ControllerApi,
  type DeadLetterRecord,
  mendings,
  type ReplayApi,
  type RunView,
  requeueOutcomes,
  type TrainerApi,
} from '@segue/core';
import {
  actorStatus,
  group,
  iterationRecord,
  plannedTask,
  policyRef,
  problem,
  problemInput,
  runRecord,
  score,
  segment,
  snapshotSamples,
  statistics,
  summary,
  trajectory,
} from './samples.js';
import { rewardSamples, scorerListSamples } from './scorer-samples.js';
import { timelineSamples } from './timeline-samples.js';

/** For each RPC what it may carry: requests (a stream's parts) and responses. */
export type Samples<Api> = {
  readonly [K in keyof Api]: Api[K] extends {
    readonly header: infer H;
    readonly item: infer I;
    readonly response: infer R;
  }
    ? { readonly requests: readonly ({ header: H } | { item: I })[]; readonly responses: readonly R[] }
    : Api[K] extends { readonly request: infer Q; readonly response: infer R }
      ? { readonly requests: readonly Q[]; readonly responses: readonly R[] }
      : never;
};

const ofRun = { requests: [{ runId: 'r' }] };
const nothing = { requests: [{}] };
const header = { header: { runId: 'r', batchId: 'b-1' } };
const batchResult = { accepted: 3, repeated: true };

const letter: DeadLetterRecord = {
  id: 'message-1',
  kind: 'message',
  runId: 'r',
  subject: 'segue.rollout.r.r-g0-t0',
  reason: 'version 2 is unknown',
  tries: 0,
  atMs: 1.5,
  body: Uint8Array.of(1, 2),
  bodyBytes: 7,
  checksum: 'aa',
};
const ofLetter = { requests: [{ id: 'message-1' }] };
const letterSamples: Pick<
  Samples<ReplayApi>,
  'listDeadLetters' | 'getDeadLetter' | 'requeueDeadLetter' | 'dropDeadLetter'
> = {
  listDeadLetters: {
    requests: [{ runId: '' }, { runId: 'r' }],
    responses: [
      letter,
      { ...letter, kind: 'trajectory', body: new Uint8Array(0) },
      { ...letter, kind: 'score', tries: 3 },
    ],
  },
  getDeadLetter: { ...ofLetter, responses: [letter] },
  requeueDeadLetter: { ...ofLetter, responses: requeueOutcomes.map((outcome) => ({ outcome })) },
  dropDeadLetter: { ...ofLetter, responses: [letter] },
};

export const replaySamples: Samples<ReplayApi> = {
  putRun: {
    requests: [
      { run: runRecord, expectedRevision: 0 },
      { run: runRecord, expectedRevision: null },
    ],
    responses: [runRecord],
  },
  getRun: { ...ofRun, responses: [runRecord] },
  listRuns: { ...nothing, responses: [{ runs: [] }, { runs: [runRecord, { ...runRecord, state: 'failed' }] }] },
  putProblems: { requests: [header, { item: problem }], responses: [batchResult] },
  listProblems: {
    requests: [
      { runId: 'r', purpose: null },
      { runId: 'r', purpose: 'evaluation' },
    ],
    responses: [
      { problem, attempts: 4, successes: 1, openGroups: 0, lastIteration: 0, givenUp: true, requeued: false },
      { problem, attempts: 0, successes: 0, openGroups: 0, lastIteration: null, givenUp: false, requeued: true },
    ],
  },
  openIteration: {
    requests: [
      { runId: 'r', iteration: 0, policyVersion: 0, maxAttempts: 5, newGroups: [group], tasks: [plannedTask] },
    ],
    responses: [iterationRecord],
  },
  appendSegment: {
    requests: [
      { runId: 'r', segment },
      { runId: 'r', segment: { ...segment, endReason: 'error', error: 'lost', lostTries: 5 } },
    ],
    responses: [
      { outcome: 'committed', kept: segment, detail: '' },
      { outcome: 'kept-earlier', kept: segment, detail: 'x' },
      { outcome: 'closed', kept: null, detail: '' },
      { outcome: 'stale', kept: null, detail: '' },
    ],
  },
  recordScore: {
    requests: [
      { runId: 'r', score },
      { runId: 'r', score: { ...score, attempt: 0 } },
    ],
    responses: [{ recorded: false, kept: { ...score, attempt: 3 } }],
  },
  closeIteration: { requests: [{ runId: 'r', iteration: 7 }], responses: [{ ...iterationRecord, state: 'closed' }] },
  freezeBatch: {
    requests: [{ runId: 'r', iteration: 7, maxGroups: 0, minUsable: 3, keepEqual: true }],
    responses: [{ ...iterationRecord, state: 'frozen', batchGroupIds: ['r-g0', 'r-g1'] }],
  },
  commitIteration: {
    requests: [{ runId: 'r', iteration: 7, policyVersionOut: 8, metricsJson: '{}' }],
    responses: [{ ...iterationRecord, state: 'committed' }],
  },
  getIteration: {
    requests: [
      { runId: 'r', iteration: 0 },
      { runId: 'r', iteration: null },
    ],
    responses: [iterationRecord],
  },
  getIterationProgress: { requests: [{ runId: 'r', iteration: 2 }], responses: [iterationRecord.progress] },
  listIterations: { requests: [{ runId: 'r', fromIteration: 2 }], responses: [iterationRecord] },
  getTrajectory: { requests: [{ trajectoryId: 'r-g0-t0' }], responses: [trajectory, { ...trajectory, score: null }] },
  getTrajectories: {
    requests: [{ trajectoryIds: [] }, { trajectoryIds: ['r-g0-t0', 'r-g0-t1'] }],
    responses: [trajectory],
  },
  listUnfinished: { ...ofRun, responses: [summary, { ...summary, endReason: null, reward: null }] },
  listTrajectories: {
    ...ofRun,
    responses: [
      {
        summary,
        segments: [
          { ...segment, tokens: new Int32Array(0), logProbs: new Float32Array(0), lossMask: null, origins: null },
        ],
        tokenCounts: [3],
      },
    ],
  },
  ...timelineSamples,
  streamCompleteGroups: {
    requests: [
      { runId: 'r', iteration: 0 },
      { runId: 'r', iteration: null },
    ],
    responses: [{ group, trajectories: [trajectory] }],
  },
  sample: {
    requests: [
      { runId: 'r', count: 2, selector: 'uniform', seed: 9 },
      { runId: 'r', count: 2, selector: 'fifo', seed: 9 },
      { runId: 'r', count: 2, selector: 'lifo', seed: 9 },
      { runId: 'r', count: 2, selector: 'prioritized', seed: 9 },
    ],
    responses: [{ trajectories: [trajectory], probabilities: [0.25], population: 4 }],
  },
  appendEvent: {
    requests: [{ runId: 'r', kind: 'phase', bodyJson: '{}', atMs: 1.5, key: 'k' }],
    responses: [{ sequence: 2 ** 40, kind: 'phase', bodyJson: '{}', atMs: 1.5 }],
  },
  listEvents: {
    requests: [{ runId: 'r', afterSequence: 2 ** 40 }],
    responses: [{ sequence: 1, kind: 'x', bodyJson: '', atMs: 0 }],
  },
  getStatistics: {
    ...ofRun,
    responses: [statistics, { ...statistics, heldFromIteration: null, heldToIteration: null }],
  },
  verify: {
    requests: [
      { runId: null, repair: false },
      { runId: 'r', repair: true },
    ],
    responses: [
      { records: 2 ** 40, damage: null },
      ...mendings.map((mending) => ({ records: 1, damage: { runId: 'r', what: 'x', detail: 'y', mending } })),
    ],
  },
  takeSnapshot: snapshotSamples,
  ...letterSamples,
};

const runView: RunView = {
  id: 'r',
  state: 'running',
  configJson: '{}',
  iterations: 3,
  policyVersion: 2,
  createdAtMs: 12.5,
  error: '',
  trainProblems: 1,
  evaluationProblems: 2,
  warmupProblems: 3,
};

export const controllerSamples: Samples<ControllerApi> = {
  ...scorerListSamples,
  listScorers: rewardSamples.listScorers,
  submitProblems: {
    requests: [
      header,
      { item: problemInput },
      { item: { ...problemInput, id: null, difficulty: null, response: null, purpose: 'evaluation' } },
      {
        item: {
          ...problemInput,
          prompt: [
            { role: 'system', parts: [{ type: 'text', text: 'hi' }] },
            { role: 'user', parts: [{ type: 'image', url: 'http://x' }] },
          ],
        },
      },
    ],
    responses: [{ ...batchResult, batchId: 'b-1' }],
  },
  createRun: { requests: [{ runId: 'r', configJson: '{}' }], responses: [runView] },
  getRun: { ...ofRun, responses: [runView] },
  listRuns: {
    ...nothing,
    responses: [
      {
        runs: (['created', 'running', 'paused', 'stopped', 'finished', 'failed'] as const).map((state) => ({
          ...runView,
          state,
        })),
      },
    ],
  },
  pauseRun: { ...ofRun, responses: [runView] },
  resumeRun: { ...ofRun, responses: [runView] },
  stopRun: { ...ofRun, responses: [runView] },
  watchRun: {
    requests: [{ runId: 'r', fromStart: true, afterSequence: 4, tellPosition: true }],
    responses: [{ sequence: 1, kind: 'phase', bodyJson: '{}', atMs: 3 }],
  },
  evaluate: {
    requests: [
      {
        runId: 'r',
        policyVersion: null,
        maxProblems: 0,
        samples: 4,
        sampling: { temperature: 0.7, topK: 3, topP: 0.95 },
      },
      { runId: 'r', policyVersion: 0, maxProblems: 5, samples: 1, sampling: null },
    ],
    responses: [
      {
        policyVersion: 0,
        problems: 5,
        samples: 4,
        accuracy: 0,
        failed: 1,
        responseTokensMean: 1.5,
        responseTokensP95: 3,
      },
      {
        policyVersion: 1,
        problems: 5,
        samples: 4,
        accuracy: null,
        failed: 20,
        responseTokensMean: 0,
        responseTokensP95: 0,
      },
    ],
  },
  getClusterStatus: {
    ...ofRun,
    responses: [
      {
        runId: 'r',
        iteration: 0,
        phase: 'rollout',
        phaseSinceMs: 1,
        waiting: [{ what: 'segments', from: 'actor-1', sinceMs: 5, count: 2 }],
        actors: [{ actorId: 'a', address: 'h:1', running: 1, slots: 2, policyVersion: 0, seenAtMs: 2 }],
        services: [{ service: 'replay', id: 'replay', address: 'h:2', trouble: 'x' }],
        faults: { 'fenced-stale': 2 ** 40 },
        runsRetired: 3,
        queues: [{ queue: 'rollout', pending: 3, leased: 0 }],
      },
    ],
  },
  ...letterSamples,
};

const downloads = {
  requests: [
    { policy: policyRef, from: null },
    { policy: policyRef, from: { file: 'model.safetensors', offset: 2 ** 33 } },
  ],
  responses: [
    {
      file: 'model.safetensors',
      offset: 2 ** 33,
      fileBytes: 2 ** 34,
      data: Buffer.from([1, 2, 255]),
      sha256: Buffer.from([9, 0]),
    },
  ],
};

export const actorSamples: Samples<ActorApi> = {
  generate: {
    requests: [
      {
        runId: 'r',
        policyVersion: null,
        prompts: [
          { id: 'p', tokens: Int32Array.of(1, -2), text: '', responseTokens: Int32Array.of(3) },
          { id: 'q', tokens: null, text: 'say', responseTokens: new Int32Array(0) },
        ],
        sampling: { temperature: 0, topK: 0, topP: 1 },
        maxTokens: 0,
        seed: 4294967295,
        stopOnRepeat: true,
      },
    ],
    responses: (['stop', 'repeat', 'length', 'budget', 'yield', 'error'] as const).map((endReason) => ({
      id: 'p',
      tokens: Int32Array.of(5, 6),
      logProbs: Float32Array.of(-0.5, -1.25),
      endReason,
      policyVersion: 2,
      text: 'ö',
    })),
  },
  getActorStatus: { ...nothing, responses: [actorStatus, { ...actorStatus, policyVersion: 0, flushedIteration: 0 }] },
  loadPolicy: { requests: [{ policy: policyRef }], responses: [actorStatus] },
  preparePolicy: { requests: [{ policy: policyRef, folder: '/p/3' }], responses: [actorStatus] },
  downloadPolicy: downloads,
  releaseDevice: { ...nothing, responses: [{ durationMs: 54.25, residentBytes: 2 ** 33, leftBytes: 0 }] },
  drain: { ...nothing, responses: [actorStatus] },
};

const version = { ref: policyRef, parent: 2, bytes: 2 ** 33, folder: '/p/3' };
const trainProgress = { stage: 'train', step: 1, steps: 2, metricsJson: '{}', version: null };

export const trainerSamples: Samples<TrainerApi> = {
  initializePolicy: { ...ofRun, responses: [version] },
  fineTune: {
    requests: [{ runId: 'r', fromVersion: 0, replace: true }],
    responses: [trainProgress, { ...trainProgress, version }],
  },
  trainIteration: { requests: [{ runId: 'r', iteration: 0 }], responses: [{ ...trainProgress, version }] },
  getTrainerStatus: {
    ...nothing,
    responses: [
      {
        state: 'train',
        runId: 'r',
        policyVersion: null,
        stage: 'train',
        step: 1,
        steps: 2,
        device: 'cpu',
        engineCall: 'policyGradients',
        engineCallMs: 9,
      },
    ],
  },
  downloadPolicy: {
    requests: downloads.requests,
    responses: downloads.responses,
  },
};
