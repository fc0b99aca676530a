/** One value of each of core's types, with nothing left at its default: what the tests send. */
import type {
  ActorStatus,
  Group,
  IterationRecord,
  PlannedTask,
  PolicyRef,
  Problem,
  ProblemInput,
  ReplayStatistics,
  RolloutTask,
  RunRecord,
  Score,
  Segment,
  SnapshotChunk,
  Trajectory,
  TrajectorySummary,
} from '@segue/core';
import type { Registration } from '../dist/index.js';

export const segment: Segment = {
  id: 'r-g0-t0-s0',
  trajectoryId: 'r-g0-t0',
  index: 1,
  attempt: 2,
  iteration: 3,
  policyVersion: 4,
  actorId: 'actor-1',
  prefixHash: '0123456789abcdef',
  tokens: Int32Array.of(5, 70_000, -1),
  logProbs: Float32Array.of(-0.25, -3.5, 0),
  origins: Uint8Array.of(0, 1, 2),
  lossMask: Uint8Array.of(1, 0, 1),
  endReason: 'budget',
  error: null,
  meter: { promptTokens: 7, reprefillTokens: 8, startedAtMs: 1_700_000_000_000.5, endedAtMs: 1_700_000_000_001.25 },
};

export const score: Score = {
  trajectoryId: 'r-g0-t0',
  scorer: 'exact',
  status: 'ok',
  reward: 0.1,
  detail: 'found 42 – fine',
  durationMs: 1.5,
};

export const group: Group = { id: 'r-g0', runId: 'r', index: 1, problemId: 'p', size: 4, iteration: 2 };

export const trajectory: Trajectory = {
  id: 'r-g0-t0',
  groupId: 'r-g0',
  problemId: 'p',
  promptTokens: Int32Array.of(1, 2, 3),
  state: 'scored',
  segments: [segment, { ...segment, origins: null, lossMask: null, endReason: 'error', error: 'why' }],
  score,
};

export const summary: TrajectorySummary = {
  id: 'r-g0-t0',
  groupId: 'r-g0',
  problemId: 'p',
  state: 'unfinished',
  segmentCount: 1,
  responseTokens: 2,
  firstIteration: 3,
  lastIteration: 4,
  endReason: 'yield',
  errors: 1,
  reward: 0,
};

export const problemInput: ProblemInput = {
  id: 'p',
  purpose: 'warmup',
  prompt: 'gcd of 4 and 6?',
  answer: '2',
  scorer: 'exact',
  tags: ['a', 'b'],
  difficulty: 0,
  metadata: { numbers: [4, 6], note: 'ü' },
  response: 'it is 2',
};

export const problem: Problem = { ...problemInput, id: 'p', promptTokens: Int32Array.of(9, 8) };

export const runRecord: RunRecord = {
  id: 'r',
  configJson: '{"a":1}',
  state: 'paused',
  createdAtMs: 5.5,
  revision: 3,
  error: 'e',
  progressJson: '{}',
  trainProblems: 1,
  evaluationProblems: 2,
  warmupProblems: 3,
};

export const plannedTask: PlannedTask = {
  trajectoryId: 'r-g0-t0',
  groupId: 'r-g0',
  problemId: 'p',
  segmentIndex: 2,
  lastSpan: true,
};

export const iterationRecord: IterationRecord = {
  runId: 'r',
  iteration: 1,
  state: 'open',
  policyVersion: 1,
  policyVersionOut: 2,
  tasks: [plannedTask, { ...plannedTask, lastSpan: false }],
  progress: {
    committedTasks: 1,
    openTrajectoryIds: ['r-g0-t1'],
    completeGroups: 2,
    usefulGroups: 1,
    usefulGroupsInOrder: 1,
    awaitingScore: 3,
    groupsAwaitingScore: 2,
    generatedTokens: 2 ** 40,
    reprefilledTokens: 5,
    promptTokens: 6,
    segmentsByEndReason: { stop: 1, yield: 2 },
    segmentsByActor: { 'actor-1': 3 },
    finishedTrajectories: 4,
    spanningTrajectories: 2,
    rewardSum: 1.5,
    judged: 3,
    responseTokens: Uint32Array.of(1, 4294967295),
  },
  batchGroupIds: [],
  filteredEqual: 1,
  filteredUnusable: 2,
  metricsJson: '{}',
  openedAtMs: 1,
  closedAtMs: 2,
  committedAtMs: 3,
};

export const statistics: ReplayStatistics = {
  trajectoriesByState: { scored: 2, failed: 1 },
  segmentsByEndReason: { length: 4 },
  appendsByOutcome: { 'kept-earlier': 1, committed: 9 },
  groupsOpen: 1,
  groupsComplete: 2,
  groupsConsumed: 3,
  groupsFiltered: 4,
  finished: 5,
  spanning: 6,
  generatedTokens: 2 ** 41,
  reprefilledTokens: 7,
  promptTokens: 8,
  bytesOnDisk: 2 ** 42,
  deadLettersByKind: { trajectory: 1, message: 2 },
  runsRetired: 3,
  heldFromIteration: 0,
  heldToIteration: 2 ** 31,
};

const snapshotChunk: SnapshotChunk = {
  offset: 2 ** 40,
  fileBytes: 2 ** 41,
  sha256: 'ab',
  runs: [
    { id: 'r', state: 'running', iteration: 3, iterationState: 'frozen', policyVersion: 3 },
    { id: 'q', state: 'created', iteration: null, iterationState: null, policyVersion: 0 },
  ],
  retiredRuns: ['o'],
  data: Buffer.from([1, 2]),
};

/** No run was let go of, and a store that does not say, are two things. */
export const snapshotSamples = {
  requests: [{ holdVersions: false }, { holdVersions: true }],
  responses: [snapshotChunk, { ...snapshotChunk, retiredRuns: [] }, { ...snapshotChunk, retiredRuns: null }],
};

export const actorStatus: ActorStatus = {
  actorId: 'actor-1',
  runId: 'r',
  policyVersion: null,
  slots: 4,
  running: 2,
  trajectoryIds: ['r-g0-t0'],
  draining: true,
  device: 'cpu',
  generatedTokens: 2 ** 40,
  reprefilledTokens: 1,
  flushedIteration: null,
  engineCall: 'generateChunk',
  engineCallMs: 120,
  policyRunId: 'q',
  refusedRuns: [{ runId: 'r', reason: 'temperature 0.8', isTried: true }],
};

export const policyRef: PolicyRef = { runId: 'r', version: 3, manifestSha256: 'ab' };

export const rolloutTask: RolloutTask = {
  runId: 'r',
  iteration: 1,
  policyVersion: 2,
  groupId: 'r-g0',
  trajectoryId: 'r-g0-t0',
  problemId: 'p',
  segmentIndex: 0,
  attempt: 0,
  seed: 12345,
  sampling: { temperature: 0.7, topK: 0, topP: 1 },
  budgetTokens: 64,
  capTokens: 256,
  lastSpan: false,
};

export const registration: Registration = {
  id: 'actor-1',
  service: 'actor',
  address: '127.0.0.1:1',
  metricsAddress: '127.0.0.1:2',
  policyVersion: null,
  slots: 4,
  running: 1,
  flushedIteration: null,
  runId: 'r',
  seenAtMs: 1_700_000_000_000,
  published: { 'r/1': 4 },
};
